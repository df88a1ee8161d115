"""What a look costs, as ratios within one run and as sizes: the machine does not matter.

A bare numpy pass over the same window (one searchsorted and bincount per number, one bincount per
category) is the measure; it takes 2 to 4 ms where a look may take 3.
"""

from __future__ import annotations

from functools import cache

from benchmarks.judging import Costs, measure, together


@cache
def costs() -> Costs:
    return measure()


def test_counting_a_window_beats_half_a_bare_pass() -> None:
    """25 columns of 10,000 rows are counted in at most twice the bare pass."""
    assert costs().bare / costs().count >= 0.5


def test_judging_a_window_costs_less_than_a_bare_pass() -> None:
    """25 features over a full ladder are judged about as fast as one window is histogrammed."""
    assert costs().judge <= 1.5 * costs().bare


def test_windows_that_close_together() -> None:
    """Unpacking a ladder and judging it: within 2 bare passes, in the best of five rounds of 8."""
    assert min(together(8) for _ in range(5)) / 8 <= 2 * costs().bare


def test_memory_of_a_full_ladder() -> None:
    """64 packed panes of 25 features take at most 400 kB, all that Python adds included."""
    assert costs().ladder_bytes <= 400_000
