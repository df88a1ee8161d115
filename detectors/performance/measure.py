"""What a performance measure is: an exact binomial share, and how it is expressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.outcome_table import Rate
    from governance.component.metrics import RateCheck


def same(share: float) -> float:
    """The share itself."""
    return share


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure that grows with a share; ``express`` and ``share_of`` are inverse to each other.

    Since both are increasing, exact limits of the share are exact limits of the measure.
    """

    check: RateCheck
    rate: Rate
    express: Callable[[float], float] = same  # share -> measure
    share_of: Callable[[float], float] = same  # measure -> share
