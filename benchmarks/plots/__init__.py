"""Plots of docs/statistics.md: ``python -m benchmarks plots``."""
