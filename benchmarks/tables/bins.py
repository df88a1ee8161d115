"""What counts cost: distances from bins and from pieces beside the exact ones of the same rows.

STATISTICS 3.5. Reference and window are drawn from real columns, the window moved by 0 to .8 sd.
Exact: scipy's two-sample distances; Wasserstein over the reference's standard deviation.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import ks_2samp, wasserstein_distance

from benchmarks.tables.populations import census_reference, elec2, llm_hour
from benchmarks.tables.table import Cell, Table
from detectors.drift.layout import Layout
from detectors.drift.measure import Measure
from detectors.drift.yardstick import yardstick
from detectors.feature_reference import feature_reference
from detectors.stats.overdispersion import Block
from governance.algebra.pieces import PLACE_SCALE
from governance.algebra.sums import WEIGHT_SCALE
from governance.component.schema import DriftSettings
from governance.event import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.feature_reference import FeatureReference
    from detectors.stats.effect import Effect
    from governance.component.drift_tests import OwnTest

    Floats = NDArray[np.float64]

REFERENCE_ROWS, ROWS = 10_000, 1_000
SHIFTS = (0.0, 0.1, 0.2, 0.4, 0.8)  # sd
REPEATS = 20
FACTORS = (1.0, 1.1, 1.2, 1.5)
THRESHOLD = 0.1


@dataclass(frozen=True, slots=True)
class Errors:
    """Of Wasserstein relative to the exact distance, of KS absolute; over pieces, and over bins."""

    wasserstein: float  # median
    wasserstein_95: float  # 95 % quantile
    ks: float  # mean
    binned_wasserstein: float
    binned_wasserstein_95: float
    binned_ks: float


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
    exact, ks, binned_exact, binned_ks = np.array(found).T
    return Errors(*_summary(exact, ks), *_summary(binned_exact, binned_ks))


def table() -> Table:
    """Errors of the distances by column."""
    rows: list[list[Cell]] = [[n, *astuple(errors(values))] for n, values in columns().items()]
    head = ["column", "W: median", "95 %", "KS: mean", "bins, W: median", "95 %", "KS: mean"]
    notes = [
        "W: Wasserstein, its error relative to the exact distance; KS: absolute error. Bins: from",
        "counts of fine bins alone, as a profile of earlier builds is read.",
    ]
    return Table(f"Distances beside exact ones, windows of {ROWS:,} rows", head, rows, notes)


def heavy_tails(seed: int = 23) -> Table:
    """What the effect of a heavy tail is over pieces and over bins, beside the true one."""
    rows: list[list[Cell]] = []
    for name in ("price", "prompt tokens", "output tokens"):
        values = columns()[name]
        for factor in FACTORS:
            rng = np.random.default_rng(seed)
            found = np.array([_effects(rng, values, factor) for _ in range(4 * REPEATS)])
            truth = wasserstein_distance(factor * values, values) / values.std()
            shares = (found >= THRESHOLD).mean(axis=0)
            rows.append([name, factor, truth, *found.mean(axis=0), *shares])
    big = f"at least {THRESHOLD:g}"
    head = ["column", "times", "truth", "pieces", "bins", f"pieces {big}", f"bins {big}"]
    return Table(f"Debiased Wasserstein of windows of {ROWS:,} rows, a factor apart", head, rows)


def _compared(rng: np.random.Generator, values: Floats, sds: float) -> tuple[float, ...]:
    """Errors of Wasserstein and KS over pieces, then over bins."""
    reference = values[rng.integers(len(values), size=REFERENCE_ROWS)]
    sd = reference.std()
    window = values[rng.integers(len(values), size=ROWS)] + sds * sd
    distance = wasserstein_distance(window, reference) / sd
    largest = ks_2samp(window, reference).statistic
    found = []
    for feature in _both(reference):
        moved, gap = (_effect(feature, test, window).raw[0, 0] for test in ("wasserstein", "ks"))
        found += [abs(moved - distance) / distance, abs(gap - largest)]
    return tuple(found)


def _effects(rng: np.random.Generator, values: Floats, factor: float) -> list[float]:
    """The debiased Wasserstein distance over pieces, then over bins."""
    features = _both(values[rng.integers(len(values), size=REFERENCE_ROWS)])
    window = factor * values[rng.integers(len(values), size=ROWS)]
    return [float(_effect(feature, "wasserstein", window).value[0, 0]) for feature in features]


def _both(reference: Floats) -> tuple[FeatureReference, FeatureReference]:
    feature = feature_reference(Column(reference), categorical=False, panes=None)
    return feature, replace(feature, pieces=None)


def _effect(feature: FeatureReference, test: OwnTest, window: Floats) -> Effect:
    """As the detector measures it, of rows that are independent."""
    stick = replace(
        yardstick(feature, (), DriftSettings()), test=test, ladder=(Block(1, 1e12, 1.0),)
    )
    layout = Layout([stick])
    if stick.pieces is None:
        cells, places = feature.bins.count(window), np.empty(0, dtype=np.int64)
    else:
        cells, places = stick.pieces.count(window)
    counts = cells[None] / WEIGHT_SCALE
    inside = layout.inside(counts, places[None] / PLACE_SCALE)
    readings = Measure([stick]).readings(layout.folded(counts), np.array([float(ROWS)]), inside)
    return readings.effect


def _summary(relative: Floats, absolute: Floats) -> tuple[float, float, float]:
    return (
        float(np.median(relative)),
        float(np.quantile(relative, 0.95)),
        float(absolute.mean()),
    )
