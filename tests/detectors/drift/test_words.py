from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest

from detectors.drift.words import bin_labels, contributions, moves, percent
from detectors.feature_reference import feature_reference
from governance.component.drift_tests import OwnTest
from governance.event import Column


def test_ranges_of_numbers() -> None:
    """Coarse bins of numbers are told by the edges that part them."""
    feature = feature_reference(
        Column(np.repeat(np.arange(5.0), 400)), categorical=False, panes=None
    )
    labels = bin_labels(feature)
    assert labels[0] == "below 0"
    assert "2" in labels
    assert labels[-3:] == ("above 4", "missing values", "non-finite values")


def test_a_value_of_its_own_bin_is_told_as_itself() -> None:
    """Also 0, whose bin starts at the float just below it."""
    zeros = feature_reference(
        Column(np.repeat([0.0, 1.0], [900, 100])), categorical=False, panes=None
    )
    assert bin_labels(zeros)[:3] == ("below 0", "0", "above 0")


def test_names_of_categories() -> None:
    """Categories are told by name, or by rank where the name may not show."""
    column = Column.encode([*["a"] * 600, *["b"] * 400])
    feature = feature_reference(column, categorical=True, panes=None)
    rest = ("rare categories", "unseen categories", "missing values")
    assert bin_labels(feature) == ("a", "b", *rest)
    assert bin_labels(feature, frozenset("b")) == ("category 1 of 2 by reference share", "b", *rest)


BEFORE, AFTER = np.array([50, 40, 10]), np.array([1.0, 8.0, 1.0])


def test_the_bins_that_make_up_the_effect_are_told_in_order() -> None:
    """With both shares and their part of the effect; what hardly contributes is not told."""
    words = moves(("x", "y", "z"), BEFORE, AFTER, "jensenshannon")
    assert words == (
        "x fell from 50 % to 10 % (68 % of the effect), "
        "y rose from 40 % to 80 % (32 % of the effect)"
    )


@pytest.mark.parametrize("test", ["wasserstein", "ks"])
def test_distances_of_ordered_values_have_no_parts(test: OwnTest) -> None:
    """Shares that moved are told; they do not add up to the distance."""
    words = moves(("low", "middle", "high"), BEFORE, AFTER, test)
    assert words == "low fell from 50 % to 10 %, middle rose from 40 % to 80 %"


@pytest.mark.parametrize("test", ["psi", "jensenshannon"])
def test_parts_are_those_of_the_statistic(test: OwnTest) -> None:
    """Times the statistic they are its terms, one by one from the definition; none is below 0."""
    rng = np.random.default_rng(3)
    before, after = rng.multinomial(900, [0.1] * 10), rng.multinomial(300, [0.05] * 9 + [0.55])
    parts = contributions(before, after.astype(np.float64), test)
    if test == "psi":
        p, q = (before + 0.5) / (900 + 5), (after + 0.5) / (300 + 5)
        terms = [(b - a) * math.log(b / a) for a, b in zip(p, q, strict=True)]
    else:
        p, q = before / 900, after / 300
        terms = [
            a * math.log(2 * a / (a + b)) + b * math.log(2 * b / (a + b))
            for a, b in zip(p, q, strict=True)
        ]
    assert parts == pytest.approx(np.array(terms) / sum(terms))
    assert (parts >= 0).all()


def test_equal_shares_make_up_nothing() -> None:
    """No part is NaN where nothing moved, or where a bin is empty on both sides."""
    before = np.array([5, 0, 5])
    for test in get_args(OwnTest):
        assert contributions(before, before.astype(np.float64), test).tolist() == [0, 0, 0]


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
