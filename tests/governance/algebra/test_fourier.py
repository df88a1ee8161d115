from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.algebra.fourier import (
    BANDWIDTH_ROWS,
    SUM_SCALE,
    Projection,
    bandwidth,
    fit_projection,
    spread_evenly,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLAIN = Projection("plain", (1.0,) * 20, 2.0, 3, pairs=64)
UNIT = replace(PLAIN, embedding="unit", unit=True)


def rows(n: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(n, 20))


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 700), max_size=6))
@settings(max_examples=25, deadline=None)
def test_sums_do_not_depend_on_order_or_batches(seed: int, cuts: list[int]) -> None:
    """However rows are shuffled and cut into batches, the sums are the same integers."""
    vectors = rows(700, 1)
    shuffled = np.random.default_rng(seed).permutation(vectors)
    parts = [part for part in np.split(shuffled, sorted(cuts)) if len(part)]
    assert np.array_equal(sum(PLAIN.sums(part) for part in parts), PLAIN.sums(vectors))


def test_sums_agree_with_a_slow_twin() -> None:
    """One cosine and one sine at a time, in Python's floats."""
    vectors = rows(40)
    expected = np.zeros(PLAIN.size)
    for vector in vectors:
        for pair in range(PLAIN.pairs):
            turns = math.fsum(x * w for x, w in zip(vector, PLAIN.matrix[:, pair], strict=True))
            expected[pair] += math.cos(2 * math.pi * turns)
            expected[PLAIN.pairs + pair] += math.sin(2 * math.pi * turns)
    expected *= SUM_SCALE / math.sqrt(PLAIN.pairs)
    assert np.abs(PLAIN.sums(vectors) - expected).max() <= 2 * len(vectors)


def test_length_does_not_matter_where_vectors_are_brought_to_one() -> None:
    """A text that is repeated has the same embedding; counts may be small integers."""
    counts = np.random.default_rng(0).integers(0, 9, (50, 20)).astype(np.uint16)
    assert np.array_equal(UNIT.sums(counts), UNIT.sums(counts * 7.5))


def test_weights_count_a_row_several_times() -> None:
    """Weight 3 is as three rows; weights of 1 change nothing."""
    vectors = rows(30)
    assert np.array_equal(PLAIN.sums(vectors, np.full(30, 3.0)), 3 * PLAIN.sums(vectors))
    assert np.array_equal(PLAIN.sums(vectors, np.ones(30)), PLAIN.sums(vectors))


def test_what_is_no_embedding() -> None:
    """NaN and infinity never are; zeros are none only where a length of 1 is wanted."""
    vectors = rows(4)
    vectors[0, 3], vectors[1, 0], vectors[2] = np.nan, np.inf, 0.0
    assert PLAIN.usable(vectors).tolist() == [False, False, True, True]
    assert UNIT.usable(vectors).tolist() == [False, False, False, True]


def test_no_rows() -> None:
    """Nothing sums up to zeros."""
    assert not PLAIN.sums(rows(0)).any()


@pytest.mark.parametrize("huge", [1e30, 1.7e308, -1.7e308])
def test_huge_coordinates_stay_finite(huge: float) -> None:
    """They count as far away, in whichever units."""
    vectors = np.full((3, 20), huge)
    for projection in (PLAIN, UNIT):
        assert np.abs(projection.sums(vectors)).max() <= 3 * SUM_SCALE / math.sqrt(64)
    assert np.array_equal(
        PLAIN.sums(vectors), PLAIN.sums(np.full((3, 20), math.copysign(16, huge)))
    )


def test_means_are_as_far_apart_as_the_kernel_says() -> None:
    """The squared distance of mean features is the MMD under the Gaussian kernel, up to 1,024."""
    projection = replace(PLAIN, pairs=1_024, h=4.0)
    left, right = rows(400, 1), rows(400, 2) + 0.5

    def kernel(a: Any, b: Any) -> float:
        squared = ((a[:, None] - b) ** 2).sum(axis=-1)
        return float(np.exp(-squared / (2 * 4.0**2)).mean())

    exact = kernel(left, left) + kernel(right, right) - 2 * kernel(left, right)
    means = [projection.sums(side) / SUM_SCALE / 400 for side in (left, right)]
    assert ((means[0] - means[1]) ** 2).sum() == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize(
    "change",
    [
        {"embedding": "other"},
        {"scale": (1.0,) * 19 + (1.5,)},
        {"h": 2.1},
        {"seed": 4},
        {"unit": True},
        {"pairs": 65},
    ],
)
def test_whatever_differs_has_another_hash(change: dict[str, Any]) -> None:
    """Sums of another projection, or of another embedding, are never added to these."""
    assert replace(PLAIN, **change).hash != PLAIN.hash
    assert replace(PLAIN).hash == PLAIN.hash


def test_a_coordinate_that_hardly_varies_does_not_dominate() -> None:
    """Its scale is at least a quarter of the root mean variance."""
    vectors = rows(500)
    vectors[:, 0] *= 1e-6
    scale = np.array(fit_projection("x", vectors, 1).scale)
    assert scale[0] == pytest.approx(np.sqrt(vectors.var(axis=0).mean()) / 4)
    assert scale[1:] == pytest.approx(vectors.std(axis=0)[1:])


def test_equal_rows_have_no_spread() -> None:
    """There is nothing to fit a projection to."""
    with pytest.raises(ValueError, match="all rows are equal"):
        fit_projection("x", np.ones((10, 3)), 1)


def test_a_bandwidth_where_most_rows_are_equal() -> None:
    """The mean distance stands in where the median is 0."""
    vectors = np.zeros((100, 2))
    vectors[:10] = 3.0
    assert bandwidth(vectors) > 0


def test_few_rows_stand_for_many() -> None:
    """Row floor(i n / most); all where there are no more."""
    assert len(spread_evenly(rows(10), BANDWIDTH_ROWS)) == 10
    assert spread_evenly(np.arange(1_000), 4).tolist() == [0, 250, 500, 750]
