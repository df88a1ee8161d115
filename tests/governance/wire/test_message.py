"""Stamps and whole records."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.bus.ports import Headers, Record
from governance.errors import WireError
from governance.event import Column, ComponentKey, EventBatch, LabelBatch, MessageType
from governance.wire.headers import JSON_TYPE, Stamp, decode_stamp, encode_stamp
from governance.wire.message import decode, encode

KEY = ComponentKey("default", "credit")
STAMP = Stamp(
    type=MessageType.EVENTS,
    component=KEY,
    source="pod-1/1700000000",
    sequence=7,
    sent_us=1_700_000_000_000_000,
    watermark_us=1_699_999_999_000_000,
    counts={"accepted": 12, "dropped_full": 1},
)


def _record(headers: Headers, value: bytes = b"", key: bytes = b"default/credit") -> Record:
    return Record("evenhand.events", 0, 0, 5_000_000, key, headers, value)


def test_a_stamp_comes_back_as_it_was() -> None:
    """Type, source, sequence, times, counts and key survive."""
    assert decode_stamp(STAMP.key, encode_stamp(STAMP)) == STAMP


def test_a_stamp_is_a_cloud_event() -> None:
    """The four attributes that CloudEvents demands are there."""
    names = {name for name, _ in encode_stamp(STAMP)}
    assert names >= {"ce_specversion", "ce_id", "ce_source", "ce_type"}


def test_a_foreign_producer_has_no_sequence_and_no_watermark() -> None:
    """Without a source nothing can be said about completeness; the value is one JSON event."""
    stamp = decode_stamp(b"default/credit", [("evh-watermark", b"5")])
    assert stamp == Stamp(MessageType.EVENTS, KEY, content_type=JSON_TYPE)


def test_parameters_of_a_content_type_are_no_matter() -> None:
    """``application/json; charset=utf-8`` is JSON."""
    stamp = decode_stamp(STAMP.key, [("Content-Type", b"Application/JSON; charset=utf-8")])
    assert stamp.content_type == JSON_TYPE


@pytest.mark.parametrize(
    ("key", "headers", "reason"),
    [
        (b"credit", (), "key"),
        (b"\xff/a", (), "key"),
        (b"", (), "key"),
        (b"a/b", (("ce_type", b"io.evenhand.events.v9"),), "type"),
        (b"a/b", (("ce_type", b"\xff"),), "header"),
        (b"a/b", (("evh-source", b"s"), ("evh-sequence", b"-1")), "header"),
        (b"a/b", (("evh-sent", b"9" * 5000),), "header"),
        (b"a/b", (("evh-counts", b"[]"),), "header"),
        (b"a/b", (("evh-counts", b'{"accepted": -1}'),), "header"),
        (b"a/b", (("content-type", b"text/csv"),), "content_type"),
    ],
)
def test_headers_that_are_wrong_say_why(key: bytes, headers: Headers, reason: str) -> None:
    """Each defect has its counted reason."""
    with pytest.raises(WireError) as caught:
        decode(_record(headers, b"{}", key))
    assert caught.value.reason == reason


@pytest.mark.parametrize("kind", [MessageType.HEARTBEAT, MessageType.BYE, MessageType.TICK])
def test_a_message_without_rows_is_its_stamp(kind: MessageType) -> None:
    """Heartbeat, bye and tick carry no batch, whatever their value."""
    message = decode(_record((("ce_type", kind.value.encode()),), b"anything"))
    assert (message.stamp.type, message.batch) == (kind, None)


def test_events_and_labels_are_told_apart_by_type() -> None:
    """``ce_type`` decides how the value is read."""
    ids, times = Column(np.zeros(1, "V16")), Column(np.zeros(1, "<i8"))
    events = EventBatch("1", 1, {"event_id": ids, "time": times})
    labels = LabelBatch(1, {"event_id": ids, "favourable": Column(np.ones(1, "i1"))})
    stamp = Stamp(MessageType.LABELS, KEY)
    assert isinstance(decode(_record(encode_stamp(STAMP), encode(events))).batch, EventBatch)
    assert isinstance(decode(_record(encode_stamp(stamp), encode(labels))).batch, LabelBatch)
    assert encode(None) == b""


def test_a_json_event_takes_the_append_time() -> None:
    """The log's clock stands in for an absent time."""
    value = b'{"event_id": "00112233445566778899aabbccddeeff"}'
    batch = decode(_record((), value)).batch
    assert batch is not None
    assert batch.columns["time"].values.tolist() == [5_000_000]


@given(
    st.binary(max_size=12),
    st.lists(
        st.tuples(
            st.sampled_from(
                ["ce_type", "evh-source", "evh-sequence", "evh-counts", "content-type"]
            ),
            st.binary(max_size=8),
        ),
        max_size=4,
    ).map(tuple),
    st.binary(max_size=20),
)
@settings(max_examples=150, deadline=None)
def test_random_records_raise_nothing_but_wire_errors(
    key: bytes, headers: Headers, value: bytes
) -> None:
    """Whatever is on the topic, the reader meets a message or a WireError."""
    try:
        decode(_record(headers, value, key))
    except WireError as error:
        assert error.reason  # noqa: PT017 - either outcome is right
