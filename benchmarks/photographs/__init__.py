"""Thirty photographs, relit and judged: ``python -m benchmarks.photographs``."""
