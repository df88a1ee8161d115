"""What tells that requests of one protocol can be read as one, and how they are put end to end.

A layout names everything but the number of rows and the values. What it cannot see cheaply
(lists in the place of scalars) is found when values are joined. Whoever sends an odd body is read
alone; he cannot move the rows of others.
"""

from __future__ import annotations

import marshal
from functools import lru_cache
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

MOST_ROWS = 64  # of one exchange that is read with others; more are quick enough alone

_VERSION = 2  # of marshal: the last whose bytes depend on the value alone
_NESTED = frozenset({list, dict})
_MOST_AXES, _LONGEST_AXIS = 32, 10**9
_MOST_BYTES = 16 * 1024  # of shapes, as they are remembered

Layout = tuple["Hashable", int]


def tensors_layout(tensors: object) -> Layout | None:
    """Layout and rows of V2 tensors whose data are flat; None where they are read alone."""
    if type(tensors) is not list:
        return None
    try:
        heads = tuple(
            [(t["name"], t["datatype"], type(data := t["data"]), len(data)) for t in tensors]
        )
        # As bytes, shapes are hashed by their types, too: to a tuple, true and 1.0 are 1.
        shapes = marshal.dumps([t["shape"] for t in tensors], _VERSION)
        return _layout_of_heads(heads, shapes) if len(shapes) <= _MOST_BYTES else None
    except (TypeError, KeyError, ValueError):
        return None


def join_tensors(parts: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Tensors of one layout, each name's rows end to end; raises CaptureError (``layout``)."""
    joined = []
    for tensors in zip(*parts, strict=True):
        data = list(chain.from_iterable(tensor["data"] for tensor in tensors))
        _refuse_nested(data)
        rows = sum(tensor["shape"][0] for tensor in tensors)
        first = tensors[0]
        shape = [rows, *first["shape"][1:]]
        joined.append(
            {"name": first["name"], "datatype": first["datatype"], "shape": shape, "data": data}
        )
    return joined


def rows_layout(rows: object) -> Layout | None:
    """Layout and number of rows: scalars, lists of one length, or objects of one set of keys."""
    if type(rows) is not list or not 0 < len(rows) <= MOST_ROWS:
        return None
    first = rows[0]
    kind = type(first)
    if set(map(type, rows)) != {kind} or (kind in _NESTED and not first):
        return None
    if kind is dict:
        keys = tuple(first)
        return (keys, len(rows)) if all(tuple(row) == keys for row in rows) else None
    if kind is list:
        width = len(first)
        return (width, len(rows)) if all(len(row) == width for row in rows) else None
    return "scalars", len(rows)


def join_rows(parts: Sequence[Sequence[Any]]) -> list[Any]:
    """Rows of one layout, end to end; raises CaptureError (``layout``) where a cell is nested."""
    joined = list(chain.from_iterable(parts))
    kind = type(joined[0])
    for row in joined if kind in _NESTED else ():
        _refuse_nested(row.values() if kind is dict else row)
    return joined


def joint_layout(
    layout_of: Callable[[Any], Layout | None], inputs: Any, outputs: Any
) -> tuple[Hashable, int]:
    """Layout and rows of an exchange; (None, 1) where it is read alone. No outputs are a layout."""
    asked = layout_of(inputs)
    answered = (None, 0) if outputs is None else layout_of(outputs)
    if asked is None or answered is None or answered[1] not in {0, asked[1]}:
        return None, 1
    return (asked[0], answered[0]), asked[1]


@lru_cache(maxsize=256)
def _layout_of_heads(heads: tuple[tuple[Any, Any, type, int], ...], shapes: bytes) -> Layout | None:
    key: list[Hashable] = []
    rows = None
    for (name, datatype, kind, count), shape in zip(heads, marshal.loads(shapes), strict=True):  # noqa: S302 - ours
        if not _is_shape(shape) or {type(name), type(datatype)} != {str} or kind is not list:
            return None
        rows = shape[0] if rows is None else rows
        if rows != shape[0] or count != prod(shape) or not 0 < rows <= MOST_ROWS:
            return None
        key.append((name, datatype, *shape[1:]))
    return None if rows is None else (tuple(key), rows)


def _is_shape(shape: object) -> bool:
    return (
        type(shape) is list
        and 0 < len(shape) <= _MOST_AXES
        and all(type(axis) is int and 0 <= axis < _LONGEST_AXIS for axis in shape)
    )


def _refuse_nested(cells: Any) -> None:
    if not _NESTED.isdisjoint(map(type, cells)):
        raise CaptureError("layout", "cells that are lists: each exchange is read alone")
