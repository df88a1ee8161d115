"""Cells of weighted counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.cells import count, in_pieces, margin, read, sampling_weight
from detectors.fairness.cells import Subject
from detectors.fairness.family import Fairness
from governance.algebra.sums import MAX_WEIGHT, merge
from governance.errors import ShapeError
from tests.detectors.scenes import batch

if TYPE_CHECKING:
    from numpy.typing import NDArray


def test_cells_hold_counts_and_weights() -> None:
    """Events, weights and squared weights add up per cell."""
    keys, weight = np.array([0, 1, 1, 3]), np.array([1.0, 2.5, 4.0, 10.0])
    cells = read(count("x", keys, (2, 2), weight), "x", (2, 2))
    assert cells.events.tolist() == [[1, 2], [0, 1]]
    assert cells.weight.tolist() == [[1, 6.5], [0, 10]]
    assert cells.squared_weight.tolist() == [[1, 22.25], [0, 100]]


def test_sampled_and_unsampled_batches_merge() -> None:
    """Events without a weight column count as weight 1 beside sampled ones."""
    keys = np.array([0, 1])
    both = merge([count("x", keys, (2,), None), count("x", keys, (2,), np.array([3.0, 5.0]))])
    cells = read(both, "x", (2,))
    assert (cells.events.tolist(), cells.weight.tolist()) == ([2, 2], [4, 6])


def test_smaller_arrays_are_padded_and_larger_refused() -> None:
    """A pane that has seen fewer groups is padded; one with unknown cells is an error."""
    sums = count("x", np.array([0, 1]), (2,), None)
    assert read(sums, "x", (4,)).events.tolist() == [1, 1, 0, 0]
    with pytest.raises(ShapeError, match="at most"):
        read(sums, "x", (1,))


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2.5, 7.3, 1.0, 10.0])])
def test_margins_equal_counting_them(weight: NDArray[np.float64] | None) -> None:
    """Cells that are added up along an axis are those of keys without it, weights included."""
    first, last = np.array([0, 1, 1, 2, 2]), np.array([3, 0, 1, 1, 0])
    joint = count("x", first * 4 + last, (3, 4), weight)
    for name, keys, size, axes in (("first", first, 3, (1,)), ("last", last, 4, (0,))):
        alone, added = count(name, keys, (size,), weight), margin(name, joint, "x", axes)
        assert alone.keys() == added.keys()
        assert all(np.array_equal(alone[array], added[array]) for array in alone)


def test_weights_that_cannot_be_are_bounded() -> None:
    """A missing weight or one below 1 counts as 1, one above the maximum as the maximum."""
    weight = sampling_weight(batch(weight=[np.nan, -3, 0.5, 2, np.inf, 1e9]))
    assert weight is not None
    assert weight.tolist() == [1, 1, 1, 2, MAX_WEIGHT, MAX_WEIGHT]


def test_weights_of_one_are_no_weights() -> None:
    """A column of ones is the same as no column."""
    assert sampling_weight(batch(weight=[1, 1, 1])) is None


def test_large_batches_equal_their_parts() -> None:
    """A batch that is added up in runs gives the sums of adding it up at once, to the last bit."""
    rng = np.random.default_rng(0)
    n = 100_000
    events = batch(
        sex=rng.integers(-1, 2, n),
        favourable=rng.integers(-1, 2, n),
        weight=np.where(rng.random(n) < 0.5, 1.0, 7.3),
    )
    detector = Fairness((Subject(("sex",)),), (), max_loss=1.0)
    parts = [events.take(part) for part in np.array_split(np.arange(n), 130)]
    whole, sliced = detector.add(events), merge(detector.add(part) for part in parts)
    assert whole.keys() == sliced.keys()
    assert all(np.array_equal(whole[name], sliced[name]) for name in whole)


def test_runs_cover_a_batch_once() -> None:
    """No event is lost or doubled at the seams of the runs."""
    events = batch(favourable=np.zeros(70_000))
    sums = in_pieces(lambda run: {"n": np.array([run.n])}, events)
    assert sums["n"].tolist() == [70_000]
