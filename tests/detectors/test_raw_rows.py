"""Raw rows as sums: what is kept is what was counted, whatever the order of addition."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.raw_rows import ROW, keep, kept
from governance.algebra.packed import pack, unpack
from governance.algebra.sums import merge
from governance.event import Column, EventBatch

VALUES = np.array([1.5, np.nan, -0.0, np.inf, 1e-300, 7.0])
NAMES = ("déjà", "vu")


def batch(rows: list[int], names: tuple[str, ...] = NAMES) -> EventBatch:
    """Some of six rows; the dictionary is that of the batch."""
    codes = np.array([(row % 3) - 1 for row in rows], dtype=np.int32)
    if names != NAMES:
        codes = np.array([-1 if code < 0 else 1 - code for code in codes], dtype=np.int32)
    columns = {
        "tabular.x": Column(VALUES[rows]),
        "tabular.job": Column(codes, names),
        ROW: Column(np.array(rows, dtype=np.int64)),
    }
    return EventBatch("1", len(rows), columns)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_rows_come_back_in_file_order(order: list[int]) -> None:
    """Bit by bit, packed or not, and with categories of different dictionaries as one."""
    parts = [batch([0, 1]), batch([4, 5], NAMES[::-1]), batch([2, 3])]
    sums = merge(keep("t", parts[place], ["tabular.x", "tabular.job"]) for place in order)
    for held in (sums, unpack(pack(sums))):
        rows = kept("t", held)
        assert rows[ROW].values.tolist() == [0, 1, 2, 3, 4, 5]
        assert rows["tabular.x"].values.tobytes() == VALUES.tobytes()
        job = rows["tabular.job"]
        texts = [None if c < 0 else (job.dictionary or ())[c] for c in job.values]
        assert texts == [None, "déjà", "vu", None, "déjà", "vu"]


def test_readers_do_not_see_each_other() -> None:
    """Two readers keep columns of the same rows under names of their own."""
    sums = merge([keep("a", batch([0]), ["tabular.x"]), keep("b", batch([0]), ["tabular.job"])])
    assert set(kept("a", sums)) == {"tabular.x", ROW}
    assert set(kept("b", sums)) == {"tabular.job", ROW}
    assert kept("c", sums) == {}


def test_live_events_keep_nothing() -> None:
    """Without row numbers there is nothing to tell two batches apart by, so nothing is kept."""
    live = batch([0, 1])
    columns = {name: column for name, column in live.columns.items() if name != ROW}
    assert keep("t", EventBatch("1", 2, columns), ["tabular.x"]) == {}


def test_a_column_that_some_batches_lack_is_left_out() -> None:
    """Half a column would be a sample of something else."""
    bare = batch([2])
    sums = merge([keep("t", batch([0]), ["tabular.x"]), keep("t", bare, [])])
    assert set(kept("t", sums)) == {ROW}
