"""Tables that show what the detectors promise and keep: ``python -m benchmarks tables``."""
