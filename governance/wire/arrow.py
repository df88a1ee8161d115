"""Events and labels as Arrow IPC streams, with the names and rules of ``governance.wire.json``.

Beyond JSON's rules: null and NaN are missing, a timestamp column says instants (without a zone:
UTC), 16 bytes of fixed size are an ``event_id``, and dictionary-coded text is text. Other types,
and compressed buffers (they may claim any size: gzip the request instead), are refused by name.
The one home of pyarrow on the wire; the base install does not have it.

Source: Apache Arrow, "Columnar format", IPC streaming format and its flatbuffers Message.fbs.
"""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from governance.errors import WireError
from governance.wire.json import event_batch, label_batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from governance.event import EventBatch, LabelBatch

ARROW_TYPE = "application/vnd.apache.arrow.stream"
MAX_ROWS = 65_536  # of one message, or of one request at the door
MAX_COLUMNS = 1_000
MAX_TEXT_BYTES = 32 * 1024 * 1024  # of all text, spread: a dictionary may repeat one long entry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2  # MessageHeader, Message.fbs

Row = dict[str, Any]


def decode_events(message: bytes, default_time_us: int) -> tuple[EventBatch, tuple[str, ...]]:
    """Read a stream of events that share one version; returns and raises as ``read_rows``.

    Cost: about 2 µs a value.
    """
    return event_batch(_of_bus(message), default_time_us)


def decode_labels(message: bytes, default_time_us: int) -> tuple[LabelBatch, tuple[str, ...]]:
    """Read a stream of labels; returns and raises as ``decode_events``."""
    return label_batch(_of_bus(message), default_time_us)


def read_rows(message: bytes) -> list[Row]:
    """The rows of an Arrow IPC stream.

    Raises
    ------
    WireError
        ``content_type`` without pyarrow, ``malformed``, ``dtype`` (a column of a type that means
        nothing here, or compressed), ``rows``, ``bounds`` (too many columns, too much text).
    """
    pa = _pyarrow()
    try:
        return _rows(pa, message)
    except (pa.ArrowException, ValueError, OSError, MemoryError, OverflowError) as error:
        raise WireError("malformed", f"not an Arrow IPC stream: {str(error)[:200]}") from None


def _pyarrow() -> Any:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and only messages of this kind need it
    except ModuleNotFoundError:
        raise WireError(
            "content_type", f"{ARROW_TYPE} needs pyarrow: pip install 'evenhand[arrow]'"
        ) from None
    return pa


def _of_bus(message: bytes) -> list[Row]:
    rows = read_rows(message)
    if any("id" in row for row in rows[:1]):
        raise WireError("event_id", "raw ids go to the door only, which keys them: send event_id")
    return rows


