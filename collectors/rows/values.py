"""Cells of a row file as the columns that events have: numbers, categories, instants, ids."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.modalities.tabular import category, numbers
from collectors.outcome import as_category
from governance.algebra.canonical import canonical_text
from governance.algebra.cells import is_number, number_of_text
from governance.clock import SECOND_US, parse_instant_us
from governance.event import Column
from governance.wire.table import LAST_INSTANT_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NO_INSTANT = -1


def categories(values: Column | NDArray[Any]) -> Column:
    """Canonical texts, dictionary-coded; dates as RFC 3339."""
    if isinstance(values, Column):
        return as_category(values)
    if values.dtype.kind == "M":
        return category(np.datetime_as_string(values).astype(object))
    return category(values)


def floats(values: Column | NDArray[Any]) -> NDArray[np.float64]:
    """Numbers, shape (n,): empty is NaN (missing), what is no finite number is inf."""
    if isinstance(values, Column):
        table = [number_of_text(text) for text in values.dictionary or ()]
        return np.asarray(np.array([*table, np.nan])[values.values])
    if values.dtype.kind == "M":
        return values.astype(np.int64) / SECOND_US
    parsed = numbers(values)
    return np.array([_number(value) for value in values]) if parsed is None else parsed


def all_numbers(values: Column | NDArray[Any]) -> bool:
    """Whether every value that is not missing is a number."""
    if isinstance(values, Column):
        used = np.unique(values.values[values.values >= 0])
        dictionary = values.dictionary or ()
        return all(is_number(dictionary[code]) for code in used)
    return values.dtype.kind == "M" or numbers(values) is not None


def is_nested(values: Column | NDArray[Any]) -> bool:
    """Whether there are lists or objects among the values; they are no features."""
    if isinstance(values, Column) or values.dtype != object:
        return False
    return not {list, dict}.isdisjoint(map(type, values))


def texts(values: Column | NDArray[Any]) -> list[str | None]:
    """One text per row as it is compared: canonical, None where empty."""
    coded = categories(values)
    table = [*(coded.dictionary or ()), None]
    return [table[code] for code in coded.values.tolist()]


def whole_texts(values: Column | NDArray[Any]) -> list[str | None]:
    """One text per row as it was written, however long; None where empty or a list or object."""
    if isinstance(values, Column):
        table = [*(text or None for text in values.dictionary or ()), None]
        return [table[code] for code in values.values.tolist()]
    if values.dtype.kind == "M":
        return texts(values)
    return [_whole_text(value) for value in values.tolist()]


def instants_us(values: Column | NDArray[Any]) -> NDArray[np.int64]:
    """UTC microseconds, shape (n,); -1 where there is no instant from 1970 to 9999.

    Texts are RFC 3339 (naive is UTC) or Unix seconds, numbers are Unix seconds.
    """
    if isinstance(values, Column):
        table = [_instant_us(text) for text in values.dictionary or ()]
        return np.asarray(np.array([*table, _NO_INSTANT], dtype=np.int64)[values.values])
    if values.dtype.kind == "M":
        return _in_range(values.astype(np.int64))
    if values.dtype == object:
        found = [_instant_us(canonical_text(value)) for value in values.tolist()]
        return np.array(found, dtype=np.int64)
    seconds = values.astype(np.float64)
    inside = (seconds >= 0) & (seconds <= LAST_INSTANT_US / SECOND_US)
    exact = np.where(inside, seconds, 0.0)
    return np.where(inside, np.rint(exact * SECOND_US).astype(np.int64), _NO_INSTANT)


def _whole_text(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, list | dict) or (isinstance(value, float) and math.isnan(value)):
        return None
    return canonical_text(value) or None


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str):
        return number_of_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.inf
    return math.inf if math.isnan(value) else float(value)


def _in_range(instants: NDArray[np.int64]) -> NDArray[np.int64]:
    inside = (instants >= 0) & (instants <= LAST_INSTANT_US)  # NaT is the smallest int64
    return np.where(inside, instants, _NO_INSTANT)


def _instant_us(text: str) -> int:
    try:
        instant = parse_instant_us(text)
    except (ValueError, OverflowError):
        return _NO_INSTANT
    return instant if 0 <= instant <= LAST_INSTANT_US else _NO_INSTANT
