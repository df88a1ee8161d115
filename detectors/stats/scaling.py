"""Optimal scaling: the score of each bin of a feature, so that dependence shows in correlations.

Numbers get the normal score of their bin (van der Waerden 1952): any rising transformation leaves
it as it is. The scores of a category feature are those whose squared correlations with the scores
of all other features add up to most, found by alternating least squares over the features (Young,
de Leeuw & Takane 1976; Gifi 1990, chapter 4: PRINCALS). Scores have mean 0 and variance 1 over the
rows that were looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHRINK_ROWS = 10.0  # a category of so many rows gets half of the score that its rows suggest

_MOST_SWEEPS = 30
_CONVERGED = 1e-6  # largest change of a score from one sweep to the next
_SAME = 1e-9  # a spread below it is none


def normal_scores(counts: NDArray[Any]) -> Floats:
    """Normal scores of ordered bins with the given rows, same shape; 0 where all are in one bin."""
    total = counts.sum()
    if total == 0:
        return np.zeros(len(counts))
    shares = counts / total
    middle = np.cumsum(shares) - shares / 2
    return _standardised(ndtri(np.clip(middle, 0.5 / total, 1 - 0.5 / total)), shares)


def category_scores(gram: Floats, sizes: Sequence[int], rows: int) -> list[Floats]:
    """The scores of every category feature, a score per category.

    Parameters
    ----------
    gram
        Sums over rows of the products of columns, shape (columns, columns). The first ``sizes``
        columns are indicators of the categories of each feature, the others scores of numbers.
    sizes
        Categories of each feature.
    rows
        How many rows there were.
    """
    ends = np.cumsum(sizes, dtype=np.intp)
    blocks = [slice(end - size, end) for size, end in zip(sizes, ends.tolist(), strict=True)]
    mass = np.diag(gram)
    indicators = int(sum(sizes))
    quantified = np.zeros((len(gram), len(blocks) + len(gram) - indicators))
    quantified[indicators:, len(blocks) :] = np.eye(len(gram) - indicators)
    for feature, block in enumerate(blocks):
        quantified[block, feature] = _start(gram, block, indicators, rows)
    for _ in range(_MOST_SWEEPS):
        moved = 0.0
        for feature, block in enumerate(blocks):
            before = quantified[block, feature].copy()
            others = np.delete(gram[block] @ quantified, feature, axis=1)
            quantified[block, feature] = _leading(others, mass[block], before)
            moved = max(moved, float(np.abs(quantified[block, feature] - before).max(initial=0.0)))
        if moved <= _CONVERGED:
            break
    return [quantified[block, feature] for feature, block in enumerate(blocks)]


def _start(gram: Floats, block: slice, indicators: int, rows: int) -> Floats:
    """First axis of the correspondence analysis of a feature against all other columns."""
    share = np.diag(gram)[:indicators] / rows
    sums = gram[block].copy()
    sums[:, :indicators] -= np.outer(np.diag(gram)[block], share)
    sums[:, :indicators] /= np.sqrt(np.maximum(share, 1 / rows))
    sums[:, block] = 0.0
    return _leading(sums, np.diag(gram)[block], None)


def _leading(sums: Floats, mass: Floats, before: Floats | None) -> Floats:
    """Scores on which the columns of ``sums``, shape (categories, columns), depend most.

    The leading left singular vector of the columns' conditional means; its sign is that of
    ``before``, else the category with most rows is above 0.
    """
    shrunk = mass + SHRINK_ROWS
    weighed = sums / np.sqrt(shrunk)[:, None]
    vector = np.linalg.eigh(weighed @ weighed.T)[1][:, -1] / np.sqrt(shrunk)
    scores = _standardised(vector, mass / max(1.0, mass.sum()))
    side = scores[np.argmax(mass)] if before is None else mass @ (scores * before)
    return -scores if side < 0 else scores


def _standardised(scores: Floats, shares: Floats) -> Floats:
    centred = scores - shares @ scores
    spread = float(np.sqrt(shares @ centred**2))
    return centred / spread if spread > _SAME else np.zeros(len(scores))
