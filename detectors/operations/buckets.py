"""Logarithmic latency buckets: any quantile within 1 % of its true value, from a few counts.

DDSketch (Masson, Rim & Lee 2019) with fixed bounds: with g = (1 + a) / (1 - a), a = 0.01, bucket i
holds (MIN_MS g^(i-1), MIN_MS g^i] and is read as 2 g^i MIN_MS / (g + 1).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detectors.cells import Cells, share
from detectors.stats.limits import limits
from detectors.trailing import DISPLAY_ERROR

if TYPE_CHECKING:
    from numpy.typing import NDArray


RELATIVE_ERROR = 0.01
MIN_MS = 1e-3  # at or below: bucket 0
MAX_MS = 1e9  # above (11 days): the last bucket
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LAST = math.ceil(math.log(MAX_MS / MIN_MS) / math.log(_GROWTH))


def bucket(latency_ms: NDArray[np.float64]) -> NDArray[np.intp]:
    """Bucket of each latency, shape (n,); values must be finite and at least 0."""
    inside = np.clip(latency_ms, MIN_MS, MAX_MS)
    exact = np.log(inside / MIN_MS) / math.log(_GROWTH)
    return np.minimum(np.ceil(exact), _LAST).astype(np.intp)


def quantile_ms(cells: Cells, q: float) -> tuple[float, float, float | None]:
    """A quantile with its interval, in milliseconds.

    Parameters
    ----------
    cells
        Per bucket, shape (buckets,), at least one event.
    q
        In (0, 1).

    Returns
    -------
    value, lower, upper
        ``value`` within 1 % of the smallest latency at or below which a share q lies; the limits
        invert Clopper-Pearson limits of that share bucket by bucket, each one-sided at
        ``DISPLAY_ERROR``. ``upper`` is None where there are too few events to bound it.
    """
    below = Cells(*(np.cumsum(a) for a in (cells.events, cells.weight, cells.squared_weight)))
    everything = below[-1:]
    low, high = limits(*share(below, everything), DISPLAY_ERROR)
    at = int(np.argmax(below.weight >= q * everything.weight))
    value = 2 * _edge_ms(at) / (_GROWTH + 1)
    lower = _edge_ms(int(np.argmax(high >= q)) - 1)
    upper = _edge_ms(int(np.argmax(low >= q))) if low[-1] >= q else None
    return value, lower, upper


def _edge_ms(index: int) -> float:
    """Upper edge of a bucket; 0 below the first."""
    return MIN_MS * _GROWTH**index if index >= 0 else 0.0
