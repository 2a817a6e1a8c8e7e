"""Pages for people: each one file that works offline, from a disk, without us.

A page is a template with its style and its script, in a folder of its own, and a module
of the same name that fills them. `shared/` is what all pages have.

contents   what the before/after page shows: of a job, or of a folder afterwards
compare    the before/after page
previews   small copies of pictures
table      a picture and its layers, mixed under any light
serve      takes pictures, where a service makes their tables
scores     what msrnet eval found on pairs: each picture, its error, its scores
scenes     the same on scenes whose lights are all known
training   curves and previews of a run; `following` keeps them up to date
benchmark  times beside ceilings and rivals
gallery    small copies of pictures that were scored
charts     lines, bars and histograms, as `shapes` on `scales`
options    how pages are made
place      where a page may lie, and how it is written
sinks      where its pictures go: into it, or into the folder beside it
jpegs      pictures as files, and as addresses that hold them
assemble   template, styles, scripts and data as one HTML file
"""
