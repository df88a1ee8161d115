"""Logarithmic buckets against sorting and against every bucket, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.cells import Cells, share
from detectors.operations.buckets import LogBuckets
from detectors.stats.limits import limits
from detectors.trailing import DISPLAY_ERROR

BUCKETS = LogBuckets(0.5, 2.0**31)


def cells(values: list[float], weights: list[float]) -> Cells:
    keys = BUCKETS.index(np.array(values, dtype=float))
    w = np.array(weights)
    return Cells(*(np.bincount(keys, weights=a).astype(float) for a in (np.ones(len(w)), w, w**2)))


def slow_limits(given: Cells, q: float) -> tuple[float, float | None]:
    """The limits by looking at every bucket, full or empty."""
    below = Cells(*(np.cumsum(a) for a in (given.events, given.weight, given.squared_weight)))
    low, high = limits(*share(below, below[-1:]), DISPLAY_ERROR)
    lower = BUCKETS._edge(int(np.argmax(high >= q)) - 1)
    return lower, BUCKETS._edge(int(np.argmax(low >= q))) if low[-1] >= q else None


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 3, 40, 700])
@pytest.mark.parametrize("heavy", [1.0, 3.5])
def test_only_buckets_that_hold_something_matter(q: float, n: int, heavy: float) -> None:
    """The limits of occupied buckets are those of all buckets, zeros and weights included."""
    rng = np.random.default_rng(n)
    values = [0.0, *np.rint(rng.lognormal(4, 2, n))][-n:]
    given = cells(values, rng.choice([1.0, heavy], n).tolist())
    assert BUCKETS.quantile_limits(given, q) == slow_limits(given, q)


def test_the_mean_is_within_a_percent() -> None:
    """Of exact values over six orders of magnitude; zeros are zeros."""
    values = np.rint(np.random.default_rng(0).lognormal(5, 2.5, 30_000))
    assert BUCKETS.mean(cells(values.tolist(), [1.0] * len(values)))[0] == pytest.approx(
        values.mean(), rel=0.01
    )
    assert BUCKETS.mean(cells([0.0, 0.0], [1.0, 2.0])) == (0.0, 0.0, 0.0)
