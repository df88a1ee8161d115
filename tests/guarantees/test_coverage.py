"""Intervals hold the truth as often as they say: effects of drift, and published error rates.

STATISTICS 3.5, 3.6. The slow form prints the table and asserts .92 from 200 rows on.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.tables import bins, compas
from benchmarks.tables.compas import PUBLISHED, Published
from benchmarks.tables.coverage import SIZES, STATISTICS, bias, cases, coverage, table
from benchmarks.tables.populations import Absent
from tests.guarantees.page import show

LEAST = 0.92
NAMES = {"selection": "selection", "true_positive": "TPR", "false_positive": "FPR"}
EXPECTED = [
    row
    for row in json.loads(compas.COUNTS.read_text(encoding="utf-8"))["expected"]
    if row["rate"] in NAMES
]


@pytest.mark.parametrize("statistic", [statistic for statistic, _, _ in STATISTICS])
def test_intervals_in_windows_of_200_rows(statistic: str) -> None:
    """500 windows of each change: the interval holds the true effect in 90 % at least."""
    for case in cases():
        if case.statistic == statistic:
            assert coverage(case, 200, 500).share >= 0.9


def test_unchanged_rows_have_little_effect() -> None:
    """What is left of the bias in 200 rows: .03 of a distance, .05 of JS on many categories."""
    for case in cases():
        if case.truth == 0.0:
            assert coverage(case, 200, 500).mean <= (0.05 if "JS" in case.statistic else 0.03)


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda p: p.name)
def test_error_rates_of_compas(published: Published) -> None:
    """Rates are the published ones, and the ends of their intervals lie within one point."""
    rate, lower, upper = compas.ours(published)
    assert round(rate, 1) == published.rate
    assert abs(lower - published.lower) <= 1
    assert abs(upper - published.upper) <= 1


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: str(row["name"]))
def test_differences_of_compas(row: dict[str, Any]) -> None:
    """Value, interval and the verdict's bound are those of an independent program."""
    races = tuple(group["group"] for group in row["groups"])
    plain, kept, value, bound, _ = compas.difference(compas.RATES[NAMES[row["rate"]]], races)
    assert plain == pytest.approx(row["raw_all_groups"], abs=1e-9)
    assert bound == pytest.approx(row["breach_bound"], abs=1e-9)
    assert kept == sum(group["kept"] for group in row["groups"])
    assert value == f"{row['point']:.4f} [{row['lower']:.3f}, {row['upper']:.3f}]"


@pytest.mark.slow
def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """2,000 windows a case: coverage at least .92 from 200 rows on."""
    show(capsys, table(), bias())
    for case in cases():
        for rows in SIZES[1:]:
            assert coverage(case, rows, 2_000).share >= LEAST


@pytest.mark.slow
def test_bins_beside_exact_distances(capsys: pytest.CaptureFixture[str]) -> None:
    """In every column: Wasserstein within .1 % (median) and 1 % (95 %), KS within .002 (mean)."""
    try:
        found, tails = bins.table(), bins.heavy_tails()
    except Absent as missing:
        pytest.skip(str(missing))
    show(capsys, found, tails)
    for median, percentile, ks, *_ in found.numbers:
        assert median <= 0.001
        assert percentile <= 0.01
        assert ks <= 0.002
    for _, truth, over_pieces, *_ in tails.numbers:
        assert abs(over_pieces - truth) <= 0.02 + 0.05 * truth
