"""What inference loggers send: halves of exchanges, as CloudEvents over HTTP."""
