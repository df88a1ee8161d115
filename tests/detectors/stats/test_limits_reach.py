"""Limits that are only compared, and limits of counts, beside independent ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from detectors.stats.limits import limits, limits_reach, poisson_limits


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 0.99])
@pytest.mark.parametrize("error", [0.025, 1e-5])
def test_comparing_limits_equals_computing_them(share: float, error: float) -> None:
    """For 3,000 random sizes, fractions and both ends included."""
    rng = np.random.default_rng(1)
    sizes = rng.choice([1.0, 7.5, 40.0, 900.0], 3_000)
    successes = sizes * rng.choice([0.0, 1.0, 0.5, 0.93], 3_000) * rng.choice([1.0, 0.9], 3_000)
    lower, upper = limits(successes, sizes, error)
    reached = limits_reach(share, successes, sizes, error)
    assert np.array_equal(reached[0], lower >= share)
    assert np.array_equal(reached[1], upper >= share)


def test_poisson_limits_are_chi_square_quantiles() -> None:
    """Garwood 1936, by an independent function."""
    counts = np.array([0.0, 1.0, 2.5, 30.0, 1e6])
    lower, upper = poisson_limits(counts, 0.025)
    np.testing.assert_allclose(upper, chi2.ppf(0.975, 2 * counts + 2) / 2, rtol=1e-9)
    np.testing.assert_allclose(lower[1:], chi2.ppf(0.025, 2 * counts[1:]) / 2, rtol=1e-9)
    assert lower[0] == 0
