"""Columns on the wire: nothing changes on the way, and nothing but WireError comes of bad bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import WireError
from governance.event import BatchSum, Column, EventBatch, LabelBatch
from governance.wire.columns import decode_events, decode_labels, encode_events, encode_labels

GOLDEN = Path(__file__).parents[2] / "golden" / "wire.json"


def _ids(n: int) -> Column:
    return Column(np.arange(2 * n, dtype="<u8").view("V16"))


def _batch(n: int = 3) -> EventBatch:
    columns = {
        "event_id": _ids(n),
        "time": Column(np.arange(n, dtype="<i8") * 1_000_000),
        "latency_ms": Column(np.linspace(1.5, 9.0, n)),
        "status_code": Column(np.full(n, 200, dtype="<i2")),
        "favourable": Column((np.arange(n) % 3 - 1).astype("i1")),
        "weight": Column(np.full(n, 2.0)),
        "group.sex": Column((np.arange(n) % 3 - 1).astype(np.int32), ("F", "M")),
        "tabular.age": Column(np.where(np.arange(n) % 2, np.nan, 41.0)),
    }
    sums = {"text.fourier.ab12": BatchSum(np.arange(6, dtype="<i8").reshape(2, 3), 20)}
    return EventBatch("1.0", n, columns, sums)


def _message(**changes: Any) -> bytes:
    message = {
        "v": "1",
        "n": 1,
        "cols": {"event_id": ["V16", bytes(16)], "time": ["<i8", bytes(8)]},
    }
    columns = changes.pop("cols", {})
    message |= changes
    message["cols"] |= columns
    return msgspec.msgpack.encode(message)


def _same(left: EventBatch | LabelBatch, right: EventBatch | LabelBatch) -> None:
    assert left.n == right.n
    assert list(left.columns) == list(right.columns)
    for name, column in left.columns.items():
        other = right.columns[name]
        assert column.values.dtype == other.values.dtype
        if column.dictionary is None or other.dictionary is None:
            assert column.dictionary is other.dictionary is None
            assert column.values.tobytes() == other.values.tobytes()
        else:  # entries may stand in another order
            assert sorted(column.dictionary) == sorted(other.dictionary)
            texts, others = (*column.dictionary, None), (*other.dictionary, None)
            assert [texts[c] for c in column.values] == [others[c] for c in other.values]


def test_short_dictionaries_are_written_in_order() -> None:
    """Messages of one source have one dictionary, whichever entry came first in each."""
    column = Column(np.array([0, 1, -1, 2], dtype=np.int32), ("red", "blue", "green"))
    batch = EventBatch("1", 4, {**_batch(4).columns, "tabular.colour": column})
    decoded = decode_events(encode_events(batch))[0]
    found = decoded.columns["tabular.colour"]
    assert found.dictionary == ("blue", "green", "red")
    assert found.values.tolist() == [2, 0, -1, 1]


def test_events_come_back_as_they_were_sent() -> None:
    """Decoding what was encoded gives the same version, columns, bits and sums."""
    batch, unknown = decode_events(encode_events(_batch()))
    _same(batch, _batch())
    assert (batch.version, unknown) == ("1.0", ())
    total = batch.sums["text.fourier.ab12"]
    assert total.n == 20
    np.testing.assert_array_equal(total.values, [[0, 1, 2], [3, 4, 5]])


def test_weights_of_a_sample_of_contents_travel() -> None:
    """What was not asked weighs 0; a sum says for how many each of its events stands."""
    columns = dict(_batch().columns)
    columns["contents_weight"] = Column(np.array([0.0, 8.0, 1.0]))
    sums = {"text.fourier.ab12": BatchSum(np.arange(6, dtype="<i8"), 20, weight=8.0)}
    batch, unknown = decode_events(encode_events(EventBatch("1.0", 3, columns, sums)))
    assert unknown == ()
    assert batch.columns["contents_weight"].values.tolist() == [0.0, 8.0, 1.0]
    assert (batch.sums["text.fourier.ab12"].n, batch.sums["text.fourier.ab12"].weight) == (20, 8.0)


def test_sums_alone_may_say_their_instant() -> None:
    """For a source without watermarks; without it nothing is written."""
    sums = {"text.fourier.ab12": BatchSum(np.arange(6, dtype="<i8"), 20)}
    alone = EventBatch("1.0", 0, {}, sums, sums_at_us=1_700_000_000_000_000)
    assert decode_events(encode_events(alone))[0].sums_at_us == 1_700_000_000_000_000
    assert decode_events(encode_events(EventBatch("1.0", 0, {}, sums)))[0].sums_at_us is None


def test_labels_come_back_as_they_were_sent() -> None:
    """Labels keep text, times and the mark of a correction."""
    columns = {
        "event_id": _ids(2),
        "time": Column(np.array([1, 2], dtype="<i8")),
        "label": Column(np.array([0, -1], dtype=np.int32), ("repaid",)),
        "supersedes": Column(np.array([0, 1], dtype="i1")),
    }
    batch, unknown = decode_labels(encode_labels(LabelBatch(2, columns)))
    _same(batch, LabelBatch(2, columns))
    assert unknown == ()


def test_an_empty_batch_is_a_batch() -> None:
    """No rows, no columns, no error."""
    batch, unknown = decode_events(encode_events(EventBatch("", 0, {})))
    assert (batch.n, dict(batch.columns), unknown) == (0, {}, ())


def test_the_bytes_are_fixed() -> None:
    """What release 1 writes is what this build writes and reads."""
    golden = json.loads(GOLDEN.read_text())
    assert encode_events(_batch()).hex() == golden["events"]
    _same(decode_events(bytes.fromhex(golden["events"]))[0], _batch())


def test_unknown_columns_are_named_and_ignored() -> None:
    """A column of a later build, in whatever form, takes nothing away from the known ones."""
    message = _message(cols={"mood": {"any": "thing"}, "tabular.age": ["<f8", bytes(8)]})
    batch, unknown = decode_events(message)
    assert unknown == ("mood",)
    assert set(batch.columns) == {"event_id", "time", "tabular.age"}


def test_unknown_sums_are_named_and_ignored() -> None:
    """A sum of a later build is counted, not added."""
    assert decode_events(_message(sums={"text.sketch": 1}))[1] == ("text.sketch",)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "malformed"),
        (b"\xc1", "malformed"),
        (encode_events(_batch())[:-3], "malformed"),
        (encode_events(_batch()) + b"\x00", "malformed"),
        (msgspec.msgpack.encode([1, 2]), "malformed"),
        (msgspec.msgpack.encode({"v": "1", "n": 0}), "malformed"),
        (_message(v=3), "malformed"),
        (_message(v="x" * 257), "malformed"),
        (_message(v="1\x00"), "malformed"),
        (_message(v="1\n"), "malformed"),
        (_message(n=-1), "rows"),
        (_message(n=10**9), "rows"),
        (_message(n=2), "length"),
        (_message(cols={"event_id": ["V16", bytes(15)]}), "length"),
        (_message(cols={"score": ["<f8", bytes(9)]}), "length"),
        (_message(cols={"score": ["<f4", bytes(4)]}), "dtype"),
        (_message(cols={"score": ["|O", bytes(8)]}), "dtype"),
        (_message(cols={"score": ["<f8"]}), "malformed"),
        (_message(cols={"score": ["<f8", bytes(8), [], 1]}), "malformed"),
        (_message(cols={"score": "<f8"}), "malformed"),
        (_message(cols={"score": ["i1", b"\x00", ["a"]]}), "dtype"),
        (_message(cols={"group.sex": ["<f8", bytes(8)]}), "dtype"),
        (_message(cols={"group.sex": ["<f8", bytes(8), ["a"]]}), "dtype"),
        (_message(cols={"group.sex": ["i1", b"\x01", ["a"]]}), "dictionary"),
        (_message(cols={"group.sex": ["i1", b"\xfe", ["a"]]}), "dictionary"),
        (_message(cols={"group.sex": ["<i4", b"\xff\xff\xff\x7f", ["a"]]}), "dictionary"),
        (_message(cols={"group.sex": ["i1", b"\x00", ["a", "a"]]}), "dictionary"),
        (_message(cols={"favourable": ["i1", b"\x02"]}), "bounds"),
        (_message(cols={"weight": ["<f8", np.array([np.nan]).tobytes()]}), "bounds"),
        (_message(cols={"weight": ["<f8", np.array([0.5]).tobytes()]}), "bounds"),
        (_message(cols={"time": ["<i8", np.array([2**62]).tobytes()]}), "bounds"),
        (_message(sums={"text.fourier.a": ["<f8", [1], 20, bytes(8)]}), "dtype"),
        (_message(sums={"text.fourier.a": ["<i8", [2], 20, bytes(8)]}), "length"),
        (_message(sums={"text.fourier.a": ["<i8", [0, 2**62], 20, b""]}), "malformed"),
        (_message(sums={"text.fourier.a": ["<i8", [1], -1, bytes(8)]}), "malformed"),
        (_message(sums={"text.fourier.a": ["<i8", [1], 20, bytes(8), 0.5]}), "malformed"),
        (_message(sums={"text.fourier.a": ["<i8", [1], 20, bytes(8), 1e9]}), "malformed"),
        (msgspec.msgpack.encode({"v": "", "n": 1, "cols": {}}), "missing_column"),
    ],
)
def test_a_message_that_is_wrong_says_why(message: bytes, reason: str) -> None:
    """Each defect has its counted reason."""
    with pytest.raises(WireError) as caught:
        decode_events(message)
    assert caught.value.reason == reason


def test_a_label_without_a_value_is_refused() -> None:
    """A label batch needs the label or whether it is favourable."""
    message = msgspec.msgpack.encode({"n": 1, "cols": {"event_id": ["V16", bytes(16)]}})
    with pytest.raises(WireError, match="label"):
        decode_labels(message)


@pytest.mark.parametrize(
    ("name", "column", "reason"),
    [
        ("surprise", Column(np.zeros(1)), "column"),
        ("time", Column(np.zeros(1)), "dtype"),
        ("group.sex", Column(np.zeros(1)), "dtype"),
        ("score", Column(np.zeros(1, dtype=np.int32), ("a",)), "dtype"),
    ],
)
def test_what_is_not_in_the_table_is_not_written(name: str, column: Column, reason: str) -> None:
    """An encoder that would be misread refuses instead."""
    with pytest.raises(WireError) as caught:
        encode_events(EventBatch("1", 1, {name: column}))
    assert caught.value.reason == reason


def test_vectors_are_not_written() -> None:
    """Only their sums travel."""
    with pytest.raises(WireError, match="do not travel: send their Fourier sums") as caught:
        encode_events(EventBatch("1", 1, {}, vectors={"text": np.zeros((1, 4))}))
    assert caught.value.reason == "column"


def test_text_without_utf8_form_is_replaced() -> None:
    """A lone surrogate, as JSON can hold, does not stop a batch."""
    columns = dict(_batch(1).columns) | {"group.sex": Column.encode(["\ud800"])}
    batch, _ = decode_events(encode_events(EventBatch("1", 1, columns)))
    assert batch.columns["group.sex"].dictionary == ("?",)


_TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=4))


@given(st.lists(st.tuples(_TEXTS, st.floats(width=64), st.integers(-1, 1)), max_size=20))
@settings(max_examples=60, deadline=None)
def test_any_values_come_back(rows: list[tuple[str | None, float, int]]) -> None:
    """Texts, floats (also NaN payloads and infinities) and small integers survive bit by bit."""
    n = len(rows)
    columns = {
        "event_id": _ids(n),
        "time": Column(np.zeros(n, dtype="<i8")),
        "group.any": Column.encode([text for text, _, _ in rows]),
        "tabular.any": Column(np.array([number for _, number, _ in rows], dtype="<f8")),
        "favourable": Column(np.array([sign for _, _, sign in rows], dtype="i1")),
    }
    batch = EventBatch("v", n, columns)
    _same(decode_events(encode_events(batch))[0], batch)


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_random_bytes_raise_nothing_but_wire_errors(message: bytes) -> None:
    """Whatever arrives, the reader of a partition meets a batch or a WireError."""
    for decode in (decode_events, decode_labels):
        try:
            decode(message)
        except WireError as error:
            assert error.reason  # noqa: PT017 - either outcome is right


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_damaged_messages_raise_nothing_but_wire_errors(place: int, noise: bytes) -> None:
    """A real message with some bytes overwritten is read or refused, never a crash."""
    message = bytearray(encode_events(_batch()))
    place %= len(message)
    message[place : place + len(noise)] = noise
    try:
        decode_events(bytes(message))
    except WireError as error:
        assert error.reason  # noqa: PT017 - either outcome is right
