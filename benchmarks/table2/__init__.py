"""Table 2 of the paper, losses and stages: ``python -m benchmarks.table2``."""
