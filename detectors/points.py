"""Points: what one pane says of a series over time, and how far chance alone moves it.

A series is followed by ``detectors.stats.rate_change``: a deviation counts only as far as it is
larger than what the point's own sampling does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from detectors.operations.buckets import RELATIVE_ERROR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.base import Pane


class Point(Protocol):
    """The value of a series in one pane."""

    @property
    def value(self) -> float:
        """Finite."""

    def noise(self, level: float, span: int) -> float:
        """Standard deviation of a mean of ``span`` such points if the truth is ``level``."""


@runtime_checkable
class PointSource(Protocol):
    """A detector whose checks make series over time."""

    def points(self, pane: Pane) -> Mapping[str, Point]:
        """The points of one closed pane, by series; a series without a value has none."""


@dataclass(frozen=True, slots=True)
class Count:
    """Events of a pane; ``weight`` is how many one of those that were seen stands for."""

    value: float
    weight: float = 1.0

    def noise(self, level: float, span: int) -> float:
        """Poisson; half an event more, so that the first after none is no wonder."""
        return math.sqrt(self.weight * (level + self.weight / 2) / span)


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of ``size`` events."""

    value: float
    size: float

    def noise(self, level: float, span: int) -> float:
        """Binomial; half an event more on either side."""
        p = (min(max(level, 0.0), 1.0) * self.size + 0.5) / (self.size + 1)
        return math.sqrt(p * (1 - p) / (self.size * span))


@dataclass(frozen=True, slots=True)
class Magnitude:
    """A quantile or a mean that was read from buckets."""

    value: float

    def noise(self, level: float, span: int) -> float:  # noqa: ARG002 - all points share it
        """The width of a bucket: two readings of one value may differ by it."""
        return 2 * RELATIVE_ERROR * abs(level)
