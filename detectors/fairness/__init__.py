"""Fairness checks, one file per metric."""
