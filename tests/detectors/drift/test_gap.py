"""Distances from counts and places in pieces, beside scipy's on the rows themselves."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from detectors.drift.gap import Gap, gap_between, line_of
from detectors.drift.kolmogorov_smirnov import fine_kolmogorov_smirnov
from detectors.drift.wasserstein import exact_null_constant, exact_wasserstein
from governance.algebra.bins import numeric_bins
from governance.algebra.pieces import PLACE_SCALE, Pieces, make_pieces
from governance.algebra.sums import WEIGHT_SCALE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROWS = 1_000
SHIFTS = (0.0, 0.1, 0.2, 0.4, 0.8)
ONE = np.ones((1, 1))
POPULATIONS = ("normal", "lognormal", "uniform", "whole numbers", "huge")


def rows_of(name: str, rng: np.random.Generator, n: int) -> Floats:
    match name:
        case "lognormal":
            return rng.lognormal(0, 1, n)
        case "uniform":
            return rng.random(n)
        case "whole numbers":
            return np.asarray(np.floor(rng.gamma(3, 12, n)))
        case "huge":
            return 1e60 * rng.normal(size=n)
    return rng.normal(size=n)


def pieces_of(reference: Floats) -> Pieces:
    pieces = make_pieces(reference, numeric_bins(reference))
    assert pieces is not None
    return pieces


def gap_of(pieces: Pieces, window: Floats, constant: float = 0.0) -> Gap:
    counts, places = pieces.count(window)
    rows = counts[None, None, :-2] / WEIGHT_SCALE
    step = pieces.step / pieces.bins.sd
    moved = (places / PLACE_SCALE - pieces.origin * rows) * step
    return gap_between(rows, moved, line_of([pieces], [constant]))


@cache
def errors(name: str) -> tuple[Floats, Floats]:
    """Of Wasserstein relative to scipy's, of KS absolute; five windows for each shift."""
    rng = np.random.default_rng(POPULATIONS.index(name))
    relative, absolute = [], []
    for sds in SHIFTS:
        for _ in range(5):
            reference, window = rows_of(name, rng, 10 * ROWS), rows_of(name, rng, ROWS)
            pieces = pieces_of(reference)
            window += sds * pieces.bins.sd
            gap = gap_of(pieces, window)
            exact = wasserstein_distance(window, reference) / pieces.bins.sd
            relative.append(exact_wasserstein(gap, ONE).raw[0, 0] / exact - 1)
            largest = fine_kolmogorov_smirnov(gap, ONE).raw[0, 0]
            absolute.append(largest - ks_2samp(window, reference).statistic)
    return np.abs(relative), np.abs(absolute)


@pytest.mark.parametrize("name", POPULATIONS)
def test_wasserstein_is_that_of_the_rows(name: str) -> None:
    """Median relative error at most .1 %, 95th percentile 1 %."""
    relative, _ = errors(name)
    assert np.median(relative) <= 0.001
    assert np.quantile(relative, 0.95) <= 0.01


@pytest.mark.parametrize("name", POPULATIONS)
def test_ks_is_that_of_the_rows(name: str) -> None:
    """Mean absolute error at most .002."""
    _, absolute = errors(name)
    assert absolute.mean() <= 0.002


def test_an_outlier_far_beyond_the_reference_counts_in_full() -> None:
    """One row in a thousand, 100 sd out: a tenth of an sd, as on the rows."""
    rng = np.random.default_rng(4)
    reference, window = rng.normal(size=10_000), rng.normal(size=ROWS)
    window[0] = 100.0
    pieces = pieces_of(reference)
    exact = wasserstein_distance(window, reference) / pieces.bins.sd
    found = exact_wasserstein(gap_of(pieces, window), ONE).raw[0, 0]
    assert found == pytest.approx(exact, rel=0.01)


def test_the_constant_takes_off_what_noise_adds() -> None:
    """Over windows of the reference's own population mean W squared is the constant over m."""
    rng = np.random.default_rng(5)
    m = 1 / (1 / ROWS + 1 / 10_000)
    ratios = []
    for _ in range(20):
        reference = rng.lognormal(0, 0.5, 10_000)
        pieces = pieces_of(reference)
        constant = exact_null_constant(reference, pieces)
        windows = [rng.lognormal(0, 0.5, ROWS) for _ in range(20)]
        raw = [exact_wasserstein(gap_of(pieces, w), ONE).raw[0, 0] for w in windows]
        ratios.append(np.mean(np.square(raw)) * m / constant)
    assert np.mean(ratios) == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("sds", [0.0, 0.1, 0.4])
def test_intervals_hold_the_truth(sds: float) -> None:
    """At least .92 of the 95 % intervals of a shifted heavy tail hold the shift."""
    rng = np.random.default_rng(6)
    held = []
    for _ in range(20):
        reference = rng.lognormal(0, 0.7, 10_000)
        pieces = pieces_of(reference)
        constant = exact_null_constant(reference, pieces)
        sd = np.sqrt((np.exp(0.49) - 1) * np.exp(0.49))
        m = np.full((1, 1), 1 / (1 / ROWS + 1 / len(reference)))
        for _ in range(20):
            window = rng.lognormal(0, 0.7, ROWS) + sds * sd
            effect = exact_wasserstein(gap_of(pieces, window, constant), m)
            held.append(effect.lower[0, 0] <= sds * sd / pieces.bins.sd <= effect.upper[0, 0])
    assert np.mean(held) >= 0.92
