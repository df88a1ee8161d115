"""A bar on stderr, where a person is watching."""

from __future__ import annotations

import sys

from governance.clock import SystemClock

_CLOCK = SystemClock()
_WIDTH = 40
_INTERVAL_SECONDS = 0.1


class Progress:
    """Shows how much of something is done; silent unless stderr is a terminal."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, part: float) -> None:
        """Show ``part``, in [0, 1]; at most ten times a second."""
        if self._shown and _CLOCK.monotonic() >= self._next:
            self._next = _CLOCK.monotonic() + _INTERVAL_SECONDS
            bar = "#" * round(part * _WIDTH)
            print(f"\r{self._what} [{bar:<{_WIDTH}}] {part:4.0%}", end="", file=sys.stderr)

    def clear(self) -> None:
        """Take the bar away."""
        if self._shown:
            print(f"\r{' ' * (len(self._what) + _WIDTH + 9)}\r", end="", file=sys.stderr)
