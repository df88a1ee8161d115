"""Tabular features: arrays of values as numeric or dictionary columns.

A column is numeric if it is not declared ``categorical`` and every non-empty value is a number or
a text that parses as one. Booleans are always the categories ``true`` and ``false``. Empty is
missing; ``nan`` and ``inf`` are non-finite: on the wire NaN means missing, so both travel as
infinities. Categories are canonical text of at most ``MAX_CATEGORY`` characters.

Cost: about 0.05 µs a number, 0.2 µs a text.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.algebra.canonical import canonical_text
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

MAX_CATEGORY = 256  # characters; a longer text is cut: it is a document, not a category

_FEW = 64  # values; below it a loop is faster than sorting them


def tabular_columns(
    values: Mapping[str, NDArray[Any]], categorical: Iterable[str] = ()
) -> dict[str, Column]:
    """One column per array of scalars, shape (n,); arrays of lists or objects give none."""
    declared = frozenset(categorical)
    columns = {}
    for name, array in values.items():
        column = column_of(array, categorical=name in declared)
        if column is not None:
            columns[name] = column
    return columns


def column_of(values: NDArray[Any], *, categorical: bool) -> Column | None:
    """The column of one array, shape (n,); None where it holds lists or objects."""
    if values.dtype == object and not set(map(type, values)).isdisjoint({list, dict}):
        return None
    if not categorical:
        numeric = numbers(values)
        if numeric is not None:
            return Column(numeric)
    return category(values)


def numbers(values: NDArray[Any]) -> NDArray[np.float64] | None:
    """The values as float64, shape (n,); None if one of them is neither a number nor empty."""
    if values.dtype == np.bool_:
        return None
    if values.dtype != object:
        return values.astype(np.float64, copy=False)
    try:
        parsed = [_number(value) for value in values]
    except ValueError:
        return None
    return np.array(parsed, dtype=np.float64)


def retyped(column: Column, *, categorical: bool) -> Column:
    """A column that came typed, by the rules above: texts that all parse become numbers."""
    if not categorical and column.dictionary is None:
        return column
    if not categorical:
        texts: NDArray[Any] = np.array([*(column.dictionary or ()), None], dtype=object)
        parsed = numbers(texts)
        return column if parsed is None else Column(parsed[column.values])
    if column.dictionary is None:
        return category(column.values)
    return recoded([category_text(text) for text in column.dictionary], column.values)


def recoded(texts: list[str | None], codes: NDArray[Any]) -> Column:
    """Codes into ``texts`` as a column that has each text once; None and code -1 are missing."""
    return Column.encode([*texts, None]).take(codes)  # code -1 takes the last one


def number_of_text(text: str) -> float:
    """A text cell as a number: empty is NaN (missing), ``nan`` is inf (not finite).

    Raises
    ------
    ValueError
        If the text is not a decimal number.
    """
    if not text:
        return math.nan
    if "_" in text:
        raise ValueError(f"{text!r} is not a number")
    return _not_missing(float(text))


def category(values: NDArray[Any] | Sequence[Any]) -> Column:
    """Canonical texts, dictionary-coded in order of first appearance; empty is missing."""
    array = np.asarray(values)
    if len(array) < _FEW or array.dtype.kind in "OUS":
        return Column.encode([category_text(value) for value in array.tolist()])
    distinct, codes = np.unique(array, return_inverse=True)
    texts = [category_text(value) for value in distinct]
    return Column.encode(texts).take(codes)


def category_text(value: object) -> str | None:
    """A value as a category: canonical text, cut to ``MAX_CATEGORY``; None where missing.

    Bytes that are no text are a file, not a category: missing.
    """
    if value is None or isinstance(value, bytes):
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    return canonical_text(value)[:MAX_CATEGORY] or None


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str):
        return number_of_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a boolean is a category, a list or an object is no number")  # noqa: TRY004 - one error for "no number"
    try:
        return _not_missing(float(value))
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _not_missing(value: float) -> float:
    return math.inf if math.isnan(value) else value
