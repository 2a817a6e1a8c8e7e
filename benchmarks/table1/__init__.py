"""Table 1 of the paper, the networks: ``python -m benchmarks.table1``."""
