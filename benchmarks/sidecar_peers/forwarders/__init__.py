"""Proxies that only forward, as one writes them with a library; each runs in its environment."""
