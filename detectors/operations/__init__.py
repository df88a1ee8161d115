"""Error rate, latency and other operational checks."""
