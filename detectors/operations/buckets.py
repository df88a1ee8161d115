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
from detectors.stats.limits import limits
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

    def quantile(self, cells: Cells, q: float) -> tuple[float, float, float | None]:
        """A quantile with its interval.

        Parameters
        ----------
        cells
            Per bucket, shape (buckets,), at least one event.
        q
            In (0, 1).

        Returns
        -------
        value, lower, upper
            ``value`` within 1 % of the smallest value at or below which a share q lies; the limits
            invert Clopper-Pearson limits of that share bucket by bucket, each one-sided at
            ``DISPLAY_ERROR``. ``upper`` is None where there are too few events to bound it.
        """
        below = Cells(*(np.cumsum(a) for a in (cells.events, cells.weight, cells.squared_weight)))
        everything = below[-1:]
        low, high = limits(*share(below, everything), DISPLAY_ERROR)
        at = int(np.argmax(below.weight >= q * everything.weight))
        lower = self._edge(int(np.argmax(high >= q)) - 1)
        upper = self._edge(int(np.argmax(low >= q))) if low[-1] >= q else None
        return self._value(at), lower, upper

    def mean(self, cells: Cells) -> tuple[float, float, float]:
        """The mean, within 1 %, and its 95 % interval by the linearised variance of a ratio.

        ``cells`` as in ``quantile``. The interval rests on the central limit theorem: with few
        events, or few huge ones among them, it is too narrow.
        """
        values = np.array([self._value(i) for i in range(len(cells.weight))])
        weight = cells.weight.sum()
        mean = float(cells.weight @ values / weight)
        spread = float(cells.squared_weight @ (values - mean) ** 2)
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
