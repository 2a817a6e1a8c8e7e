"""Pages for people: each one file that works offline, from a disk, without us.

A page is a template with its style and its script, in a folder of its own, and a module
of the same name that fills them. `shared/` is what all pages have.

contents   what the before/after page shows: of a job, or of a folder afterwards
compare    the before/after page
previews   small copies of pictures
assemble   template, styles, scripts and data as one HTML file
"""
