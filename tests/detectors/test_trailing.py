"""Trailing windows and the errors that they share."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import Pane
from detectors.trailing import LENGTHS, error_levels, trailing_windows
from governance.algebra.sums import merge
from tests.detectors.scenes import HOUR_US, view


def panes(n: int) -> list[Pane]:
    """Panes with growing arrays of two families."""
    return [
        Pane(
            i,
            i * HOUR_US,
            (i + 1) * HOUR_US,
            1,
            {"mine.a": np.arange(i + 1), "other.a": np.ones(1, dtype=np.int64)},
            {"mine.b": np.full(2, i)},
        )
        for i in range(n)
    ]


@pytest.mark.parametrize("n", [1, 3, 64, 70])
def test_windows_equal_merging_their_panes(n: int) -> None:
    """Every window is the plain merge of its panes, of one family's arrays only."""
    given = panes(n)
    for window in trailing_windows(view(given), "mine."):
        newest = given[-window.panes :]
        expected = merge({"mine.a": pane.sums["mine.a"]} for pane in newest)
        assert window.sums.keys() == {"mine.a"}
        assert np.array_equal(window.sums["mine.a"], expected["mine.a"])
        assert window.outcomes["mine.b"].tolist() == [sum(range(n - window.panes, n))] * 2


def test_lengths_that_are_not_there_yet_are_left_out() -> None:
    """Five panes give windows of 1, 2 and 4; panes past the 64th are not looked at."""
    lengths = {n: [w.panes for w in trailing_windows(view(panes(n)), "mine.")] for n in (5, 70)}
    assert lengths == {5: [1, 2, 4], 70: list(LENGTHS)}


def test_sliding_panes_make_whole_windows() -> None:
    """Where 3 panes make a window lengths are 3, 6, 12 panes, and none before 3 are there."""
    lengths = {n: [w.panes for w in trailing_windows(view(panes(n)), "", 3)] for n in (2, 13)}
    assert lengths == {2: [], 13: [3, 6, 12]}


def test_error_is_shared_by_checks_and_lengths() -> None:
    """A breach has 1 / (A x checks x 7) per look, a warning 1 / (20 x 7) whatever the checks."""
    assert error_levels(1_000, 6) == (1 / 42_000, 1 / 140)
