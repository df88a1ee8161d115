"""Model registries: one port, one file per kind."""
