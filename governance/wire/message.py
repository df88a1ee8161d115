"""A record of the events topic: stamp and batch, in every notation that is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from governance.errors import WireError
from governance.event import EventBatch, LabelBatch, MessageType
from governance.wire import arrow, columns, json
from governance.wire.arrow import ARROW_TYPE
from governance.wire.headers import COLUMNS_TYPE, JSON_TYPE, Stamp, decode_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable

Batch = EventBatch | LabelBatch


class Envelope(Protocol):
    """What is read of a record; ``governance.bus.ports.Record`` is one."""

    @property
    def append_time_us(self) -> int:
        """When the log took the record, UTC microseconds."""

    @property
    def key(self) -> bytes:
        """``namespace/component``."""

    @property
    def headers(self) -> Iterable[tuple[str, bytes]]:
        """Names and raw values."""

    @property
    def value(self) -> bytes:
        """The batch, as the headers say."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a record says.

    ``batch`` is an EventBatch, a LabelBatch, or None for heartbeat, bye and tick. ``unknown``
    names columns, sums or keys that this build does not know; they are counted and ignored.
    """

    stamp: Stamp
    batch: Batch | None = None
    unknown: tuple[str, ...] = ()


def encode(batch: Batch | None) -> bytes:
    """The value of a record; empty without a batch (heartbeat, bye, tick)."""
    if batch is None:
        return b""
    if isinstance(batch, EventBatch):
        return columns.encode_events(batch)
    return columns.encode_labels(batch)


def decode(record: Envelope) -> Message:
    """Read a record of the events topic.

    Raises
    ------
    WireError
        If key, headers or value cannot be read; no other error, whatever the bytes are.
    """
    stamp = decode_stamp(record.key, record.headers)
    return decode_stamped(record, stamp)


def decode_stamped(record: Envelope, stamp: Stamp) -> Message:
    """The same where the headers have been read (``decode_stamp``)."""
    if stamp.type not in {MessageType.EVENTS, MessageType.LABELS}:
        return Message(stamp)
    batch, unknown = _batch(stamp, record)
    return Message(stamp, batch, unknown)


def _batch(stamp: Stamp, record: Envelope) -> tuple[Batch, tuple[str, ...]]:
    events = stamp.type is MessageType.EVENTS
    if stamp.content_type == COLUMNS_TYPE:
        decode_columns = columns.decode_events if events else columns.decode_labels
        return decode_columns(record.value)
    if stamp.content_type == JSON_TYPE:
        decode_json = json.decode_event if events else json.decode_label
        return decode_json(record.value, record.append_time_us)
    if stamp.content_type == ARROW_TYPE:
        decode_arrow = arrow.decode_events if events else arrow.decode_labels
        return decode_arrow(record.value, record.append_time_us)
    raise WireError(
        "content_type",
        f"content-type {stamp.content_type[:80]!r} is none of {COLUMNS_TYPE}, {JSON_TYPE},"
        f" {ARROW_TYPE}",
    )
