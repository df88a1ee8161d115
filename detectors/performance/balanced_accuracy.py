"""Balanced accuracy: the mean of the true positive and the true negative rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.fairness.equal_opportunity import TRUE_POSITIVE
from detectors.outcome_table import FAVOURABLE, UNFAVOURABLE, Arrival, Rate
from detectors.performance.estimate import Estimate, square_and_add
from detectors.performance.measure import Measure, share_estimate
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from detectors.performance.seen import Seen

_TRUE_NEGATIVE = Rate(
    name="true_negative",
    success=((UNFAVOURABLE, UNFAVOURABLE),),
    whole=((UNFAVOURABLE, UNFAVOURABLE), (FAVOURABLE, UNFAVOURABLE)),
    denominator="events labelled unfavourable",
    fragile=Arrival.BY_DECISION,
)


def _read(seen: Seen) -> Estimate | None:
    """Both rates have labels of their own, so they are independent (square and add)."""
    rates = share_estimate(seen, TRUE_POSITIVE), share_estimate(seen, _TRUE_NEGATIVE)
    positive, negative = rates
    if positive is None or negative is None:
        return None

    def limits(error: float) -> tuple[float, float]:
        lower, upper = square_and_add(positive, negative, error)
        return max(0.0, lower / 2), min(1.0, upper / 2)

    value = (positive.value + negative.value) / 2
    return Estimate(value, positive.size + negative.size, limits)


BALANCED_ACCURACY = Measure(
    RateCheck.BALANCED_ACCURACY,
    "labelled events of both outcomes",
    Arrival.BY_DECISION,
    _read,
)
