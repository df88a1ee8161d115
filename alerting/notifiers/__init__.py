"""Where notices go, one file per receiver."""
