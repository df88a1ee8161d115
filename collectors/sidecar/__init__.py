"""The sidecar: a pump in the path and a reader beside it."""
