from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from governance.algebra.sums import WEIGHT_SCALE, merge, pack, subtract, unpack

LOW, HIGH = -(2**63), 2**63 - 1
ARRAYS = arrays(np.int64, array_shapes(max_dims=3, max_side=6), elements=st.integers(LOW, HIGH))
SHIFTED = st.tuples(ARRAYS, st.integers(0, 40)).map(lambda pair: pair[0] << pair[1])
SUMS = st.dictionaries(st.text(max_size=5), ARRAYS | SHIFTED, max_size=4)
SMALL = st.dictionaries(
    st.sampled_from("abc"), arrays(np.int64, (3,), elements=st.integers(-(2**40), 2**40))
)


@given(SUMS)
def test_sums_come_back_as_they_were(sums: dict[str, Any]) -> None:
    """Whatever is packed is read again: names, shapes and every number, int64."""
    back = unpack(pack(sums))
    assert sorted(back) == sorted(sums)
    for name, array in sums.items():
        assert back[name].dtype == np.int64
        np.testing.assert_array_equal(back[name], array)


@given(SUMS)
def test_equal_sums_are_equal_bytes(sums: dict[str, Any]) -> None:
    """The order in which names came makes no difference, nor does another packing between."""
    turned = dict(reversed(sums.items()))
    assert pack(turned) == pack(sums) == pack(unpack(pack(sums)))


@given(SMALL, SMALL, SMALL)
def test_merging_is_associative_and_commutative(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    """However parts are grouped and ordered, the sums are the same bytes."""
    assert pack(merge([one, two, three])) == pack(merge([three, merge([two, one])]))
    assert pack(subtract(merge([one, two]), two)) == pack(merge([one, subtract(two, two)]))


@pytest.mark.parametrize("shape", [(0,), (0, 4), (2, 0, 3)])
def test_empty_arrays(shape: tuple[int, ...]) -> None:
    """An array without a number keeps its shape."""
    assert unpack(pack({"a": np.zeros(shape, np.int64)}))["a"].shape == shape


def test_counts_take_the_bytes_that_they_need() -> None:
    """Weighted counts of thousands of rows take two bytes each, and zeros next to nothing."""
    counts = np.random.default_rng(1).integers(1, 9_000, 1_000)
    assert len(pack({"dense": counts * WEIGHT_SCALE})) < 2_050
    sparse = np.zeros(20_000, dtype=np.int64)
    sparse[::500] = counts[:40] * WEIGHT_SCALE
    assert len(pack({"sparse": sparse})) < 1_000


@pytest.mark.parametrize("large", [128, 255, 256, 32_638, 32_639, 32_767, -129, -32_768, 2**40])
def test_small_numbers_take_a_byte_beside_large_ones(large: int) -> None:
    """A few that need more do not widen the rest, up to four bytes; beyond it is compressed."""
    small = np.random.default_rng(2).integers(-90, 90, 1_000)
    small[[3, 500, 999]] = large
    packed = pack({"a": small})
    assert unpack(packed)["a"].tolist() == small.tolist()
    assert len(packed) < (1_100 if large < 2**31 else 2_100)


def test_arrays_that_grew_are_padded() -> None:
    """An axis that is shorter in one part counts as zeros at its end."""
    total = merge([{"a": np.ones((1, 2), np.int64)}, {"a": np.ones((2, 1), np.int64)}])
    np.testing.assert_array_equal(total["a"], [[2, 1], [1, 0]])


def test_another_number_of_axes_is_an_error() -> None:
    """The message names the array."""
    with pytest.raises(ValueError, match="'a' has 1 axes in one part, 2 in another"):
        merge([{"a": np.ones(2, np.int64)}, {"a": np.ones((2, 1), np.int64)}])
