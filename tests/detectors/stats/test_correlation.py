from __future__ import annotations

import numpy as np
import pytest

from detectors.stats.correlation import (
    changes,
    influences,
    log_evidence,
    moments,
    row_effect,
    row_nulls,
)
from detectors.stats.mmd import GramNulls

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def scores(n: int, seed: int, r: float = 0.6, d: int = 4) -> Floats:
    """Normal scores of which the first two correlate."""
    drawn = np.random.default_rng(seed).normal(size=(n, d))
    drawn[:, 1] = r * drawn[:, 0] + np.sqrt(1 - r * r) * drawn[:, 1]
    return drawn


def matrix(rows: Floats) -> Floats:
    ones = np.column_stack([np.ones(len(rows)), rows])
    return np.asarray(ones.T @ ones)


def test_moments_are_numpys() -> None:
    """Means, variances and correlations are those of the rows; the diagonal is left out."""
    rows = scores(500, seed=0)
    found = moments(matrix(rows))
    assert found.mean == pytest.approx(rows.mean(axis=0))
    assert found.variance == pytest.approx(rows.var(axis=0))
    assert found.correlation == pytest.approx(np.corrcoef(rows.T) - np.eye(4))


def test_changes_are_differences_of_correlations() -> None:
    """Whatever means and deviations do, as long as there is some."""
    past, window = scores(2_000, seed=0), scores(300, seed=1, r=0.1)
    moved = window * np.array([1.0, 3.0, 0.6, 1.0]) + np.array([5.0, -2.0, 0.0, 1.0])
    found = changes(matrix(moved)[None], moments(matrix(past)))[0]
    expected = np.corrcoef(window.T) - np.corrcoef(past.T)
    assert found == pytest.approx(expected - np.diag(np.diag(expected)))


def test_a_feature_that_collapsed_says_little() -> None:
    """Its changes fade with its deviation, down to none where it is constant."""
    past, window = scores(2_000, seed=0), scores(300, seed=1)
    sizes = []
    for spread in (1.0, 0.25, 0.0):
        rows = window * np.array([1.0, spread, 1.0, 1.0])
        sizes.append(float(np.abs(changes(matrix(rows)[None], moments(matrix(past)))[0][1]).max()))
    assert sizes[0] > sizes[1] > sizes[2] == 0.0


def test_an_empty_window_has_no_changes() -> None:
    """Nothing is known of it, and nothing is divided by zero."""
    found = changes(np.zeros((2, 5, 5)), moments(matrix(scores(2_000, seed=0))))
    assert not found.any()


def test_influences_are_what_one_more_row_does() -> None:
    """In first order, as the derivative by a row's weight."""
    rows = scores(4_000, seed=0)
    known = moments(matrix(rows))
    standard = (rows - known.mean) / np.sqrt(known.variance)
    weight = 1e-3
    heavier = matrix(rows) + weight * 4_000 * matrix(rows[:1])
    found = changes(heavier[None], known)[0][0, 1:] / weight
    assert found == pytest.approx(influences(standard, known.correlation, 0)[0], abs=0.02)


def test_the_null_fits_windows_of_the_reference() -> None:
    """The squared change of a feature, times m, has the null's mean and variance."""
    past, rng = scores(20_000, seed=0), np.random.default_rng(3)
    known = moments(matrix(past))
    nulls = GramNulls.of(
        row_nulls((past - known.mean) / np.sqrt(known.variance), known.correlation)
    )
    windows = np.array([matrix(past[rng.integers(len(past), size=400)]) for _ in range(2_000)])
    squared = 400 * (changes(windows, known) ** 2).sum(axis=2)
    assert squared.mean(axis=0) == pytest.approx(nulls.first, rel=0.1)
    assert squared.var(axis=0) == pytest.approx(2 * nulls.second, rel=0.25)


def test_evidence_keeps_its_promise_and_finds_a_broken_pair() -> None:
    """Of 2,000 usual windows of 50 rows at most 1 in 100 reaches 20; a broken pair's pass 1,000."""
    past, rng = scores(20_000, seed=0, d=10), np.random.default_rng(4)
    known = moments(matrix(past))
    nulls = GramNulls.of(
        row_nulls((past - known.mean) / np.sqrt(known.variance), known.correlation)
    )
    usual = np.array([matrix(past[rng.integers(len(past), size=50)]) for _ in range(2_000)])
    e = log_evidence(changes(usual, known), np.full(2_000, 50.0), nulls)
    assert (e >= np.log(20)).mean() <= 0.01
    broken = changes(matrix(scores(400, seed=5, r=0.0, d=10))[None], known)
    m = np.array([400.0])
    assert log_evidence(broken, m, nulls)[0] > np.log(1_000)
    effect = row_effect(broken, m, nulls)
    assert effect.value[0] == pytest.approx(0.6, abs=0.12)
    assert effect.lower[0] < 0.6 < effect.upper[0]
