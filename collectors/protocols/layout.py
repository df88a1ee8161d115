"""What tells that requests of one protocol can be read as one, and how they are put end to end.

A layout names everything but the number of rows and the values. What it cannot see cheaply
(lists in the place of scalars) is found when values are joined. Whoever sends an odd body is read
alone; he cannot move the rows of others.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

MOST_ROWS = 64  # of one exchange that is read with others; more are quick enough alone

_NESTED = frozenset({list, dict})
_SHAPE = re.compile(r"\[\d{1,9}(, \d{1,9}){0,31}\]")  # a list of whole numbers, written out

Layout = tuple["Hashable", int]


def tensors_layout(tensors: object) -> Layout | None:
    """Layout and rows of V2 tensors whose data are flat; None where they are read alone."""
    if type(tensors) is not list:
        return None
    try:
        heads = tuple(
            [
                (t["name"], t["datatype"], repr(t["shape"]), type(t["data"]), len(t["data"]))
                for t in tensors
            ]
        )
        return _layout_of_heads(heads)
    except (TypeError, KeyError):
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
def _layout_of_heads(heads: tuple[tuple[Any, Any, str, type, int], ...]) -> Layout | None:
    key: list[Hashable] = []
    rows = None
    for name, datatype, written, kind, count in heads:
        shape = _SHAPE.fullmatch(written) and json.loads(written)
        if not shape or {type(name), type(datatype)} != {str} or kind is not list:
            return None
        rows = shape[0] if rows is None else rows
        if rows != shape[0] or count != prod(shape) or not 0 < rows <= MOST_ROWS:
            return None
        key.append((name, datatype, *shape[1:]))
    return None if rows is None else (tuple(key), rows)


def _refuse_nested(cells: Any) -> None:
    if not _NESTED.isdisjoint(map(type, cells)):
        raise CaptureError("layout", "cells that are lists: each exchange is read alone")
