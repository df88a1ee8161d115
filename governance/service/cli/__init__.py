"""The program `evenhand`: one file per command."""
