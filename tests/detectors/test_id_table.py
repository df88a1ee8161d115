"""The table of ids against a dictionary, and its size."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.id_table import IdTable, keys_of, last_of_each
from detectors.segments import WIDTHS, Step

KEYS = st.lists(st.integers(1, 2**64 - 1) | st.integers(1, 40), max_size=60)


@settings(max_examples=200, deadline=None)
@given(st.lists(KEYS, max_size=12), KEYS)
def test_it_finds_what_a_dictionary_finds(batches: list[list[int]], asked: list[int]) -> None:
    """Inserted, replaced and absent keys, over all rebuilds."""
    table, twin = IdTable({"values": "<i4"}, limit=500), {}
    for number, batch in enumerate(batches):
        keys = np.unique(np.array(batch, dtype=np.uint64))
        table.put(keys, {"values": np.full(len(keys), number)})
        twin.update(dict.fromkeys(keys.tolist(), number))
    places = table.find(np.array(asked, dtype=np.uint64))
    found = [int(table.columns["values"][p]) if p >= 0 else None for p in places]
    assert found == [twin.get(key) for key in asked]
    assert table.size == len(twin)


def test_a_full_table_takes_at_most_27_bytes_an_entry() -> None:
    """At its limit, with the columns of a pending event, free slots included."""
    columns = {name: width for name, width in WIDTHS[Step.INSERT].items() if name != "keys"}
    table = IdTable(columns, limit=100_000)
    keys = np.arange(1, 100_001, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for start in range(0, len(keys), 5_000):
        part = keys[start : start + 5_000]
        table.put(part, {name: np.zeros(len(part)) for name in columns})
    assert table.nbytes / table.size <= 27


def test_keys_differ_where_either_half_of_the_id_does() -> None:
    """Ids that count upwards, as some producers make them, do not collide."""
    numbers = np.arange(1, 20_001, dtype=np.uint64)
    nothing = np.zeros(20_000, dtype=np.uint64)
    low = np.stack([numbers, nothing], axis=1).view("V16").reshape(-1)
    high = np.stack([nothing, numbers], axis=1).view("V16").reshape(-1)
    keys = np.concatenate([keys_of(low), keys_of(high)])
    assert len(np.unique(keys)) == 40_000
    assert keys.min() > 0


def test_the_id_of_zeros_is_no_id() -> None:
    """Key 0 says so."""
    assert keys_of(np.zeros(2, dtype="V16")).tolist() == [0, 0]


def test_last_of_each_keeps_order() -> None:
    """Rows of last occurrences, ascending."""
    keys = np.array([5, 7, 5, 9, 7], dtype=np.uint64)
    assert last_of_each(keys).tolist() == [2, 3, 4]
