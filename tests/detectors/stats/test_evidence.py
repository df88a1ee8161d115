from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from detectors.stats.evidence import (
    CONCENTRATIONS,
    SPREADS,
    TILTS,
    log_evidence,
    log_mixture,
    log_tilt,
    make_null,
    tilt_matrix,
)
from detectors.stats.ragged import Ragged

BINS = Ragged((4, 3, 6))
REFERENCE = np.array([500, 300, 150, 50, 900, 90, 10, 300, 300, 300, 50, 40, 10])


def slow_mixture(y: list[float], m: float, p: list[float]) -> float:
    """The e-value of one feature by scalar arithmetic (STATISTICS 1.3)."""
    size = len(p)
    values = []
    for part in CONCENTRATIONS:
        c = (size - 1) / part
        log_e = math.lgamma(c) - math.lgamma(c + m)
        for y_b, p_b in zip(y, p, strict=True):
            base = 0.9 * p_b + 0.1 / size
            log_e += math.lgamma(c * base + y_b) - math.lgamma(c * base) - y_b * math.log(p_b)
        values.append(math.exp(log_e))
    return math.log(sum(values) / len(values))


def slow_tilts(p: list[float], finite: int) -> list[float]:
    """The scores of the finite bins by scalar arithmetic: mean 0, variance 1 under p."""
    total = sum(p[:finite])
    below, scores = 0.0, []
    for p_b in p[:finite]:
        scores.append(NormalDist().inv_cdf((below + p_b / 2) / total))
        below += p_b
    mean = sum(s * p_b for s, p_b in zip(scores, p, strict=False)) / total
    square = sum((s - mean) ** 2 * p_b for s, p_b in zip(scores, p, strict=False)) / total
    return [(s - mean) / math.sqrt(square) for s in scores]


def test_many_features_at_once_equal_one_by_one() -> None:
    """The fast pass over ragged bins gives what scalar arithmetic gives for each feature."""
    null = make_null(REFERENCE, BINS, (0, 0, 0))
    rng = np.random.default_rng(1)
    y = rng.random((2, 13)) * 20
    m = BINS.sum(y)
    fast = log_mixture(y, m, null)
    for window in range(2):
        for feature in range(3):
            here = BINS.slice(feature)
            slow = slow_mixture(
                y[window, here].tolist(), float(m[window, feature]), null.p[here].tolist()
            )
            assert fast[window, feature] == pytest.approx(slow, rel=1e-9)


def test_tilts_equal_their_slow_twin() -> None:
    """The first tilt is t times the standardised normal score, less its normaliser."""
    p = [0.3, 0.4, 0.2, 0.08, 0.02]
    scores = [*slow_tilts(p, 3), 0.0, 0.0]
    weight = sum(p_b * math.exp(TILTS[0] * s) for p_b, s in zip(p, scores, strict=True))
    expected = [TILTS[0] * s - math.log(weight) for s in scores]
    assert tilt_matrix(np.array(p), 3)[:, 0].tolist() == pytest.approx(expected, rel=1e-9)


def test_every_bet_is_fair() -> None:
    """Under p the mean likelihood ratio of each tilt and spread is 1: it is an e-value."""
    null = make_null(REFERENCE, BINS, (0, 0, 4))
    last = BINS.slice(2)
    assert (null.p[last] @ np.exp(null.llr[last])).tolist() == pytest.approx(
        [1.0] * len(TILTS + SPREADS)
    )


def test_order_is_used_where_there_is_one() -> None:
    """Without an order the tilts do not enter; with one the two bets are averaged."""
    null = make_null(REFERENCE, BINS, (0, 0, 4))
    y = REFERENCE[None] / 20.0
    m = BINS.sum(y)
    mixture, tilt, both = log_mixture(y, m, null), log_tilt(y, null), log_evidence(y, m, null)
    assert both[0, 0] == mixture[0, 0]
    mean = (math.exp(mixture[0, 2]) + math.exp(tilt[0, 2])) / 2
    assert math.exp(both[0, 2]) == pytest.approx(mean)


def test_two_bins_with_an_order() -> None:
    """Two finite bins have a location but no spread; nothing divides by zero."""
    matrix = tilt_matrix(np.array([0.5, 0.4, 0.05, 0.05]), 2)
    assert np.isfinite(matrix).all()
    assert (matrix[:, len(TILTS) :] == 0).all()