def _rows(pa: Any, message: bytes) -> list[Row]:
    _refuse_compressed(pa, message)
    with pa.ipc.open_stream(pa.BufferReader(message)) as stream:
        names = stream.schema.names
        _check_schema(pa, stream.schema)
        rows: list[Row] = []
        text_bytes = 0
        for batch in stream:
            if len(rows) + batch.num_rows > MAX_ROWS:
                raise WireError("rows", f"more than {MAX_ROWS} rows: send several")
            batch.validate(full=True)
            text_bytes += sum(_text_bytes(pa, column) for column in batch.columns)
            if text_bytes > MAX_TEXT_BYTES:
                raise WireError("bounds", f"more than {MAX_TEXT_BYTES} bytes of text")
            columns = [_values(pa, column) for column in batch.columns]
            rows += [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    return rows


def _check_schema(pa: Any, schema: Any) -> None:
    if len(schema) > MAX_COLUMNS:
        raise WireError("bounds", f"{len(schema)} columns: one message has at most {MAX_COLUMNS}")
    if len(set(schema.names)) != len(schema):
        raise WireError("malformed", "two columns have one name")
    for field in schema:
        if not _is_known(pa, field.type):
            raise WireError(
                "dtype",
                f"column {field.name!r:.80} is {field.type!s:.80}: numbers, text, true/false,"
                " timestamps and 16 bytes have a meaning",
            )


def _is_known(pa: Any, kind: Any) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return bool(types.is_string(kind.value_type) or types.is_large_string(kind.value_type))
    plain = (types.is_string, types.is_large_string, types.is_boolean, types.is_integer)
    numbers = (types.is_floating, types.is_timestamp, types.is_null)
    sixteen = types.is_fixed_size_binary(kind) and kind.byte_width == 16
    return sixteen or any(is_kind(kind) for is_kind in (*plain, *numbers))


def _text_bytes(pa: Any, column: Any) -> int:
    """Bytes of a column's text, each row's counted."""
    if pa.types.is_dictionary(column.type):
        lengths = [len(entry or "") for entry in column.dictionary.to_pylist()]
        return sum(lengths[code] for code in column.indices.to_pylist() if code is not None)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return int(column.nbytes)
    return 0


def _values(pa: Any, column: Any) -> list[Any]:
    """A column as JSON would have it."""
    if pa.types.is_dictionary(column.type):
        entries = column.dictionary.to_pylist()  # each entry is one object, however often it is
        return [None if code is None else entries[code] for code in column.indices.to_pylist()]
    if pa.types.is_timestamp(column.type):
        zone = column.type.tz and "UTC"
        micros = column.cast(pa.timestamp("us", tz=zone), safe=False).cast(pa.int64()).to_pylist()
        return [None if value is None else _instant(value) for value in micros]
    values: list[Any] = column.to_pylist()
    if pa.types.is_floating(column.type):
        return [None if value is None or math.isnan(value) else value for value in values]
    if pa.types.is_fixed_size_binary(column.type):
        return [None if value is None else value.hex() for value in values]
    return values


def _instant(instant_us: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=instant_us)).isoformat()
    except OverflowError:
        raise WireError("time", f"a timestamp of {instant_us} µs is outside 1970 to 9999") from None


def _refuse_compressed(pa: Any, message: bytes) -> None:
    """Before anything is inflated: a buffer says itself how much memory it wants."""
    for metadata in _metadata(pa, message):
        if _is_compressed(metadata):
            raise WireError(
                "dtype", "buffers are compressed: write them plain, and gzip the whole request"
            )


def _metadata(pa: Any, message: bytes) -> Iterator[bytes]:
    reader = pa.ipc.MessageReader.open_stream(pa.BufferReader(message))
    while True:
        try:
            yield reader.read_next_message().metadata.to_pybytes()
        except StopIteration:
            return


def _is_compressed(metadata: bytes) -> bool:
    """Whether a Message holds a RecordBatch with ``compression``; raises ValueError if broken."""
    try:
        message = _u32(metadata, 0)
        kind_at, header_at = _field(metadata, message, 1), _field(metadata, message, 2)
        if not kind_at or not header_at:
            return False
        kind, batch = metadata[kind_at], header_at + _u32(metadata, header_at)
        if kind == _DICTIONARY_BATCH:
            at = _field(metadata, batch, 1)
            batch = at + _u32(metadata, at) if at else 0
        elif kind != _RECORD_BATCH:
            return False
        return bool(batch) and _field(metadata, batch, 3) > 0
    except (struct.error, IndexError):
        raise ValueError("its metadata is broken") from None


def _field(raw: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffers table is; 0 where the table does not have it."""
    vtable = table - struct.unpack_from("<i", raw, table)[0]
    (size,) = struct.unpack_from("<H", raw, vtable)
    entry = 4 + 2 * number
    offset = struct.unpack_from("<H", raw, vtable + entry)[0] if entry < size else 0
    return table + offset if offset else 0


def _u32(raw: bytes, at: int) -> int:
    value: int = struct.unpack_from("<I", raw, at)[0]
    return value
