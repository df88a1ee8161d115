"""Calibration error: what noise adds is taken off, and the bounds are on the safe side."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from detectors.stats.calibration_error import CalibrationError, calibration_error

SCORE = np.linspace(0.05, 0.95, 10)


def drawn(rng: np.random.Generator, off: float, n: int = 100) -> CalibrationError:
    """Ten bins of ``n`` labels whose rates are ``off`` above the scores."""
    rate = np.clip(SCORE + off, 0, 1)
    counts = np.full(10, float(n))
    gap = rng.binomial(n, rate) / n - SCORE
    found = calibration_error(counts, counts, gap, SCORE * (1 - SCORE))
    assert found is not None
    return found


@pytest.mark.parametrize(("off", "least", "most"), [(0.0, 0.0, 0.45), (0.04, -0.3, 0.0)])
def test_bounds_hold_and_bias_shrinks(off: float, least: float, most: float) -> None:
    """The truth is within; bias is under .45 of the noise of a bin, where the plain sum has .8.

    Gaps of about the size of their noise come out a little too small.
    """
    rng = np.random.default_rng(3)
    found = [drawn(rng, off) for _ in range(400)]
    truth = float(np.abs(np.clip(SCORE + off, 0, 1) - SCORE).mean())
    assert all(f.bounds(0.025)[0] <= truth <= f.bounds(0.025)[1] for f in found)
    noise = float(np.sqrt(SCORE * (1 - SCORE) / 100).mean())
    bias = (float(np.mean([f.value for f in found])) - truth) / noise
    assert least <= bias <= most
    if off == 0:
        assert np.mean([f.raw for f in found]) > 0.75 * noise


def test_the_folded_normal_by_quadrature() -> None:
    """One bin: the value is the plain sum less E|g + s z| - g, at the shrunken gap."""
    gap, noise, n = 0.08, 0.2, 50.0
    sd = float(np.sqrt(noise / n))
    found = calibration_error(*(np.array([x]) for x in (n, n, gap, noise)))
    assert found is not None
    shrunk = float(np.sqrt(gap**2 - sd**2))
    folded, _ = integrate.quad(lambda x: abs(x) * stats.norm.pdf(x, shrunk, sd), -2, 2, points=[0])
    assert found.value == pytest.approx(gap - (folded - shrunk), abs=1e-7)
    assert found.raw == gap


def test_no_event_has_no_error() -> None:
    """Nor does a bin without noise divide by it."""
    nothing = np.zeros(10)
    assert calibration_error(nothing, nothing, nothing, nothing) is None
    one = calibration_error(np.ones(10), np.ones(10), np.full(10, 0.5), nothing)
    assert one is not None
    assert (one.raw, one.value) == pytest.approx((0.5, 0.5))
