from __future__ import annotations

import numpy as np

from detectors.drift.words import bin_labels, largest_move, percent
from detectors.feature_reference import feature_reference
from governance.event import Column


def test_ranges_of_numbers() -> None:
    """Coarse bins of numbers are told by the edges that part them."""
    feature = feature_reference(
        Column(np.repeat(np.arange(5.0), 400)), categorical=False, panes=None
    )
    labels = bin_labels(feature)
    assert labels[0].startswith("up to ")
    assert "2" in labels
    assert labels[-3:] == ("above 4", "missing values", "non-finite values")


def test_names_of_categories() -> None:
    """Categories are told by name, or by rank where the name may not show."""
    column = Column.encode([*["a"] * 600, *["b"] * 400])
    feature = feature_reference(column, categorical=True, panes=None)
    rest = ("rare categories", "unseen categories", "missing values")
    assert bin_labels(feature) == ("a", "b", *rest)
    assert bin_labels(feature, frozenset("b")) == ("category 1 of 2 by reference share", "b", *rest)


def test_the_largest_move() -> None:
    """The bin whose share moved most is told, with both shares."""
    words = largest_move(("x", "y", "z"), np.array([50, 40, 10]), np.array([1.0, 8.0, 1.0]))
    assert words in {"x fell from 50 % to 10 %", "y rose from 40 % to 80 %"}


def test_shares_have_no_more_digits_than_matter() -> None:
    """Small shares keep a decimal, tiny ones are not called zero."""
    shares = (0.0, 0.0001, 0.0123, 0.0994, 0.0996, 0.714, 1.0)
    assert [percent(share) for share in shares] == [
        "0.0 %",
        "under 0.1 %",
        "1.2 %",
        "9.9 %",
        "10 %",
        "71 %",
        "100 %",
    ]
