"""Means by cell against the same events one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from detectors.stats.weighted_mean import weighted_mean


def test_equal_weights_are_the_textbook() -> None:
    """Mean, standard error and Student's interval of plain events."""
    rng = np.random.default_rng(1)
    values, counts = rng.normal(size=12), rng.integers(1, 9, 12).astype(float)
    events = np.repeat(values, counts.astype(int))
    found = weighted_mean(values, counts, counts)
    assert found is not None
    assert found.value == pytest.approx(events.mean())
    assert found.standard_error == pytest.approx(stats.sem(events))
    assert found.size == pytest.approx(len(events))
    theirs = stats.t.interval(0.95, len(events) - 1, events.mean(), stats.sem(events))
    assert found.bounds(0.025) == pytest.approx(theirs)


def test_sampled_events_cover() -> None:
    """Events kept with probability 1/4 stand for four, and the interval knows it."""
    rng, held = np.random.default_rng(2), 0
    for _ in range(400):
        values = rng.gamma(2, size=400)
        keep = np.where(values > 2, 0.25, 1.0)
        kept = rng.random(400) < keep
        w = 1 / keep[kept]
        found = weighted_mean(values[kept], w, w**2)
        assert found is not None
        low, high = found.bounds(0.025)
        held += low <= 2 <= high
    assert held >= 400 * 0.91


def test_what_a_single_event_says() -> None:
    """A value, and nothing of its spread; no event has no mean."""
    found = weighted_mean(np.array([3.0]), np.ones(1), np.ones(1))
    assert found is not None
    assert (found.value, found.bounds(0.025)) == (3, (-math.inf, math.inf))
    assert weighted_mean(np.array([3.0]), np.zeros(1), np.zeros(1)) is None
