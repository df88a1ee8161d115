"""Batches cut and joined, so that messages are neither many nor large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from governance.event import MISSING_CODE, Column, EventBatch, LabelBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

Batch = EventBatch | LabelBatch
Shape = tuple[str | int, ...]

_TEXT = -1  # kind of a column with a dictionary; no numpy type has this number


def shape_of(batch: Batch) -> Shape:
    """Names and kinds of the columns, in their order; batches of one shape can be joined."""
    columns = batch.columns.values()
    kinds = [_TEXT if c.dictionary is not None else c.values.dtype.num for c in columns]
    return (*batch.columns, *kinds)


def size_of(batch: Batch) -> int:
    """Bytes that a batch will need on the wire, about."""
    size = 0
    for column in batch.columns.values():
        size += column.values.nbytes
        if column.dictionary:
            size += sum(map(len, column.dictionary)) + 3 * len(column.dictionary)
    return size


def oldest_us(batch: Batch) -> int | None:
    """The earliest ``time`` in the batch; None without the column or without rows."""
    time = batch.columns.get("time")
    if time is None or not batch.n:
        return None
    return int(time.values[0] if batch.n == 1 else time.values.min())


def pieces(batch: Batch, rows: int) -> Iterator[Batch]:
    """The batch in pieces of at most ``rows`` rows, in order."""
    if batch.n <= rows:
        yield batch
        return
    for start in range(0, batch.n, rows):
        stop = min(start + rows, batch.n)
        columns = {
            name: _part(column, slice(start, stop)) for name, column in batch.columns.items()
        }
        yield _like(batch, stop - start, columns)


def join(batches: Sequence[Batch]) -> Batch:
    """One batch of the rows of all, which have one shape, one type and one version."""
    first = batches[0]
    if len(batches) == 1:
        return first
    columns = {
        name: _join_columns([batch.columns[name] for batch in batches]) for name in first.columns
    }
    return _like(first, sum(batch.n for batch in batches), columns)


def _like(batch: Batch, n: int, columns: Mapping[str, Column]) -> Batch:
    if isinstance(batch, EventBatch):
        return EventBatch(batch.version, n, columns)
    return LabelBatch(n, columns)


def _part(column: Column, rows: slice) -> Column:
    """Some rows, with no more of the dictionary than they need."""
    values = column.values[rows]
    if column.dictionary is None:
        return Column(values)
    dictionary = column.dictionary
    return Column.encode([dictionary[code] if code >= 0 else None for code in values.tolist()])


def _join_columns(columns: Sequence[Column]) -> Column:
    if columns[0].dictionary is None:
        return Column(np.concatenate([column.values for column in columns]))
    index: dict[str, int] = {}
    coded = [_recode(column, index) for column in columns]
    return Column(np.concatenate(coded), tuple(index))


def _recode(column: Column, index: dict[str, int]) -> NDArray[np.int32]:
    """The column's codes in the common dictionary ``index``, which grows by its entries."""
    entries = column.dictionary or ()
    # One more cell at the end, so that the missing code -1 finds itself there.
    table = [index.setdefault(entry, len(index)) for entry in entries] + [MISSING_CODE]
    return np.take(np.array(table, dtype=np.int32), column.values)
