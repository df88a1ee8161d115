"""A gate's verdict for those who read it: people, pull requests, CI systems, scripts."""
