"""Distributions, limits, evidence: imports nothing of ours."""
