"""Logarithmic buckets: any quantile within 1 % of its true value, from a few counts.

DDSketch (Masson, Rim & Lee 2019) with fixed bounds: with g = (1 + a) / (1 - a), a = 0.01, bucket i
holds (lowest g^(i-1), lowest g^i] and is read as 2 g^i lowest / (g + 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.cells import Cells, share
from detectors.stats.limits import limits_reach
from detectors.trailing import DISPLAY_ERROR

if TYPE_CHECKING:
    from numpy.typing import NDArray


RELATIVE_ERROR = 0.01
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class LogBuckets:
    """Buckets between two bounds, in the unit of what is measured.

    What is at or below ``lowest`` falls into bucket 0, which is read as 0; what is above
    ``highest`` into the last one.
    """

    lowest: float
    highest: float

    def index(self, values: NDArray[np.float64]) -> NDArray[np.intp]:
        """Bucket of each value, shape (n,); values must be finite and at least 0."""
        inside = np.clip(values, self.lowest, self.highest)
        exact = np.log(inside / self.lowest) / math.log(_GROWTH)
        return np.minimum(np.ceil(exact), self._last).astype(np.intp)

    def quantile(self, cells: Cells, q: float) -> float:
        """The smallest value at or below which a share ``q`` in (0, 1) lies, within 1 %.

        ``cells`` are per bucket, shape (buckets,), with at least one event.
        """
        below = np.cumsum(cells.weight)
        return self._value(int(np.argmax(below >= q * below[-1])))

    def quantile_limits(self, cells: Cells, q: float) -> tuple[float, float | None]:
        """The interval of a quantile, each limit one-sided at ``DISPLAY_ERROR``.

        Clopper-Pearson limits of the share at or below a bucket are inverted bucket by bucket;
        only those that hold an event can change them. ``upper`` is None where there are too few
        events to bound it.
        """
        places = np.flatnonzero(cells.events)
        held = cells[places]
        below = Cells(*(np.cumsum(a) for a in (held.events, held.weight, held.squared_weight)))
        sizes = share(below, below[-1:])
        low, high = limits_reach(q, *sizes, DISPLAY_ERROR)
        _, none_below = limits_reach(q, 0.0, sizes[1][-1], DISPLAY_ERROR)
        lower = 0.0 if none_below else self._edge(int(places[np.argmax(high)]) - 1)
        upper = self._edge(int(places[np.argmax(low)])) if low[-1] else None
        return lower, upper

    def mean(self, cells: Cells) -> tuple[float, float, float]:
        """The mean, within 1 %, and its 95 % interval by the linearised variance of a ratio.

        ``cells`` as for ``quantile``. The interval rests on the central limit theorem: with few
        events, or few huge ones among them, it is too narrow.
        """
        places = np.flatnonzero(cells.events)
        held, values = cells[places], np.array([self._value(int(at)) for at in places])
        weight = held.weight.sum()
        mean = float(held.weight @ values / weight)
        spread = float(held.squared_weight @ (values - mean) ** 2)
        half = _NORMAL_95 * math.sqrt(spread) / weight
        return mean, max(0.0, mean - half), mean + half

    def _value(self, index: int) -> float:
        """How a bucket is read."""
        return 2 * self._edge(index) / (_GROWTH + 1) if index > 0 else 0.0

    def _edge(self, index: int) -> float:
        """Upper edge of a bucket; 0 below the first."""
        return self.lowest * _GROWTH**index if index >= 0 else 0.0

    @property
    def _last(self) -> int:
        return math.ceil(math.log(self.highest / self.lowest) / math.log(_GROWTH))
