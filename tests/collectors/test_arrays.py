import math

import numpy as np
import pytest

from collectors.arrays import array_of
from governance.errors import CaptureError


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1, 2.5, None], "float64"),
        ([True, False], "bool"),
        (["a", "b"], "object"),
        ([1, "b"], "object"),
        ([True, 1], "object"),
        ([None, None], "object"),
        ([], "object"),
        ([{"a": 1}], "object"),
    ],
)
def test_values_decide_the_dtype(values: list[object], dtype: str) -> None:
    """Integers, numbers and booleans get their own dtype; everything else stays an object."""
    array = array_of(values)
    assert array.dtype == np.dtype(dtype)
    assert array.shape == (len(values),)


def test_regular_nesting_becomes_axes() -> None:
    """Lists of equal length are rows of one array."""
    assert array_of([[1, 2, 3], [4, 5, 6]]).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert array_of([[[1.5], [2.5]]]).shape == (1, 2, 1)
    assert array_of([["RL", 8450], ["RM", 1]]).shape == (2, 2)
    assert array_of([[], []]).shape == (2, 0)


def test_null_is_missing() -> None:
    """Null becomes NaN; an infinity stays."""
    array = array_of([None, -math.inf, 1.0])
    assert np.isnan(array).tolist() == [True, False, False]
    assert array[1:].tolist() == [-math.inf, 1.0]


def test_integers_beyond_any_float_are_infinite() -> None:
    """10**400 and -10**400 do not stop the column; 2**80 keeps its magnitude."""
    assert array_of([10**400, -(10**400), None, 1])[[0, 1, 3]].tolist() == [math.inf, -math.inf, 1]
    assert array_of([2**80]).tolist() == [float(2**80)]


@pytest.mark.parametrize("values", [[[1, 2], [3]], [[1], 2], [1, [2]], [[[1]], [[1, 2]]]])
def test_ragged_rows_are_refused_with_their_place(values: list[object]) -> None:
    """Rows of different lengths, or scalars beside lists, have no one reading."""
    with pytest.raises(CaptureError, match="row 1") as error:
        array_of(values)
    assert error.value.reason == "ragged"


def test_nesting_deeper_than_a_tensor_is_refused() -> None:
    """Lists within lists within lists end in a reason, not in a crash."""
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    with pytest.raises(CaptureError, match="32 deep") as error:
        array_of(deep)
    assert error.value.reason == "nesting"
