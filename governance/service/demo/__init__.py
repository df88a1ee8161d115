"""The demo: main job on real data, in one command."""
