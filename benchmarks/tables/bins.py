"""What bins cost: distances between binned rows beside the exact ones of the same rows.

STATISTICS 3.5. Reference and window are drawn from real columns, the window moved by 0 to .8 sd.
Exact: scipy's two-sample distances; Wasserstein over the reference's standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import ks_2samp, wasserstein_distance

from benchmarks.tables.populations import census_reference, elec2, llm_hour
from benchmarks.tables.table import Cell, Table
from detectors.drift.kolmogorov_smirnov import kolmogorov_smirnov
from detectors.drift.wasserstein import Past, wasserstein
from detectors.stats.ragged import Ragged
from governance.algebra.bins import numeric_bins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

REFERENCE_ROWS, ROWS = 10_000, 1_000
SHIFTS = (0.0, 0.1, 0.2, 0.4, 0.8)  # sd
REPEATS = 20


@dataclass(frozen=True, slots=True)
class Errors:
    """Of Wasserstein relative to the exact distance, of KS absolute."""

    wasserstein: float  # median
    wasserstein_95: float  # 95 % quantile
    ks: float  # mean


def columns() -> dict[str, Floats]:
    """Real columns: whole numbers, shares, two heavy tails, a rhythm."""
    people, market, hour = census_reference(), elec2(), llm_hour()
    return {
        "age": people.columns["tabular.AGEP"].values,
        "score": people.columns["score"].values,
        "price": market.columns["tabular.nswprice"].values,
        "demand": market.columns["tabular.nswdemand"].values,
        "prompt tokens": hour.columns["tabular.prompt"].values,
        "output tokens": hour.columns["tabular.output"].values,
    }


def errors(values: Floats, seed: int = 22) -> Errors:
    """Compare windows of one column, ``REPEATS`` for each shift."""
    rng = np.random.default_rng(seed)
    found = [_compared(rng, values, sds) for sds in SHIFTS for _ in range(REPEATS)]
    relative, absolute = np.array(found).T
    return Errors(
        float(np.median(relative)), float(np.quantile(relative, 0.95)), float(absolute.mean())
    )


def table() -> Table:
    """Errors of the binned distances by column."""
    rows: list[list[Cell]] = []
    for name, values in columns().items():
        e = errors(values)
        rows.append([name, e.wasserstein, e.wasserstein_95, e.ks])
    head = ["column", "Wasserstein: median", "95 %", "KS: mean"]
    notes = ["Wasserstein: error relative to the exact distance; KS: absolute error."]
    return Table(f"Bins beside exact distances, windows of {ROWS:,} rows", head, rows, notes)


def _compared(rng: np.random.Generator, values: Floats, sds: float) -> tuple[float, float]:
    reference = values[rng.integers(len(values), size=REFERENCE_ROWS)]
    bins = numeric_bins(reference)
    window = values[rng.integers(len(values), size=ROWS)] + sds * bins.sd
    past, counts = (bins.count(rows)[: -bins.tail].astype(float) for rows in (reference, window))
    m, one = np.ones((1, 1)), Ragged((len(past),))
    known = Past(past, np.append(bins.width_over_sd(), 0.0), np.zeros(1))
    distance = wasserstein(counts[None], known, m, one).raw[0, 0]
    exact = wasserstein_distance(window, reference) / bins.sd
    gap = kolmogorov_smirnov(counts[None], past, m, one).raw[0, 0]
    return abs(distance - exact) / exact, abs(gap - ks_2samp(window, reference).statistic)
