"""How reference rows fall into windows, so that blocks of windows can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.overdispersion import FEWEST_BLOCKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detectors.feature_reference import RowPanes


@dataclass(frozen=True, slots=True)
class RowBlocks:
    """The window of every row, shape (n,), and how many windows are complete."""

    windows: NDArray[np.int64]
    complete: int

    @classmethod
    def of(cls, panes: RowPanes | None, kept: NDArray[np.intp]) -> RowBlocks:
        """As production cuts windows; where fewer than eight are complete, eight of n0 div 8."""
        n = len(kept)
        if panes is not None:
            windows, complete = panes.numbers[kept] // panes.unit, panes.complete // panes.unit
            if len(np.unique(windows[windows < complete])) >= FEWEST_BLOCKS:
                return cls(windows, complete)
        return cls(np.arange(n) // max(1, n // FEWEST_BLOCKS), FEWEST_BLOCKS)

    def runs(self) -> Iterator[tuple[int, slice]]:
        """The window of every run of rows of one window, and the rows."""
        starts = np.flatnonzero(np.diff(self.windows, prepend=self.windows[:1] - 1))
        ends = np.append(starts[1:], len(self.windows))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            yield int(self.windows[start]), slice(start, end)
