"""How much more windows of real traffic differ from each other than independent rows would.

STATISTICS 1.2. Rows come in households, sessions, days. ``rho`` is the ratio of the variance
between blocks of the reference to that of independent rows, measured for every length of the
ladder, because a rhythm shows at some lengths only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LENGTHS = (1, 2, 4, 8, 16, 32, 64)  # trailing windows, in windows of the component
FEWEST_BLOCKS = 8
RHO_UNKNOWN_ORDER = 2.0
SLACK = 1 + 1e-6  # sizes of weighted windows are compared with this much room


@dataclass(frozen=True, slots=True)
class Block:
    """One length of the ladder: blocks of ``k`` windows, of ``rows`` rows in the mean."""

    k: int
    rows: float
    rho: float


def rho_ladder(
    panes: NDArray[np.int64],
    totals: NDArray[np.int64],
    *,
    numbers: NDArray[np.int64] | None = None,
    complete: int | None = None,
    unit: int = 1,
) -> tuple[Block, ...]:
    """The lengths of which the reference holds at least eight blocks, with their rho.

    Parameters
    ----------
    panes
        Coarse counts of panes in time order, shape (T, B). Empty panes may be left out.
    totals
        Coarse counts of the whole reference, shape (B,).
    numbers
        Rising pane numbers from 0, shape (T,); default 0 ... T - 1.
    complete
        How many panes are complete; later ones are left out. Default T.
    unit
        Panes in one window (``every / slide``).

    Notes
    -----
    rho never falls with length, and has one standard error of its estimate on top.
    """
    if numbers is None:
        numbers = np.arange(len(panes))
    if complete is None:
        complete = len(panes)
    ladder: list[Block] = []
    rho = 1.0
    for k in LENGTHS:
        blocks = _blocks(panes, numbers // (k * unit), complete // (k * unit))
        if len(blocks) < FEWEST_BLOCKS:
            break
        excess, freedom = _excess(blocks, totals)
        rho = max(rho, excess * (1 + float(np.sqrt(2 / freedom))))
        ladder.append(Block(k, float(blocks.sum(axis=1).mean()), rho))
    return tuple(ladder)


@dataclass(frozen=True, slots=True)
class Deflation:
    """The rho of windows of any size, for F features at once; made by ``make_deflation``."""

    rows: NDArray[np.float64]  # (F, longest); infinite behind a feature's last block
    rho: NDArray[np.float64]  # (F, longest); the last block's value is repeated
    last_rows: NDArray[np.float64]  # (F,)

    def of(self, n: NDArray[np.float64]) -> NDArray[np.float64]:
        """The rho of windows of ``n`` rows, shape (K,): (K, F).

        That of the smallest block with at least n rows; above the largest block it grows with n.
        """
        place = (n[:, None, None] > self.rows * SLACK).sum(axis=-1)
        features = np.arange(len(self.rows))
        rho: NDArray[np.float64] = self.rho[features, np.minimum(place, self.rho.shape[1] - 1)]
        above = n[:, None] > self.last_rows * SLACK
        return np.where(above, rho * n[:, None] / self.last_rows, rho)


def effective_size(
    rho: NDArray[np.float64], n: NDArray[np.float64], n0: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Independent events that know as much as n events do, the reference's noise paid for."""
    m: NDArray[np.float64] = 1 / (rho * (1 / n + 1 / n0))
    return m


def make_deflation(ladders: Sequence[tuple[Block, ...]], n0: NDArray[np.float64]) -> Deflation:
    """From each feature's ladder and reference size, shape (F,).

    An empty ladder (a reference that is not in time order) is rho 2 up to an eighth of n0.
    """
    known = [
        ladder or (Block(1, max(1.0, float(size)) / FEWEST_BLOCKS, RHO_UNKNOWN_ORDER),)
        for ladder, size in zip(ladders, n0, strict=True)
    ]
    longest = max((len(ladder) for ladder in known), default=0)
    rows = np.full((len(known), longest), np.inf)
    rho = np.empty((len(known), longest))
    for feature, ladder in enumerate(known):
        rows[feature, : len(ladder)] = [block.rows for block in ladder]
        rho[feature, : len(ladder)] = [block.rho for block in ladder]
        rho[feature, len(ladder) :] = ladder[-1].rho
    return Deflation(rows, rho, np.array([ladder[-1].rows for ladder in known]))


def _blocks(
    panes: NDArray[np.int64], block_of_pane: NDArray[np.int64], complete: int
) -> NDArray[np.int64]:
    """Counts of the blocks that are complete and not empty, shape (nb, B)."""
    keep = block_of_pane < complete
    panes, block_of_pane = panes[keep], block_of_pane[keep]
    if len(panes) == 0:
        return panes
    starts = np.flatnonzero(np.diff(block_of_pane, prepend=-1))
    blocks: NDArray[np.int64] = np.add.reduceat(panes, starts, axis=0)
    kept: NDArray[np.int64] = blocks[blocks.sum(axis=1) > 0]
    return kept


def _excess(blocks: NDArray[np.int64], totals: NDArray[np.int64]) -> tuple[float, float]:
    """Pearson's chi-square of the blocks over its degrees of freedom, and these."""
    present = totals > 0
    p = totals[present] / totals.sum()
    expected = blocks.sum(axis=1, keepdims=True) * p
    freedom = max(1, int(present.sum()) - 1) * (len(blocks) - 1)
    return float(((blocks[:, present] - expected) ** 2 / expected).sum()) / freedom, freedom
