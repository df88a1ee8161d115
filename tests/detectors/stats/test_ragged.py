from __future__ import annotations

import numpy as np

from detectors.stats.ragged import Ragged

BINS = Ragged((2, 1, 3))
ROWS = np.array([[1.0, 2.0, 30.0, 4.0, 5.0, 6.0], [0.0, 1.0, 1.0, 2.0, 2.0, 0.0]])


def test_sums_and_extremes_per_feature() -> None:
    """Each feature's bins are added up, and compared, apart."""
    assert BINS.sum(ROWS).tolist() == [[3.0, 30.0, 15.0], [1.0, 1.0, 4.0]]
    assert BINS.max(ROWS).tolist() == [[2.0, 30.0, 6.0], [1.0, 1.0, 2.0]]
    assert BINS.min(ROWS).tolist() == [[1.0, 30.0, 4.0], [0.0, 1.0, 0.0]]


def test_running_sums_start_anew() -> None:
    """The running sum of a feature does not see the bins of another."""
    assert BINS.cumsum(ROWS)[0].tolist() == [1.0, 3.0, 30.0, 4.0, 9.0, 15.0]


def test_spread_and_places() -> None:
    """A number per feature goes to each of its bins; places are those bins."""
    assert BINS.spread(np.array([7, 8, 9])).tolist() == [7, 7, 8, 9, 9, 9]
    assert BINS.places([2, 0]).tolist() == [3, 4, 5, 0, 1]
