"""Means of values that were counted by cell, with intervals by Student's t."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import special

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WeightedMean:
    """A mean, its standard error, and how many equally weighted events would know as much.

    ``size`` is at least 1 and may be a fraction.
    """

    value: float
    standard_error: float
    size: float

    def bounds(self, error: float) -> tuple[float, float]:
        """Limits each of which misses the true mean with about ``error``; may be infinite.

        Student's t with size - 1 degrees of freedom: right where the mean is near normal. Infinite
        where a single event says nothing of the spread.
        """
        if self.size <= 1:
            return -math.inf, math.inf
        arm = -float(special.stdtrit(self.size - 1, error)) * self.standard_error
        return self.value - arm, self.value + arm


def weighted_mean(values: Floats, weight: Floats, squared_weight: Floats) -> WeightedMean | None:
    """The mean of ``values`` by cell; None where no event has weight.

    Parameters
    ----------
    values, weight, squared_weight
        Value, sum of w and sum of w^2 per cell, shape (cells,), w = 1 / sampling probability.

    Notes
    -----
    Linearised variance of a ratio estimate (Horvitz & Thompson 1952; Sarndal, Swensson & Wretman
    1992, eq. 5.5.10): sum w^2 (x - m)^2 / (sum w)^2 times n / (n - 1), n = (sum w)^2 / sum w^2.
    Equal weights give the plain standard error and n events.
    """
    total, total2 = float(weight.sum()), float(squared_weight.sum())
    if total <= 0:
        return None
    mean = float(values @ weight) / total
    size = max(1.0, total**2 / total2)
    spread = float(squared_weight @ (values - mean) ** 2) / total**2
    return WeightedMean(mean, math.sqrt(spread * size / max(size - 1, 1e-9)), size)
