"""The windows of one look: added up and read once, and only as far as anybody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.performance.seen import PREFIX, Seen, read_seen
from detectors.trailing import trailing_windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.base import WindowView
    from detectors.performance.estimate import Estimate
    from detectors.performance.measure import Measure


class Ladder:
    """Trailing windows of a view, shortest first."""

    def __init__(self, view: WindowView, unit: int) -> None:
        self._coming = trailing_windows(view, PREFIX, unit)
        self._windows: list[tuple[int, Seen]] = []
        self._read: dict[tuple[str, int], Estimate | None] = {}

    def __iter__(self) -> Iterator[tuple[int, Seen]]:
        yield from self._windows
        for window in self._coming:
            self._windows.append((window.panes, read_seen(window.sums, window.outcomes)))
            yield self._windows[-1]

    def seen(self, panes: int) -> Seen:
        """The window of that many panes, which was looked at before."""
        return dict(self._windows)[panes]

    def read(self, measure: Measure) -> Iterator[Estimate]:
        """What the windows say of a measure; those that say nothing are left out."""
        for panes, seen in self:
            name = measure.check.value, panes
            if name not in self._read:
                found = measure.read(seen)
                self._read[name] = found and found.over(panes)
            estimate = self._read[name]
            if estimate is not None:
                yield estimate
