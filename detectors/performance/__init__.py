"""Performance checks that need labels."""
