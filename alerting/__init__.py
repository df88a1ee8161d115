"""From Finding to Alert, notice, action and verdict."""
