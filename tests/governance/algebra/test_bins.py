from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.algebra.bins import (
    CategoryBins,
    NumericBins,
    category_bins,
    fold,
    numeric_bins,
)
from governance.algebra.cells import float_dictionary, number_of_text
from governance.algebra.grid import make_grid
from governance.algebra.sums import WEIGHT_SCALE, weighted_counts

MISSING, NON_FINITE = -2, -1
finite = st.floats(allow_nan=False, allow_infinity=False)


def rows(counts: np.ndarray) -> list[int]:
    assert (counts % WEIGHT_SCALE == 0).all()
    return [int(count) for count in counts // WEIGHT_SCALE]


@settings(deadline=None)
@given(st.lists(finite, min_size=16, max_size=200), st.lists(finite, max_size=50))
def test_grid_equals_binary_search(edges: list[float], values: list[float]) -> None:
    """The look-up grid and its slow twin agree, at edges, beside them and far away."""
    distinct = np.unique(edges)
    grid = make_grid(distinct)
    if grid is not None:
        beside = [np.nextafter(distinct, -np.inf), distinct, np.nextafter(distinct, np.inf)]
        probes = np.concatenate([*beside, values])
        probes = probes[np.isfinite(probes)]
        assert grid.codes(probes).tolist() == np.searchsorted(distinct, probes, "left").tolist()


def test_a_skewed_column_has_the_finer_grid() -> None:
    """Edges that crowd in the usual cells are told apart in finer ones, as the twin does."""
    edges = np.concatenate([np.arange(10) * 2.0**-15, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]])
    grid = make_grid(edges)
    assert grid is not None
    assert len(grid.first) == 16_384
    probes = np.concatenate([edges, np.random.default_rng(4).uniform(-0.1, 0.001, 2_000)])
    assert grid.codes(probes).tolist() == np.searchsorted(edges, probes, "left").tolist()


@pytest.mark.parametrize("kind", ["normal", "integers", "lognormal"])
def test_fast_and_slow_binning_agree(kind: str) -> None:
    """Long columns (grid) and short pieces of them (binary search) fall into the same bins."""
    rng = np.random.default_rng(5)
    values = {
        "normal": rng.normal(size=6_000),
        "integers": rng.poisson(40, 6_000).astype(float),
        "lognormal": rng.lognormal(0, 1.5, 6_000),
    }[kind]
    bins = numeric_bins(values)
    pieces = [bins.codes(values[start : start + 500]) for start in range(0, 6_000, 500)]
    assert bins.codes(values).tolist() == np.concatenate(pieces).tolist()


def test_missing_and_non_finite_are_apart() -> None:
    """NaN is missing, both infinities are non-finite, and neither moves an edge."""
    clean = np.arange(1_000, dtype=float)
    bins = numeric_bins(np.concatenate([clean, [np.nan, np.nan, np.inf, -np.inf, np.inf]]))
    assert bins.edges.tolist() == numeric_bins(clean).edges.tolist()
    assert rows(bins.count(np.array([np.nan, np.inf, -np.inf, 1.0])))[-2:] == [1, 2]


def test_dictionary_of_a_numeric_feature_is_parsed() -> None:
    """Text cells count as their numbers; other text is non-finite, empty text is missing."""
    bins = numeric_bins(np.arange(1_000, dtype=float))
    codes = np.array([0, 0, 1, 2, 3, 4, -1], dtype=np.int32)
    texts = ("17", "17.0", "unknown", "", "1_000")
    counted = bins.count(codes, texts)
    assert rows(counted)[-2:] == [2, 2]
    assert counted[bins.codes(np.array([17.0]))[0]] == 3 * WEIGHT_SCALE
    assert rows(weighted_counts(bins.codes(codes, texts), bins.size)) == rows(counted)


def test_text_numbers() -> None:
    """What parses is a number, nan is not missing, and underscores are no digits."""
    assert [number_of_text(t) for t in ("1e3", " 5", "nan", "-inf", "1_0")] == [
        1000.0,
        5.0,
        np.inf,
        -np.inf,
        np.inf,
    ]
    assert np.isnan(number_of_text(""))


def test_nothing_finite() -> None:
    """A column without a finite value has one fine bin and no width."""
    bins = numeric_bins(np.full(20, np.nan))
    assert (len(bins.edges), bins.size, bins.width_over_sd().size) == (0, 3, 0)
    assert rows(bins.count(np.array([1.0, np.nan, np.inf]))) == [1, 1, 1]


@pytest.mark.parametrize("scale", [1e-300, 1e-5, 1.0, 1e100, 1e307])
def test_bins_do_not_depend_on_the_unit(scale: float) -> None:
    """Tiny and huge values are binned alike; widths over sd are the same, no overflow."""
    values = np.random.default_rng(2).normal(size=3_000)
    one, other = numeric_bins(values), numeric_bins(values * scale)
    assert rows(other.count(values * scale)) == rows(one.count(values))
    np.testing.assert_allclose(other.width_over_sd(), one.width_over_sd(), rtol=1e-6)


