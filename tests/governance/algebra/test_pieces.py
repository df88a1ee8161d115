from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from governance.algebra.bins import numeric_bins
from governance.algebra.pieces import PLACE_SCALE, Pieces, make_pieces
from governance.algebra.sums import WEIGHT_SCALE

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pieces(seed: int = 0, n: int = 5_000) -> Pieces:
    values = np.random.default_rng(seed).lognormal(0, 1, n)
    made = make_pieces(values, numeric_bins(values))
    assert made is not None
    return made


def test_pieces_of_a_bin_add_up_to_it() -> None:
    """Counts of pieces, folded, are the counts of fine bins; so are the reference's rows."""
    values = np.random.default_rng(0).lognormal(0, 1, 5_000)
    made, bins = pieces(), numeric_bins(values)
    window = np.random.default_rng(1).lognormal(0.3, 1.2, 3_000)
    folded = np.add.reduceat(made.count(window)[0][:-2], made.starts)
    assert folded.tolist() == bins.count(window)[:-2].tolist()
    assert (
        np.add.reduceat(made.rows, made.starts).tolist()
        == (bins.count(values)[:-2] // WEIGHT_SCALE).tolist()
    )


def test_places_tell_the_mean_of_a_piece() -> None:
    """The mean of a piece's rows is known to a step, the sum of all rows to a thousandth."""
    made = pieces()
    window = np.random.default_rng(2).lognormal(0, 1, 2_000)
    counts, places = made.count(window)
    rows, codes = counts[:-2] / WEIGHT_SCALE, made.bins.codes(window)
    sums = made.mean * rows + (places / PLACE_SCALE - made.origin * rows) * made.step
    exact = np.bincount(codes, weights=window, minlength=len(rows))
    assert (np.abs(sums - exact) <= made.step * rows / 2 * (1 + 1e-9)).all()
    assert sums.sum() == pytest.approx(window.sum(), rel=1e-3)


def test_batches_add_up_exactly() -> None:
    """However rows are cut into batches, weighted or not, sums are the same integers."""
    made, rng = pieces(), np.random.default_rng(3)
    values, weight = rng.lognormal(0, 2, 1_000), rng.uniform(1, 9_999, 1_000)
    for given in (None, weight):
        parts = [slice(0, 1), slice(1, 700), slice(700, 1_000)]
        whole = made.count(values, weight=given)
        cut = [made.count(values[s], weight=None if given is None else given[s]) for s in parts]
        for total, pieces_of_it in zip(whole, zip(*cut, strict=True), strict=True):
            assert total.tolist() == sum(pieces_of_it).tolist()


def test_weights_of_one_change_nothing() -> None:
    """A weight of 1 gives the sums that no weight gives."""
    values = np.random.default_rng(4).lognormal(0, 1, 500)
    plain, weighted = pieces().count(values), pieces().count(values, weight=np.ones(500))
    assert [a.tolist() for a in plain] == [a.tolist() for a in weighted]


def test_texts_count_as_their_numbers() -> None:
    """A dictionary of texts gives the sums of the numbers behind it, weighted or not."""
    made, texts = pieces(), ("1.5", "0.25", "nan", "", "3000")
    codes = np.array([0, 0, 1, 4, -1, 3, 1], dtype=np.int32)
    numbers = np.array([1.5, 1.5, 0.25, 3_000.0, np.nan, np.nan, 0.25])
    for weight in (None, np.linspace(1, 3, 7)):
        of_texts, of_numbers = made.count(codes, texts, weight), made.count(numbers, weight=weight)
        assert of_texts[0].tolist() == of_numbers[0].tolist()
        np.testing.assert_allclose(of_texts[1], of_numbers[1], atol=PLACE_SCALE)


def test_values_that_are_no_numbers_have_no_place() -> None:
    """Missing and infinite values are counted behind the pieces, and move nothing."""
    counts, places = pieces().count(np.array([np.nan, np.inf, -np.inf]))
    assert (counts[-2:] // WEIGHT_SCALE).tolist() == [1, 2]
    assert not places.any()


def test_a_row_far_out_counts_as_far_and_no_farther() -> None:
    """The largest float neither overflows nor outweighs what an int64 holds."""
    top = np.finfo(np.float64).max
    _, places = pieces().count(np.array([top, -top]), weight=np.full(2, 1e4))
    assert np.abs(places).max() <= 2**42


@pytest.mark.parametrize(
    "values",
    [np.full(100, 3.0), np.array([0.0, 1e300] * 50), 5e-324 * np.arange(1_000.0), np.empty(0)],
    ids=["constant", "huge", "tiny", "none"],
)
def test_columns_without_pieces(values: NDArray[np.float64]) -> None:
    """A constant, and sizes whose quotients are no numbers, are left to bins."""
    assert make_pieces(values, numeric_bins(values)) is None
