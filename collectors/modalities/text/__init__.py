"""Features of texts, one idea a file; ``columns`` puts them together."""
