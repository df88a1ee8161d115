"""Messages read together against the same messages read one by one."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.coalesce import coalesce
from governance.errors import WireError
from governance.event import BatchSum, Column, EventBatch
from governance.wire.columns import decode_events, encode_events
from governance.wire.together import decode_together

WORDS = ("red", "green", "blue", "ü")
ROW = st.tuples(st.sampled_from([None, *WORDS]), st.floats(allow_nan=True), st.integers(-1, 1))


def _batch(rows: list[tuple[str | None, float, int]], **changes: Any) -> EventBatch:
    words, numbers, sides = zip(*rows, strict=True)
    n = len(rows)
    columns = {
        "event_id": Column(np.arange(2 * n, dtype="<u8").view("V16")),
        "time": Column(np.arange(n, dtype="<i8")),
        "favourable": Column(np.array(sides, dtype="i1")),
        "tabular.colour": Column.encode(list(words)),
        "tabular.size": Column(np.array(numbers)),
    }
    return EventBatch(changes.pop("version", "1"), n, columns | changes)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(ROW, min_size=1, max_size=9), min_size=1, max_size=6))
def test_together_is_what_they_are_one_by_one(parts: list[list[Any]]) -> None:
    """Values, dtypes and dictionaries, whatever order each message's dictionary has."""
    messages = [encode_events(_batch(rows)) for rows in parts]
    found = decode_together(messages)
    assert found is not None
    assert found.sizes == tuple(map(len, parts))
    (twin,) = coalesce([decode_events(message)[0] for message in messages])
    assert list(found.batch.columns) == list(twin.columns)
    for name, column in twin.columns.items():
        other = found.batch.columns[name]
        assert column.dictionary == other.dictionary
        assert column.values.dtype == other.values.dtype
        assert column.values.tobytes() == other.values.tobytes()


PLAIN = [("red", 1.0, 1), (None, 2.0, 0)]


@pytest.mark.parametrize(
    "other",
    [
        _batch(PLAIN, version="2"),
        _batch(PLAIN, **{"tabular.more": Column(np.zeros(2))}),
        _batch(PLAIN, **{"tabular.colour": Column(np.zeros(2))}),
        EventBatch("1", 2, _batch(PLAIN).columns, {"text.fourier.ab": BatchSum(np.arange(3), 20)}),
        EventBatch("1", 0, {}),
    ],
)
def test_what_is_not_alike_is_not_read_together(other: EventBatch) -> None:
    """Another version, other columns, sums, no events: they are right, and read one by one."""
    messages = [encode_events(_batch(PLAIN)), encode_events(other)]
    assert [decode_events(message)[0].n for message in messages] == [2, other.n]
    assert decode_together(messages) is None


def _spoilt(**columns: Any) -> bytes:
    message = msgspec.msgpack.decode(encode_events(_batch(PLAIN)))
    message["cols"] |= columns
    return msgspec.msgpack.encode(message)


@pytest.mark.parametrize(
    "bad",
    [
        b"\xc1",
        _spoilt(**{"tabular.colour": ["i1", b"\x00\x01", ["red"]]}),
        _spoilt(**{"tabular.colour": ["i1", b"\x00\xfe", ["red"]]}),
        _spoilt(**{"tabular.colour": ["i1", b"\x00\x00", ["red", "red"]]}),
        _spoilt(**{"tabular.colour": ["i1", b"\x00\x00", [1]]}),
        _spoilt(**{"tabular.size": ["<f8", bytes(15)]}),
        _spoilt(**{"tabular.size": ["<f8", bytes(24)]}),
        _spoilt(favourable=["i1", b"\x02\x00"]),
        _spoilt(favourable=["i1", b"\x01\x00", ["yes"]]),
        _spoilt(time=["<i8", b"\xff" * 16]),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_one_that_cannot_be_read_is_never_taken_in(bad: bytes, first: bool) -> None:  # noqa: FBT001
    """Whatever decode_events refuses, wherever it stands among good ones."""
    good = encode_events(_batch(PLAIN))
    with pytest.raises(WireError):
        decode_events(bad)
    assert decode_together([bad, good] if first else [good, bad]) is None
    assert decode_together([bad, bad]) is None


def test_unknown_columns_are_named() -> None:
    """As decode_events names them."""
    message = _spoilt(mood=["<f8", bytes(16)])
    found = decode_together([message, message])
    assert found is not None
    assert found.unknown == decode_events(message)[1] == ("mood",)
