"""Kubernetes: custom resources in, sidecars and status out."""
