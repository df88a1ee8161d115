from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collectors.batches import join, oldest_us, pieces, shape_of, size_of
from governance.event import Column, EventBatch, LabelBatch
from tests.collectors.events import batch, ids

WORDS = st.lists(st.none() | st.text(max_size=4), min_size=1, max_size=20)


def texts(column: Column) -> list[str | None]:
    dictionary = column.dictionary or ()
    return [None if code < 0 else dictionary[code] for code in column.values.tolist()]


@given(st.lists(WORDS, min_size=1, max_size=8))
def test_joined_batches_say_what_each_said(columns: list[list[str | None]]) -> None:
    """Rows in order, texts under one dictionary without repetition, missing stays missing."""
    batches = [EventBatch("1", len(c), {"tabular.word": Column.encode(c)}) for c in columns]
    joined = join(batches).columns["tabular.word"]
    assert texts(joined) == [word for column in columns for word in column]
    assert len(set(joined.dictionary or ())) == len(joined.dictionary or ())


@given(WORDS, st.integers(1, 7))
def test_pieces_say_together_what_the_whole_said(words: list[str | None], rows: int) -> None:
    """No piece is too long, or carries words that it does not use."""
    whole = EventBatch("1", len(words), {"tabular.word": Column.encode(words)})
    cut = list(pieces(whole, rows))
    assert all(0 < piece.n <= rows for piece in cut)
    assert texts(join(cut).columns["tabular.word"]) == words
    if len(cut) > 1:
        for piece in cut:
            column = piece.columns["tabular.word"]
            assert set(column.dictionary or ()) == set(texts(column)) - {None}


def test_labels_are_cut_and_joined_too() -> None:
    """They stay labels."""
    whole = LabelBatch(3, {"favourable": Column(np.array([1, 0, 1], dtype=np.int8))})
    joined = join(list(pieces(whole, 2)))
    assert isinstance(joined, LabelBatch)
    assert joined.columns["favourable"].values.tolist() == [1, 0, 1]


def test_only_batches_of_one_shape_are_alike() -> None:
    """Other columns, or a column of another kind, make another shape."""
    numeric = EventBatch("1", 1, {"prediction": Column(np.array([1.0]))})
    text = EventBatch("1", 1, {"prediction": Column.encode(["1"])})
    assert shape_of(batch(0)) == shape_of(batch(9, 5))
    assert len({shape_of(numeric), shape_of(text), shape_of(batch(0))}) == 3


def test_size_and_age_are_read_off() -> None:
    """Bytes of the columns and of the words; the earliest time."""
    events = batch(7, 10, time_us=1_000, jobs=("nurse", "pilot"))
    assert (size_of(events), oldest_us(events)) == (10 * (16 + 8 + 8 + 4) + 16, 1_000)
    assert ids(events) == list(range(7, 17))
