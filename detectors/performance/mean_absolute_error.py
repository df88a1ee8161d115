"""Mean absolute error of numeric predictions, in the unit of the label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.error_buckets import UNKNOWN, VALUES
from detectors.outcome_table import Arrival
from detectors.performance.loss import mean_loss
from detectors.performance.measure import Measure
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from detectors.performance.estimate import Estimate
    from detectors.performance.seen import Seen

_SIZE = np.abs(VALUES[UNKNOWN + 1 :])


def _read(seen: Seen) -> Estimate | None:
    return mean_loss(_SIZE, seen.known_errors)


MEAN_ABSOLUTE_ERROR = Measure(
    RateCheck.MEAN_ABSOLUTE_ERROR,
    "events whose prediction and label are numbers",
    Arrival.INCOMPLETE,
    _read,
    above=True,
    of_numbers=True,
)
