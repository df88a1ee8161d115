"""Packed sums come back as they were, take few bytes, and add up without being read one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from governance.algebra.packed import PackedSums, TrailingSums, pack, unpack
from governance.algebra.sums import WEIGHT_SCALE, merge

LOW, HIGH = -(2**63), 2**63 - 1
ARRAYS = arrays(np.int64, array_shapes(max_dims=3, max_side=6), elements=st.integers(LOW, HIGH))
SHIFTED = st.tuples(ARRAYS, st.integers(0, 40)).map(lambda pair: pair[0] << pair[1])
SUMS = st.dictionaries(st.text(max_size=5), ARRAYS | SHIFTED, max_size=4)
NUMBERS = st.sampled_from([0, 3, -90, 200, -40_000, 2**20, 2**40]).flatmap(
    lambda most: st.integers(min(0, most), max(0, most))
)
PARTS = st.dictionaries(
    st.sampled_from("abc"),
    st.tuples(arrays(np.int64, st.integers(0, 40), elements=NUMBERS), st.sampled_from([0, 8, 16])),
).map(lambda part: {name: array << shift for name, (array, shift) in part.items()})


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


@given(st.lists(PARTS, min_size=1, max_size=9), st.data())
def test_trailing_sums_equal_plain_merges(parts: list[dict[str, Any]], data: st.DataObject) -> None:
    """Of packed parts, plain parts and both: every row is the merge of that many newest parts."""
    lengths = [k for k in (1, 2, 4, 8) if k <= len(parts)]
    mixed = [PackedSums(pack(part)) if data.draw(st.booleans()) else part for part in parts]
    added = TrailingSums(mixed, lengths)
    whole = merge(parts[-lengths[-1] :])
    assert added.names == whole.keys()
    for row, length in enumerate(lengths):
        plain = merge(parts[-length:])
        for name, total in whole.items():
            stack = added.get(name)
            assert stack is not None
            expected = np.zeros_like(total)
            expected[: len(plain.get(name, []))] = plain.get(name, [])
            np.testing.assert_array_equal(stack[row], expected)
            assert (row >= added.since(name)) == (name in plain)


def test_what_no_part_has() -> None:
    """An array that is nowhere is None, so that nobody takes it for zeros that were seen."""
    assert TrailingSums([{}, PackedSums(pack({}))], [1, 2]).get("a") is None


def test_packed_sums_cannot_be_changed() -> None:
    """All verdicts read the same arrays."""
    with pytest.raises(ValueError, match="read-only"):
        PackedSums(pack({"a": np.ones(3, np.int64)}))["a"][0] = 7
