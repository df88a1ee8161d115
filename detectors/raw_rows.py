"""The raw rows of a window, kept as sums: where rows were recorded and statistics need them whole.

Rows that are replayed carry their number in the file (column ``row``). The values of a batch are
one named array, and no two batches have the same name: so panes of raw rows merge by addition like
all others, and a window's rows are exactly those that the window counted. Live events have no
numbers, and nothing of them is kept.

An array holds the length of what follows in bytes, then msgpack, filled up to whole numbers:
``{column: [dtype, bytes, dictionary or nil]}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from detectors.coalesce import coalesce
from governance.event import Column, EventBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from governance.algebra.sums import Sums

ROW = "row"  # int64: the number of a recorded row in its file

_PREFIX = "raw"
_WORD = 8


def keep(name: str, batch: EventBatch, columns: Iterable[str]) -> Sums:
    """The values of ``columns`` and the row numbers of a batch, as one array.

    ``name`` tells apart what several readers keep. A column that the batch does not have is left
    out; a batch without row numbers keeps nothing.
    """
    numbers = batch.columns.get(ROW)
    if numbers is None or batch.n == 0:
        return {}
    kept = {column: batch.columns[column] for column in columns if column in batch.columns}
    kept[ROW] = numbers
    first = int(numbers.values.min())
    return {f"{_PREFIX}.{name}.{first:012d}": _packed(kept)}


def kept(name: str, sums: Mapping[str, NDArray[np.int64]]) -> dict[str, Column]:
    """The values that ``keep`` kept under ``name``, in file order, each of shape (n,).

    A column that only some of the batches had is left out.
    """
    arrays = sorted(array for array in sums if array.startswith(f"{_PREFIX}.{name}."))
    parts = [_unpacked(sums[array]) for array in arrays]
    if not parts:
        return {}
    shared = set.intersection(*(set(part) for part in parts))
    batches = [
        EventBatch("", len(part[ROW].values), {column: part[column] for column in sorted(shared)})
        for part in parts
    ]
    (joined,) = coalesce(batches)
    order = np.argsort(joined.columns[ROW].values, kind="stable")
    return {column: values.take(order) for column, values in joined.columns.items()}


def _packed(columns: Mapping[str, Column]) -> NDArray[np.int64]:
    content = msgspec.msgpack.encode(
        {
            name: (column.values.dtype.str, column.values.tobytes(), column.dictionary)
            for name, column in columns.items()
        }
    )
    filled = content + bytes(-len(content) % _WORD)
    return np.concatenate([[len(content)], np.frombuffer(filled, "<i8")]).astype(np.int64)


def _unpacked(array: NDArray[np.int64]) -> dict[str, Column]:
    content = array[1:].astype("<i8").tobytes()[: int(array[0])]
    return {
        name: Column(np.frombuffer(raw, dtype), None if texts is None else tuple(texts))
        for name, (dtype, raw, texts) in msgspec.msgpack.decode(content).items()
    }
