"""JSON values as arrays: what every protocol and every selector gives on.

===================  ===============================================================================
values               array
===================  ===============================================================================
integers             int64; float64 where one does not fit (10**400 is inf)
numbers, null        float64; null is NaN (missing)
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

_NUMERIC = frozenset({int, float, type(None)})


def array_of(values: Sequence[Any]) -> NDArray[Any]:
    """``values`` with one row each, shape (n, ...); regular nesting becomes axes.

    Raises
    ------
    CaptureError
        ``ragged`` if lists differ in length or stand beside scalars; ``nesting`` if they are
        nested deeper than ``MAX_AXES``.
    """
    flat, shape, kinds = flatten(values)
    array = flat_array(flat, kinds)
    return array if len(shape) == 1 else array.reshape(shape)


def flatten(values: Sequence[Any]) -> tuple[Sequence[Any], tuple[int, ...], set[type]]:
    """The scalars in order, the shape of their nesting, their types; raises as ``array_of``."""
    kinds = set(map(type, values))
    if list not in kinds:
        return values, (len(values),), kinds
    flat, shape = values, [len(values)]
    while list in kinds:
        lengths = set(map(len, flat)) if len(kinds) == 1 else set()
        if len(lengths) != 1:
            raise CaptureError("ragged", _ragged(flat))
        if len(shape) == MAX_AXES:
            raise CaptureError(
                "nesting", f"lists are nested more than {MAX_AXES} deep: this is no tensor"
            )
        shape.append(lengths.pop())
        flat = list(chain.from_iterable(flat))
        kinds = set(map(type, flat))
    return flat, tuple(shape), kinds


def flat_array(values: Sequence[Any], kinds: set[type] | None = None) -> NDArray[Any]:
    """One axis, shape (n,), of the dtype that the values have in common; ``kinds`` their types."""
    kinds = set(map(type, values)) if kinds is None else kinds
    if kinds == {bool}:
        return np.array(values, dtype=np.bool_)
    if kinds and kinds <= _NUMERIC and kinds != {type(None)}:
        return _numbers(values, kinds)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _numbers(values: Sequence[Any], kinds: set[type]) -> NDArray[Any]:
    try:
        if kinds == {int}:
            return np.array(values, dtype=np.int64)
        return np.array(values, dtype=np.float64)
    except OverflowError:
        return np.array([_float(value) for value in values], dtype=np.float64)


def _float(value: float | None) -> float:
    if value is None:
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _ragged(values: Sequence[Any]) -> str:
    lengths = [len(v) if isinstance(v, list) else None for v in values]
    odd = next(i for i, length in enumerate(lengths) if length != lengths[0])
    found = ["a scalar" if n is None else f"{n} values" for n in (lengths[0], lengths[odd])]
    return f"row 0 has {found[0]}, row {odd} has {found[1]}: every row needs the same columns"
