"""What the headers of a record say: CloudEvents in Kafka's binary mode, and evh-*.

==================  ==============================================================================
``ce_type``         what the value is, for example ``io.evenhand.events.v1``
``ce_specversion``  ``1.0``; with ``ce_id`` and ``ce_source`` what every CloudEvent carries
``content-type``    how the value is written
``evh-source``      pod uid + start of the process that sent it; without it: no watermark
``evh-sequence``    number of this message within (source, component), from 0, no gaps
``evh-sent``        the source's clock when it sent this, UTC microseconds
``evh-watermark``   all events of the source before this instant are sent or counted lost
``evh-counts``      JSON object: accepted and lost so far, by reason
==================  ==============================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from governance.errors import WireError
from governance.event import ComponentKey, MessageType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLUMNS_TYPE = "application/msgpack"
JSON_TYPE = "application/json"

_Counts = dict[str, Annotated[int, Meta(ge=0, le=2**62)]]
_decode_counts = msgspec.json.Decoder(_Counts).decode
_MAX_INTEGER = 2**62  # also as instants in microseconds: sums of two stay in int64


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who sent a record, when, and what it says about completeness.

    ``source`` is empty and ``sequence`` is -1 for a producer that does not number its messages;
    ``sent_us`` and ``watermark_us`` are None where the producer does not say.
    """

    type: MessageType
    component: ComponentKey
    source: str = ""
    sequence: int = -1
    sent_us: int | None = None
    watermark_us: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    content_type: str = COLUMNS_TYPE

    @property
    def key(self) -> bytes:
        """The record's key."""
        return str(self.component).encode()


def encode_stamp(stamp: Stamp) -> tuple[tuple[str, bytes], ...]:
    """Headers of a record, for ``Producer.send``."""
    texts = {
        "ce_specversion": "1.0",
        "ce_id": f"{stamp.source}:{stamp.sequence}",
        "ce_source": f"/evenhand/{stamp.source}",
        "ce_type": stamp.type.value,
        "content-type": stamp.content_type,
    }
    if stamp.source:
        texts["evh-source"] = stamp.source
        texts["evh-sequence"] = str(stamp.sequence)
    if stamp.sent_us is not None:
        texts["evh-sent"] = str(stamp.sent_us)
    if stamp.watermark_us is not None:
        texts["evh-watermark"] = str(stamp.watermark_us)
    headers = [(name, text.encode()) for name, text in texts.items()]
    if stamp.counts:
        headers.append(("evh-counts", msgspec.json.encode(dict(stamp.counts))))
    return tuple(headers)


def decode_stamp(key: bytes, headers: Iterable[tuple[str, bytes]]) -> Stamp:
    """Read the headers of a record; the last of several equal names counts.

    What a foreign producer leaves out is absent: no ``evh-source`` means no sequence and no
    watermark, no ``ce_type`` means one event, no ``content-type`` means JSON.

    Raises
    ------
    WireError
        If the key is not ``namespace/component`` (``key``), the type is not one of ours
        (``type``), or a header that is there cannot be read (``header``).
    """
    texts = {name.lower(): raw for name, raw in headers}
    source = _text(texts, "evh-source", "")
    sequence = _integer(texts, "evh-sequence") if source else None
    return Stamp(
        type=_type(_text(texts, "ce_type", MessageType.EVENTS.value)),
        component=_component(key),
        source=source,
        sequence=-1 if sequence is None else sequence,
        sent_us=_integer(texts, "evh-sent"),
        watermark_us=_integer(texts, "evh-watermark") if source else None,
        counts=_counts(texts.get("evh-counts")),
        content_type=_text(texts, "content-type", JSON_TYPE).partition(";")[0].strip().lower(),
    )


@lru_cache(maxsize=4_096)
def _component(key: bytes) -> ComponentKey:
    try:
        return ComponentKey.parse(key.decode())
    except ValueError:  # also UnicodeDecodeError
        raise WireError("key", f"key {key[:80]!r} is not namespace/component") from None


def _type(text: str) -> MessageType:
    try:
        return MessageType(text)
    except ValueError:
        known = ", ".join(MessageType)
        raise WireError("type", f"ce_type {text[:80]!r} is not one of {known}") from None


def _text(texts: Mapping[str, bytes], name: str, default: str) -> str:
    raw = texts.get(name)
    if raw is None:
        return default
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise WireError("header", f"header {name} is not UTF-8") from None


def _integer(texts: Mapping[str, bytes], name: str) -> int | None:
    raw = texts.get(name)
    if raw is None:
        return None
    if not (raw.isdigit() and len(raw) <= 19 and int(raw) <= _MAX_INTEGER):
        raise WireError("header", f"header {name} is {raw[:40]!r}, not a whole number")
    return int(raw)


def _counts(raw: bytes | None) -> Mapping[str, int]:
    if raw is None:
        return {}
    try:
        return _decode_counts(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("header", f"header evh-counts: {error}") from None
