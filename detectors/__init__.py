"""From Event to Finding."""
