"""JSON values as arrays: what every protocol and every selector gives on.

===================  ===============================================================================
values               array
===================  ===============================================================================
integers             int64; float64 where one does not fit (10**400 is inf)
numbers, null        float64; null is NaN (missing); a NaN token is inf: not finite, but not missing
booleans             bool
anything else        object, elements as they are
lists of one length  one more axis; lists of different lengths are ragged
===================  ===============================================================================
"""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_AXES = 32  # numpy allows 64; deeper nesting is no tensor


def array_of(values: Sequence[Any]) -> NDArray[Any]:
    """``values`` with one row each, shape (n, ...); regular nesting becomes axes.

    Raises
    ------
    CaptureError
        ``ragged`` if lists differ in length or stand beside scalars; ``nesting`` if they are
        nested deeper than ``MAX_AXES``.
    """
    flat, shape = flatten(values)
    return flat_array(flat).reshape(shape)


def flatten(values: Sequence[Any]) -> tuple[list[Any], tuple[int, ...]]:
    """The scalars in order, and the shape of their nesting; raises as ``array_of`` does."""
    flat = list(values)
    shape = [len(flat)]
    while list in (kinds := set(map(type, flat))):
        lengths = set(map(len, flat)) if len(kinds) == 1 else set()
        if len(lengths) != 1:
            raise CaptureError("ragged", _ragged(flat))
        if len(shape) == MAX_AXES:
            raise CaptureError(
                "nesting", f"lists are nested more than {MAX_AXES} deep: this is no tensor"
            )
        shape.append(lengths.pop())
        flat = list(chain.from_iterable(flat))
    return flat, tuple(shape)


def flat_array(values: Sequence[Any]) -> NDArray[Any]:
    """One axis, shape (n,), of the dtype that the values have in common."""
    kinds = set(map(type, values))
    if kinds == {bool}:
        return np.array(values, dtype=np.bool_)
    if kinds and kinds <= {int, float, type(None)} and kinds != {type(None)}:
        return _numbers(values, kinds)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _numbers(values: Sequence[Any], kinds: set[type]) -> NDArray[Any]:
    try:
        if kinds == {int}:
            return np.array(values, dtype=np.int64)
        array = np.array(values, dtype=np.float64)
    except OverflowError:
        array = np.array([_float(value) for value in values], dtype=np.float64)
    nan = np.isnan(array)
    if nan.any():
        tokens = [i for i in np.flatnonzero(nan).tolist() if values[i] is not None]
        array[tokens] = math.inf
    return array


def _float(value: float | None) -> float:
    if value is None:
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _ragged(values: list[Any]) -> str:
    lengths = [len(v) if isinstance(v, list) else None for v in values]
    odd = next(i for i, length in enumerate(lengths) if length != lengths[0])
    found = ["a scalar" if n is None else f"{n} values" for n in (lengths[0], lengths[odd])]
    return f"row 0 has {found[0]}, row {odd} has {found[1]}: every row needs the same columns"
