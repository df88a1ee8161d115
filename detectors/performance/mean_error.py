"""Mean error (bias) of numeric predictions: its size is judged, its sign is shown as ``raw``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.error_buckets import UNKNOWN, VALUES
from detectors.outcome_table import Arrival
from detectors.performance.estimate import Estimate
from detectors.performance.measure import Measure
from detectors.stats.weighted_mean import weighted_mean
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from detectors.performance.seen import Seen

_ERROR = VALUES[UNKNOWN + 1 :]


def _read(seen: Seen) -> Estimate | None:
    """A bias may lie on either side, so each limit of the signed mean takes half the error."""
    cells = seen.known_errors
    found = weighted_mean(_ERROR, cells.weight, cells.squared_weight)
    if found is None:
        return None

    def limits(error: float) -> tuple[float, float]:
        lower, upper = found.bounds(error / 2)
        return max(0.0, lower, -upper), max(abs(lower), abs(upper))

    return Estimate(abs(found.value), found.size, limits, raw=found.value)


MEAN_ERROR = Measure(
    RateCheck.MEAN_ERROR,
    "events whose prediction and label are numbers",
    Arrival.INCOMPLETE,
    _read,
    above=True,
    of_numbers=True,
)
