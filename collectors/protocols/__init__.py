"""Inference protocols, one file each."""
