"""ROC AUC: how often a favourable event scores above another, from histograms of the score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.outcome_table import Arrival
from detectors.performance.estimate import Estimate
from detectors.performance.measure import Measure
from detectors.stats.limits import share_limits
from detectors.stats.roc_area import roc_area
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from detectors.performance.seen import Seen


def _read(seen: Seen) -> Estimate | None:
    """With the exact limits of a share that has the area's value and variance."""
    cells = seen.usable_scores
    area = roc_area(cells.weight, cells.squared_weight)
    if area is None:
        return None

    def bounds(error: float) -> tuple[float, float]:
        return share_limits(area.value * area.size, area.size, error)

    return Estimate(area.value, area.size, bounds)


ROC_AUC = Measure(
    RateCheck.ROC_AUC,
    "labelled events of both outcomes with a score in [0, 1]",
    Arrival.BY_DECISION,
    _read,
    needs_scores=True,
)
