from __future__ import annotations

import json as plain_json
import random
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from governance.bus.ports import Record
from governance.errors import WireError
from governance.event import EventBatch, MessageType
from governance.wire import arrow, json
from governance.wire.arrow import ARROW_TYPE, MAX_ROWS, MAX_TEXT_BYTES
from governance.wire.message import decode

NOW_US = 1_700_000_000_000_000
ID = bytes(range(16))


def stream(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as to:
        to.write_table(table)
    raw: bytes = sink.getvalue().to_pybytes()
    return raw


def table(**columns: Any) -> pa.Table:
    ids = pa.array([ID, ID[::-1]], pa.binary(16))
    return pa.table({"event_id": ids, **columns})


ROWS: list[dict[str, Any]] = [
    {"event_id": ID.hex(), "time": "2026-05-01T12:00:00Z", "prediction": "yes", "score": 0.25,
     "tabular.age": 30, "tabular.city": "Bonn", "truncated": True, "status_code": 200},
    {"event_id": ID[::-1].hex(), "time": "2026-05-01T12:00:01.5Z", "prediction": "no",
     "score": None, "tabular.age": 31, "tabular.city": None, "truncated": False,
     "status_code": 503},
]  # fmt: skip


def test_arrow_and_json_say_the_same() -> None:
    """Same names, same rules: the batch of a table is that of its rows as JSON."""
    moments = [datetime(2026, 5, 1, 12, tzinfo=UTC), datetime(2026, 5, 1, 12, 0, 1, 500_000, UTC)]
    sent = table(
        time=pa.array(moments, pa.timestamp("ns", "Europe/Berlin")),
        prediction=pa.array(["yes", "no"]).dictionary_encode(),
        score=pa.array([0.25, np.nan]),
        truncated=[True, False],
        status_code=pa.array([200, 503], pa.int16()),
        **{"tabular.age": pa.array([30, 31], pa.uint8()), "tabular.city": ["Bonn", None]},
    )
    found, unknown = arrow.decode_events(stream(sent), NOW_US)
    expected, _ = json.event_batch(ROWS, NOW_US)
    assert unknown == ()
    assert found.columns.keys() == expected.columns.keys()
    for name, column in expected.columns.items():
        assert found.columns[name].dictionary == column.dictionary
        assert found.columns[name].values.dtype == column.values.dtype
        np.testing.assert_array_equal(found.columns[name].values, column.values)


def test_labels_and_versions_travel_too() -> None:
    """A label with its outcome; one version for the batch; unknown columns are named."""
    labels, _ = arrow.decode_labels(stream(table(label=["a", "b"])), NOW_US)
    assert labels.columns["label"].dictionary == ("a", "b")
    events, unknown = arrow.decode_events(stream(table(version=["2", "2"], typo=[1, 2])), NOW_US)
    assert (events.version, unknown) == ("2", ("typo",))
    with pytest.raises(WireError, match="one version"):
        arrow.decode_events(stream(table(version=["1", "2"])), NOW_US)


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
@pytest.mark.parametrize("coded", [False, True])
def test_compressed_buffers_are_refused_before_they_are_inflated(
    codec: str, *, coded: bool
) -> None:
    """They claim any size; the remedy is named. In dictionaries, too."""
    text = pa.array(["x" * 1_000, "y" * 1_000])
    sent = table(prediction=text.dictionary_encode() if coded else text)
    with pytest.raises(WireError, match="gzip the whole request"):
        arrow.read_rows(stream(sent, compression=codec))


def test_a_dictionary_cannot_make_much_of_little() -> None:
    """One long entry in every row: its text is counted as often as it stands there."""
    entry = "x" * (MAX_TEXT_BYTES // 10)
    coded = pa.DictionaryArray.from_arrays(pa.array([0] * 20, pa.int8()), pa.array([entry]))
    with pytest.raises(WireError, match="bytes of text"):
        arrow.read_rows(stream(pa.table({"prediction": coded})))


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (table(score=[[1.0], [2.0]]), "dtype"),
        (table(score=[{"a": 1}, None]), "dtype"),
        (table(prediction=[b"a", b"b"]), "dtype"),
        (table(score=pa.array(["a", "b"], pa.string_view())), "dtype"),
        (pa.table({"score": pa.nulls(MAX_ROWS + 1)}), "rows"),
        (pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), "malformed"),
        (pa.table({f"c{i}": [1] for i in range(1_001)}), "bounds"),
    ],
)
def test_what_has_no_meaning_here_is_refused(sent: pa.Table, reason: str) -> None:
    """Nested and opaque types, too many rows or columns, names twice."""
    with pytest.raises(WireError) as refused:
        arrow.read_rows(stream(sent))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (table(id=["a", "b"]), "event_id"),
        (table(status_code=[70_000, 1]), "bounds"),
        (table(score=["x", "y"]), "dtype"),
        (table(time=pa.array([2**62, 0], pa.timestamp("us"))), "time"),
        (pa.table({"score": [1.0]}), "event_id"),
    ],
)
def test_the_rules_of_columns_hold(sent: pa.Table, reason: str) -> None:
    """The table of the wire decides, and raw ids do not travel on the bus."""
    with pytest.raises(WireError) as refused:
        arrow.decode_events(stream(sent), NOW_US)
    assert refused.value.reason == reason


def test_mutated_streams_are_read_or_refused() -> None:
    """3,000 damaged streams: a batch or a WireError, nothing else, and no crash."""
    good = stream(table(score=[0.5, None], prediction=pa.array(["a", "b"]).dictionary_encode()))
    chance, refused = random.Random(7), 0
    for _ in range(3_000):
        damaged = bytearray(good[: chance.randrange(1, len(good) + 1)])
        for _ in range(chance.randrange(4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            batch, _ = arrow.decode_events(bytes(damaged), NOW_US)
            assert isinstance(batch, EventBatch)
        except WireError:
            refused += 1
    assert refused > 1_000


def test_without_pyarrow_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base install does not have it: a reason for the dead letter, and what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(WireError, match=r"evenhand\[arrow\]") as refused:
        arrow.decode_events(b"", NOW_US)
    assert refused.value.reason == "content_type"
    assert ARROW_TYPE in str(refused.value)


def test_rows_are_json() -> None:
    """What the door takes from a table it could have got as JSON."""
    rows = arrow.read_rows(stream(table(score=[0.5, None], prediction=["a", None])))
    assert plain_json.loads(plain_json.dumps(rows)) == rows


@pytest.mark.parametrize("of_labels", [False, True])
def test_a_record_of_the_bus_may_be_arrow(*, of_labels: bool) -> None:
    """By its content type, from any producer with the right key; text is missing where null."""
    kind = MessageType.LABELS if of_labels else MessageType.EVENTS
    headers = [("content-type", ARROW_TYPE.encode()), ("ce_type", kind.encode())]
    value = stream(table(label=["a", None], prediction=["a", None]))
    message = decode(Record("evenhand.events", 0, 0, NOW_US, b"shop/m", tuple(headers), value))
    assert message.batch is not None
    name, other = ("label", "prediction") if of_labels else ("prediction", "label")
    assert message.batch.columns[name].values.tolist() == [0, -1]
    assert message.batch.columns["time"].values.tolist() == [NOW_US, NOW_US]
    assert message.unknown == (other,)
