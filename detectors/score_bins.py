"""Bins of scores: 254 of them, so that a waiting event remembers its score in one byte.

A score is a probability, so what matters is relative at the ends and absolute in the middle: bins
are 0.005 wide from 0.05 to 0.95, and grow by 35 % from 1e-6 to 0.05 and from 0.95 to 1 - 1e-6.
Tenths are edges. What a function of the score adds up to is read with its mean over each bin, as
if scores were even within it; ``benchmarks tables performance`` prints what that costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from governance.event import Column

    Floats = NDArray[np.float64]

SMALLEST: Final = 1e-6  # below it scores are not told apart
_INNER, _OUTER = 180, 36  # bins from 0.05 to 0.95, and at each end beyond
_END: Final = np.geomspace(SMALLEST, 0.05, _OUTER + 1)

EDGES: Final[Floats] = np.concatenate(
    [[0.0], _END[:-1], np.round(np.linspace(0.05, 0.95, _INNER + 1), 3), 1 - _END[-2::-1], [1.0]]
)
SCORE_BINS: Final = len(EDGES) - 1
CENTRES: Final[Floats] = (EDGES[1:] + EDGES[:-1]) / 2
NO_SCORE: Final = SCORE_BINS  # missing or outside [0, 1]


def score_bins(score: Column | None, n: int) -> NDArray[np.uint8]:
    """Bin of each score, shape (n,); a score that is missing or outside [0, 1] has ``NO_SCORE``.

    Bins are closed on the left, the last one on both sides.
    """
    if score is None or score.dictionary is not None:
        return np.full(n, NO_SCORE, dtype=np.uint8)
    values = score.values
    inside = (values >= 0) & (values <= 1)
    bins = np.searchsorted(EDGES[1:-1], np.where(inside, values, 0), side="right")
    return np.where(inside, bins, NO_SCORE).astype(np.uint8)


def centres(bins: NDArray[np.uint8]) -> Floats:
    """The middle of each bin, NaN for ``NO_SCORE``; shape (n,)."""
    return np.append(CENTRES, np.nan)[bins]


def bin_means(integral: Callable[[Floats], Any]) -> Floats:
    """Mean of a function over each bin, shape (SCORE_BINS,); ``integral`` is its antiderivative."""
    return np.asarray(np.diff(integral(EDGES)) / np.diff(EDGES))
