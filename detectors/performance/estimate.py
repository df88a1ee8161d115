"""A number with its interval at any error, whatever formula the interval comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from detectors.trailing import DISPLAY_ERROR

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a window says of one measure.

    ``limits`` gives a lower and an upper limit, each of which misses the true value with
    probability at most about its argument; ``raw`` is what other tools print, where it differs.
    """

    value: float
    size: float  # effective events
    limits: Callable[[float], tuple[float, float]]
    raw: float | None = None
    panes: int = 1

    def bounds(self, error: float = DISPLAY_ERROR) -> tuple[float, float]:
        """Lower and upper limit; infinite where nothing bounds."""
        return self.limits(error)

    def over(self, panes: int) -> Estimate:
        """The same, read from the last ``panes`` panes."""
        return Estimate(self.value, self.size, self.limits, self.raw, panes)


def square_and_add(first: Estimate, second: Estimate, error: float) -> tuple[float, float]:
    """Limits of the sum of two independent numbers: distances to their limits add as squares.

    Newcombe 1998 (method 10), for a difference first - second by ``minus``.
    """
    (down, up), (down2, up2) = _arms(first, error), _arms(second, error)
    value = first.value + second.value
    return value - math.hypot(down, down2), value + math.hypot(up, up2)


def minus(estimate: Estimate) -> Estimate:
    """The number with its sign turned."""

    def turned(error: float) -> tuple[float, float]:
        lower, upper = estimate.limits(error)
        return -upper, -lower

    return replace(estimate, value=-estimate.value, limits=turned)


def _arms(estimate: Estimate, error: float) -> tuple[float, float]:
    lower, upper = estimate.limits(error)
    return estimate.value - lower, upper - estimate.value
