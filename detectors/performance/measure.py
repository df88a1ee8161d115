"""What a performance measure is: a number that is read from what a window holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.performance.estimate import Estimate
from detectors.stats.limits import share_limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.outcome_table import Arrival, Rate
    from detectors.performance.seen import Seen
    from governance.component.metrics import RateCheck


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of performance.

    ``counted`` says in words what it is read from, ``fragile`` which way of labels arriving it
    does not survive. ``above``: a loss, whose limit is passed upwards. ``of_numbers``: it compares
    numbers, not outcomes. ``read`` gives None where a window holds nothing of what is counted.
    """

    check: RateCheck
    counted: str
    fragile: Arrival
    read: Callable[[Seen], Estimate | None]
    above: bool = False
    of_numbers: bool = False
    needs_scores: bool = False


def same(share: float) -> float:
    """The share itself."""
    return share


def share_measure(
    check: RateCheck, rate: Rate, express: Callable[[float], float] = same
) -> Measure:
    """A measure that grows with a share of labelled events.

    Since ``express`` is increasing, exact limits of the share are exact limits of the measure.
    """

    def read(seen: Seen) -> Estimate | None:
        return share_estimate(seen, rate, express)

    return Measure(check, rate.denominator, rate.fragile, read)


def share_estimate(
    seen: Seen, rate: Rate, express: Callable[[float], float] = same
) -> Estimate | None:
    """A share with Clopper-Pearson limits; None where its denominator is empty."""
    successes, sizes = seen.table.share(rate)
    s, n = float(successes[0]), float(sizes[0])
    if n <= 0:
        return None

    def bounds(error: float) -> tuple[float, float]:
        lower, upper = share_limits(s, n, error)
        return express(lower), express(upper)

    return Estimate(express(s / n), n, bounds)
