"""When missing labels may explain a breach: it is then a warning (STATISTICS 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.outcome_table import Arrival

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.outcome_table import OutcomeTable

_LARGEST_GAP = 0.1  # of label coverage between the two predictions of a group
_LEAST_COVERAGE = 0.9


def explains(fragile: Arrival, table: OutcomeTable, groups: NDArray[np.bool_]) -> bool:
    """Whether the way in which labels of the marked groups arrive could make up a breach.

    True and false positive rates survive labels that arrive by truth, not those that arrive by
    decision; predictive value and accuracy survive neither. Heuristic: no interval shows it.
    """
    if fragile is Arrival.BY_DECISION:
        by_prediction = table.coverage()[groups]
        return bool((np.abs(np.diff(by_prediction, axis=-1)) > _LARGEST_GAP).any())
    if fragile is Arrival.INCOMPLETE:
        return bool((table.group_coverage()[groups] < _LEAST_COVERAGE).any())
    return False
