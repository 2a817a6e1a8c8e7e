"""Engines for CUDA alone; a reader of the path on the CPU can pass by.

graph    a pass recorded for each shape, and replayed: what `auto` takes on CUDA
tuned    as graph, and each convolution of a residual block in the fastest of its ways
kernels  the ways of our own, in Triton

Whether `tuned` wins is decided on a GPU by one command:

    msrnet bench --device cuda --engine graph,tuned --dtype bf16 --json > gpu.json

`auto` should take `tuned` at the sizes where its row has no fault, agrees with fp32 to
45 dB, and is more than 5 % faster than `graph`. The start (`prepare` and `first`) then
tells how many pictures pay for it. No GPU has decided yet: `auto` takes `graph`.
"""
