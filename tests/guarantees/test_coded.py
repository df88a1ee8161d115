"""The rows that the tables draw are counted and judged as the detector counts and judges."""

from __future__ import annotations

import numpy as np

from benchmarks.tables.coded import coded, watch
from benchmarks.tables.populations import CENSUS_CATEGORIES, census_reference, census_traffic, only
from benchmarks.tables.watched import component, drift_statuses

ROWS = 500


def test_statuses_are_those_of_the_detector() -> None:
    """Every window around the block of group quarters has the detector's status per subject."""
    declared = component(*CENSUS_CATEGORIES, windows={"events": ROWS})
    traffic = only(census_traffic(), 125_000, 137_000)
    fast = coded(watch(census_reference(), declared), traffic)
    panes = fast.panes(ROWS)
    slow = list(drift_statuses(census_reference(), declared, traffic))
    assert len(slow) == len(panes) == 24
    for newest, expected in enumerate(slow, start=1):
        found = fast.watched.statuses(panes[:newest], ROWS, 1_000)
        counted = dict(zip(fast.watched.names, found, strict=True))
        assert counted | {"joint": expected["joint"]} == expected  # no count of one column


def test_drawn_counts_are_the_rows_counts() -> None:
    """Counts of rows by index are those of the same rows counted by the bins."""
    declared = component(*CENSUS_CATEGORIES, windows={"events": ROWS})
    fast = coded(watch(census_reference(), declared), census_traffic())
    rows = np.random.default_rng(21).integers(census_traffic().n, size=ROWS)
    counts = fast.counts(rows)
    for place, subject in enumerate(fast.watched.subjects):
        column = census_traffic().columns[subject.column].take(rows)
        expected = subject.bins.count(column.values, column.dictionary) // 2**16
        np.testing.assert_array_equal(counts[fast.watched.bins.slice(place)], expected)
