"""How much more the mean features of blocks of real traffic differ than those of independent rows.

STATISTICS 2, embeddings: the counterpart of ``overdispersion`` for means of vectors. Panes are
added one after another and nothing is kept of them, so a long reference costs no memory.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.overdispersion import FEWEST_BLOCKS, LENGTHS, Block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.stats.mmd import GramNull

    Floats = NDArray[np.float64]


class BlockMeans:
    """Adds panes in time order; ``ladder`` then says how overdispersed blocks of them are.

    Parameters
    ----------
    size
        Length of a vector.
    complete
        How many windows are complete: a block that holds a later one is left out.
    """

    def __init__(self, size: int, complete: int) -> None:
        self._lengths = [_Length(k, size, complete // k) for k in LENGTHS]

    def add(self, window: int, total: Floats, rows: int) -> None:
        """Add (a part of) a window: its number from 0, never falling, the sum and count of rows."""
        for length in self._lengths:
            length.add(window, total, rows)

    def ladder(
        self, mean: Floats, nulls: Sequence[tuple[NDArray[np.intp] | slice, GramNull]]
    ) -> tuple[Block, ...]:
        """The lengths of which there are at least eight blocks, with their rho.

        ``mean`` is that of all rows. rho is the largest over some coordinates and their null each;
        it never falls with length, and has one standard error of its estimate on top.
        """
        ladder: list[Block] = []
        rho = 1.0
        for length in self._lengths:
            length.close()
            if length.blocks < FEWEST_BLOCKS:
                break
            freedom = length.blocks - 1
            squared = length.squared_distances(mean)
            for places, null in nulls:
                excess = float(squared[places].sum()) / (null.first * freedom)
                rho = max(rho, excess * (1 + math.sqrt(2 / (null.dimensions * freedom))))
            ladder.append(Block(length.k, length.rows / length.blocks, rho))
        return tuple(ladder)


class _Length:
    """Blocks of ``k`` windows: of each its sum over rows, squared, and what adds up of the rest."""

    def __init__(self, k: int, size: int, complete: int) -> None:
        self.k = k
        self.blocks = 0
        self.rows = 0
        self._complete = complete
        self._total = np.zeros(size)
        self._squares = np.zeros(size)  # of sum^2 / rows
        self._block = 0
        self._open_total = np.zeros(size)
        self._open_rows = 0

    def add(self, window: int, total: Floats, rows: int) -> None:
        if window // self.k != self._block:
            self.close()
            self._block = window // self.k
        self._open_total += total
        self._open_rows += rows

    def close(self) -> None:
        """No further window belongs to the open block."""
        if self._open_rows and self._block < self._complete:
            self.blocks += 1
            self.rows += self._open_rows
            self._total += self._open_total
            self._squares += self._open_total**2 / self._open_rows
        self._open_total[:] = 0.0
        self._open_rows = 0

    def squared_distances(self, mean: Floats) -> Floats:
        """Sum over blocks of rows times the squared distance of their mean from ``mean``."""
        squared: Floats = self._squares - 2 * self._total * mean + self.rows * mean**2
        return np.maximum(0.0, squared)
