from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from governance.algebra.packed import pack
from governance.algebra.sums import merge, subtract

SMALL = st.dictionaries(
    st.sampled_from("abc"), arrays(np.int64, (3,), elements=st.integers(-(2**40), 2**40))
)


@given(SMALL, SMALL, SMALL)
def test_merging_is_associative_and_commutative(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    """However parts are grouped and ordered, the sums are the same bytes."""
    assert pack(merge([one, two, three])) == pack(merge([three, merge([two, one])]))
    assert pack(subtract(merge([one, two]), two)) == pack(merge([one, subtract(two, two)]))


def test_arrays_that_grew_are_padded() -> None:
    """An axis that is shorter in one part counts as zeros at its end."""
    total = merge([{"a": np.ones((1, 2), np.int64)}, {"a": np.ones((2, 1), np.int64)}])
    np.testing.assert_array_equal(total["a"], [[2, 1], [1, 0]])


def test_another_number_of_axes_is_an_error() -> None:
    """The message names the array."""
    with pytest.raises(ValueError, match="'a' has 1 axes in one part, 2 in another"):
        merge([{"a": np.ones(2, np.int64)}, {"a": np.ones((2, 1), np.int64)}])
