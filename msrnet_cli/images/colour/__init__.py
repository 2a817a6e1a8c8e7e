"""What the numbers of a picture mean, and the label of what is written.

`labels` collects what a file claims, `meaning` decides between the claims; `spaces`,
`hdr`, `codes` and `profiles` know colours, `icc` and `lcms` read profiles, the other
modules know one format each.
"""