def test_the_largest_floats() -> None:
    """The ends of the float range are values like others."""
    top = np.finfo(float).max
    bins = numeric_bins(np.tile([-top, 0.0, top], 400))
    assert np.isfinite(bins.edges).all()
    assert bins.count(np.array([-top, 0.0, top])).sum() == 3 * WEIGHT_SCALE
    assert np.isfinite(bins.width_over_sd()).all()


@pytest.mark.parametrize("value", [0.0, 5e-324, -0.1, 1.7e308])
def test_widths_of_a_constant_are_finite(value: float) -> None:
    """Whatever the value, a column of zeros among them, a constant has bins and widths."""
    width = numeric_bins(np.full(100, value)).width_over_sd()
    assert len(width)
    assert np.isfinite(width).all()


def test_constant_has_sd_zero() -> None:
    """Equal values have sd 0, whatever the rounding of their mean."""
    assert numeric_bins(np.full(1_001, 0.1)).sd == 0.0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_fold_is_contiguous(counts: list[int]) -> None:
    """Coarse bins are runs of fine bins, numbered from 0 without a gap."""
    folded = fold(np.array(counts, dtype=np.int64))
    assert folded[0] == 0
    assert set(np.diff(folded).tolist()) <= {0, 1}


def test_weights_are_added_in_fixed_point() -> None:
    """A bin holds the sum of its weights; batches of a column add up to the column."""
    bins = category_bins({"a": 500, "b": 500})
    codes, weight = np.array([0, 1, 1, -1]), np.array([1.0, 2.5, 2.5, 4.0])
    whole = bins.count(codes, ("a", "b"), weight)
    assert (whole / WEIGHT_SCALE).tolist() == [1.0, 5.0, 0.0, 0.0, 4.0]
    parts = [bins.count(codes[s], ("a", "b"), weight[s]) for s in (slice(2), slice(2, 4))]
    assert (parts[0] + parts[1]).tolist() == whole.tolist()


def test_numeric_weights() -> None:
    """Numbers are weighted as categories are."""
    bins = numeric_bins(np.arange(1_000, dtype=float))
    counted = bins.count(np.array([5.0, 5.0, np.nan]), weight=np.array([1.5, 2.0, 3.0]))
    assert counted[bins.codes(np.array([5.0]))[0]] == 3.5 * WEIGHT_SCALE
    assert counted[MISSING] == 3 * WEIGHT_SCALE


def test_floats_of_a_category_are_canonical_text() -> None:
    """A tensor of codes 1.0, 2.0 is counted as the categories 1, 2."""
    bins = category_bins({"1": 500, "2": 300, "0.5": 200})
    assert rows(bins.count(np.array([1.0, 2.0, 2.0, 0.5, 7.0, np.nan]))) == [1, 2, 1, 0, 1, 1]


def test_float_dictionary_marks_the_missing() -> None:
    """NaN has code -1 and no text of its own."""
    codes, texts = float_dictionary(np.array([np.nan, 3.0, np.nan]))
    assert codes.tolist()[::2] == [-1, -1]
    assert texts[codes[1]] == "3"


def test_spellings_of_one_category_meet() -> None:
    """1, 1.0 and True, true are the same names; empty text is missing."""
    bins = category_bins({"1": 500, "true": 500})
    assert [bins.bin_of(t) for t in ("1", "1.0", "True", "TRUE", "")] == [0, 0, 1, 1, 4]


def test_keyed_codes_name_the_same_bins() -> None:
    """Kept and rare names are known by their codes too, plain names still."""
    bins = CategoryBins(("a",), ("z",)).with_keyed(lambda name: f"code of {name}")
    assert [bins.bin_of(t) for t in ("code of a", "a", "code of z", "z", "code of q")] == [
        0,
        0,
        1,
        1,
        2,
    ]


def test_code_outside_of_the_dictionary_is_an_error() -> None:
    """A code without a text is refused, by name of the code and the number of texts."""
    bins = category_bins({"a": 500})
    with pytest.raises(ValueError, match="code 3, but its dictionary has 1"):
        bins.count(np.array([0, 3]), ("a",))
    with pytest.raises(ValueError, match="code 3, but its dictionary has 1"):
        bins.codes(np.array([0, 3]), ("a",))


@pytest.mark.parametrize("bins", [CategoryBins(("a",), ()), NumericBins(np.empty(0), 0, 0, 0)])
def test_no_rows(bins: CategoryBins | NumericBins) -> None:
    """An empty batch counts nothing."""
    assert bins.count(np.empty(0, dtype=np.int32), ()).tolist() == [0] * bins.size
    assert bins.count(np.empty(0)).tolist() == [0] * bins.size
