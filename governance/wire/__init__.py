"""Bytes on the bus: columns, JSON, headers."""
