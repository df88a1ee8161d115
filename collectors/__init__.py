"""From the outside world to Event."""
