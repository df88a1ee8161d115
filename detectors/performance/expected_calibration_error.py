"""Expected calibration error over ten equal bins of the score, less what noise adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.outcome_table import Arrival
from detectors.performance.estimate import Estimate
from detectors.performance.measure import Measure
from detectors.score_bins import CENTRES
from detectors.stats.calibration_error import calibration_error
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.performance.seen import Seen

    Floats = NDArray[np.float64]

TENTHS = 10
_TENTH = np.minimum((CENTRES * TENTHS).astype(np.int64), TENTHS - 1)


def _read(seen: Seen) -> Estimate | None:
    cells = seen.usable_scores
    weight, favourable = cells.weight.sum(axis=1), cells.weight[:, 1]
    total = np.where(_tenths(weight) > 0, _tenths(weight), 1.0)
    gap = (_tenths(favourable) - _tenths(weight * CENTRES)) / total
    noise = _tenths(weight * CENTRES * (1 - CENTRES)) / total
    found = calibration_error(
        _tenths(weight), _tenths(cells.squared_weight.sum(axis=1)), gap, noise
    )
    if found is None:
        return None
    return Estimate(found.value, found.size, found.bounds, raw=found.raw)


def _tenths(of_bins: Floats) -> Floats:
    return np.bincount(_TENTH, of_bins, TENTHS).astype(np.float64)


EXPECTED_CALIBRATION_ERROR = Measure(
    RateCheck.EXPECTED_CALIBRATION_ERROR,
    "labelled events with a score in [0, 1]",
    Arrival.INCOMPLETE,
    _read,
    above=True,
    needs_scores=True,
)
