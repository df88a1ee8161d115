"""Exact limits of the mean of bounded values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.stats.bounded_mean import log_evidence, mean_limits

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def plainly(values: Sequence[float], mean: float) -> float:
    """The fortune, value by value and part by part."""
    fortunes = []
    for k in range(6):
        part, fortune = 0.99 / 2**k, 1.0
        for value in values:
            fortune *= 1 + part * (value / mean - 1)
        fortunes.append(fortune)
    return sum(fortunes) / len(fortunes)


@given(SHARES, st.floats(0.05, 1))
def test_evidence_is_the_fortune_of_a_bet(values: list[float], mean: float) -> None:
    """Distinct values with their counts give what a plain product gives."""
    expected = math.log(plainly(values, mean))
    assert log_evidence(values, mean) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(SHARES)
def test_limits_are_where_the_bet_refutes(values: list[float]) -> None:
    """The mean lies within, a mean at the lower limit is refuted, one a little above is not."""
    error = 0.025
    lower, upper = mean_limits(values, error)
    assert 0 <= lower <= np.mean(values) + 1e-9
    assert np.mean(values) - 1e-9 <= upper <= 1
    if lower > 1e-6:
        assert plainly(values, lower) >= 1 / error * (1 - 1e-6)
        assert plainly(values, lower + 1e-6) <= 1 / error * (1 + 1e-6)


@given(SHARES)
def test_order_and_direction_do_not_matter(values: list[float]) -> None:
    """Limits of a permutation are the same, of 1 - x they are mirrored."""
    lower, upper = mean_limits(values, 0.025)
    assert mean_limits(values[::-1], 0.025) == (lower, upper)
    mirrored = mean_limits([1 - x for x in values], 0.025)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((lower, upper), abs=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_equal_values_prove_little_of_what_was_not_seen(value: float) -> None:
    """30 equal values leave room for 1 in 6 others; 3,000 for 1 in 500."""
    for n, room in ((30, 0.2), (3_000, 0.002)):
        lower, upper = mean_limits(np.full(n, value), 0.025)
        assert value - room <= lower <= value <= upper <= value + room
        assert upper - lower > 1 / n


def test_the_expected_fortune_is_one() -> None:
    """Averaged over all outcomes of 8 coins, the fortune against the true mean is exactly 1."""
    p = 0.3
    total = 0.0
    for heads in range(9):
        weight = math.comb(8, heads) * p**heads * (1 - p) ** (8 - heads)
        total += weight * math.exp(log_evidence([1.0] * heads + [0.0] * (8 - heads), p))
    assert total == pytest.approx(1.0, abs=1e-12)
