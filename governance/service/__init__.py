"""Wires the stages together; nothing imports it."""
