"""Drift checks, one file per statistic."""
