"""Root mean squared error of numeric predictions, in the unit of the label."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from detectors.error_buckets import UNKNOWN, VALUES
from detectors.outcome_table import Arrival
from detectors.performance.loss import mean_loss
from detectors.performance.measure import Measure
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from detectors.performance.estimate import Estimate
    from detectors.performance.seen import Seen

_SQUARE = VALUES[UNKNOWN + 1 :] ** 2


def _read(seen: Seen) -> Estimate | None:
    """The root is increasing, so limits of the mean square are limits of the root."""
    return mean_loss(_SQUARE, seen.known_errors, math.sqrt)


ROOT_MEAN_SQUARED_ERROR = Measure(
    RateCheck.ROOT_MEAN_SQUARED_ERROR,
    "events whose prediction and label are numbers",
    Arrival.INCOMPLETE,
    _read,
    above=True,
    of_numbers=True,
)
