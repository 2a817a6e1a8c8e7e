"""Pages for people: each one file that works offline, from a disk, without us.

A page is a template with its style and its script, in a folder of its own, and a module
of the same name that fills them. `shared/` is what all pages have.

table      a picture and its layers, mixed under any light
serve      takes pictures, where a service makes their tables
options    how pages are made
assemble   template, styles, scripts and data as one HTML file
"""
