"""Batches as bytes: a msgpack map of raw little-endian columns.

::

    events  {v: version, n: rows, cols: {name: column}, sums: {name: sum}, at: instant of the sums}
    labels  {n: rows, cols: {name: column}}
    column  [dtype, bytes]  or, for text,  [dtype of the codes, bytes, [entry, ...]]
    sum     [dtype, shape, n, bytes]  or, of a sample,  [dtype, shape, n, bytes, weight]

Names, dtypes and the meaning of missing are those of ``governance.event``. Codes travel in the
narrowest of i1, <i2, <i4 and are int32 once decoded; short dictionaries are written in order.
Decoding is strict: what it returns can be indexed, counted and formatted without another check.
Decoded arrays are read-only, and views of the message where nothing had to be widened.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from governance.algebra.sums import MAX_WEIGHT
from governance.errors import WireError
from governance.event import MISSING_CODE, BatchSum, Column, EventBatch, LabelBatch
from governance.wire.table import (
    CODES,
    DTYPES,
    LAST_INSTANT_US,
    ColumnRule,
    event_rule,
    is_sum,
    label_rule,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

MAX_ROWS = 65_536  # far above the 500 of our own producers; 16 bytes of id a row fill a record
MAX_VERSION_LENGTH = 256
_SORTED_ENTRIES = 256  # of a dictionary; longer ones differ from message to message anyway
VERSION_PATTERN = r"\A[^\x00-\x1f\x7f]*\Z"  # a key in the database, where NUL cannot be text

_PARSED = {dtype: np.dtype(dtype) for dtype in DTYPES.values()}

Rows = Annotated[int, Meta(ge=0, le=MAX_ROWS)]
Version = Annotated[str, Meta(max_length=MAX_VERSION_LENGTH, pattern=VERSION_PATTERN)]


class _Events(msgspec.Struct):
    v: Version
    n: Rows
    cols: dict[str, msgspec.Raw]
    sums: dict[str, msgspec.Raw] = {}
    at: Annotated[int, Meta(ge=0, le=LAST_INSTANT_US)] | None = None


class _Labels(msgspec.Struct):
    n: Rows
    cols: dict[str, msgspec.Raw]


class WireColumn(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A column as it is written."""

    dtype: str
    raw: memoryview
    dictionary: list[str] | None = None


class _Sum(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    dtype: str
    shape: list[Annotated[int, Meta(ge=1)]]
    n: Annotated[int, Meta(ge=1, le=2**53)]
    raw: memoryview
    weight: Annotated[float, Meta(ge=1, le=MAX_WEIGHT)] = 1.0


_encode = msgspec.msgpack.Encoder().encode
_decode_events = msgspec.msgpack.Decoder(_Events).decode
_decode_labels = msgspec.msgpack.Decoder(_Labels).decode
_decode_column = msgspec.msgpack.Decoder(WireColumn).decode
_decode_sum = msgspec.msgpack.Decoder(_Sum).decode


def encode_events(batch: EventBatch) -> bytes:
    """Write a batch of events.

    Raises
    ------
    WireError
        If a column or sum is not in the table, or has another dtype (``column``, ``dtype``), or
        there are vectors: only their sums travel (``column``).
    """
    if batch.vectors:
        names = ", ".join(sorted(batch.vectors))
        raise WireError("column", f"vectors ({names}) do not travel: send their Fourier sums")
    message: dict[str, Any] = {
        "v": batch.version,
        "n": batch.n,
        "cols": _written(batch.columns, event_rule),
    }
    if batch.sums:
        message["sums"] = {name: _written_sum(name, total) for name, total in batch.sums.items()}
    if batch.sums_at_us is not None:
        message["at"] = batch.sums_at_us
    return _encode(message)


def encode_labels(batch: LabelBatch) -> bytes:
    """Write a batch of labels; raises as ``encode_events`` does."""
    return _encode({"n": batch.n, "cols": _written(batch.columns, label_rule)})


def decode_events(message: bytes) -> tuple[EventBatch, tuple[str, ...]]:
    """Read a batch of events.

    Returns
    -------
    tuple
        The batch, and the names of columns and sums that this build does not know and ignored.

    Raises
    ------
    WireError
        If the message is not as described above; ``reason`` is one of ``malformed``, ``rows``,
        ``dtype``, ``length``, ``bounds``, ``dictionary``, ``missing_column``.
    """
    read: _Events = read_with(_decode_events, message, "events")
    columns, unknown = _columns(read.cols, read.n, event_rule)
    if read.n:
        require_columns(columns, ("event_id", "time"))
    sums: dict[str, BatchSum] = {}
    for name, raw in read.sums.items():
        if is_sum(name):
            sums[name] = _sum(name, read_with(_decode_sum, raw, name))
        else:
            unknown.append(name)
    return EventBatch(read.v, read.n, columns, sums, sums_at_us=read.at), tuple(unknown)


def decode_labels(message: bytes) -> tuple[LabelBatch, tuple[str, ...]]:
    """Read a batch of labels; returns and raises as ``decode_events`` does."""
    read: _Labels = read_with(_decode_labels, message, "labels")
    columns, unknown = _columns(read.cols, read.n, label_rule)
    if read.n:
        require_columns(columns, ("event_id",))
        if "favourable" not in columns:
            require_columns(columns, ("label",))
    return LabelBatch(read.n, columns), tuple(unknown)


def _written(
    columns: Mapping[str, Column], rule_of: Callable[[str], ColumnRule | None]
) -> dict[str, Any]:
    return {name: _written_column(name, column, rule_of(name)) for name, column in columns.items()}


def _written_column(name: str, column: Column, rule: ColumnRule | None) -> list[Any]:
    if rule is None:
        raise WireError("column", f"column {name!r} is not in the table of the wire")
    if column.dictionary is not None and rule.text:
        return _written_text(name, column.values, column.dictionary)
    values = column.values
    if rule.dtype is None or column.dictionary is not None:
        wanted = "text with a dictionary" if rule.text else rule.dtype
        raise WireError("dtype", f"column {name!r} must be {wanted}, not {values.dtype.str}")
    if values.dtype.str != rule.dtype:
        if not np.can_cast(values.dtype, rule.dtype, "safe"):
            raise WireError("dtype", f"column {name!r} is {values.dtype.str}, not {rule.dtype}")
        values = values.astype(rule.dtype)
    return [rule.dtype.lstrip("|"), values.tobytes()]


def _written_text(name: str, codes: NDArray[Any], dictionary: tuple[str, ...]) -> list[Any]:
    if codes.dtype.kind != "i":
        raise WireError("dtype", f"codes of column {name!r} are {codes.dtype.str}, not integers")
    size = len(dictionary)
    if size <= _SORTED_ENTRIES:
        codes, dictionary = _in_order(codes, dictionary)
    dtype = "i1" if size <= 2**7 else "<i2" if size <= 2**15 else "<i4"
    return [dtype, codes.astype(dtype).tobytes(), [_utf8(entry) for entry in dictionary]]


def _in_order(
    codes: NDArray[Any], dictionary: tuple[str, ...]
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The same column with its entries in order: so messages have one dictionary, not many."""
    order = sorted(range(len(dictionary)), key=dictionary.__getitem__)
    if order == [*range(len(order))]:
        return codes, dictionary
    table = np.full(len(order) + 1, MISSING_CODE, dtype=np.int32)  # code -1 reads the last one
    table[order] = np.arange(len(order))
    return table.take(codes), tuple(dictionary[place] for place in order)


def _utf8(entry: str) -> str:
    # A lone surrogate can be read from JSON but has no UTF-8; msgpack text must be UTF-8.
    return entry if entry.isascii() else entry.encode("utf-8", "replace").decode()


def _written_sum(name: str, total: BatchSum) -> list[Any]:
    if not is_sum(name):
        raise WireError("column", f"sum {name!r} is not in the table of the wire")
    values = total.values.astype("<i8", casting="safe")
    written = ["<i8", list(values.shape), total.n, values.tobytes()]
    return written if total.weight == 1 else [*written, float(total.weight)]


def read_with(decode: Callable[[Any], Any], message: bytes | msgspec.Raw, what: str) -> Any:
    """What a decoder reads; raises WireError where it cannot."""
    try:
        return decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = "rows" if str(error).endswith("`$.n`") else "malformed"
        raise WireError(reason, f"{what}: {error}") from None


def _columns(
    raws: Mapping[str, msgspec.Raw], n: int, rule_of: Callable[[str], ColumnRule | None]
) -> tuple[dict[str, Column], list[str]]:
    columns: dict[str, Column] = {}
    unknown: list[str] = []
    for name, raw in raws.items():
        rule = rule_of(name)
        if rule is None:
            unknown.append(name)
            continue
        column: WireColumn = read_with(_decode_column, raw, name)
        text = rule.text and column.dictionary is not None
        columns[name] = _text(name, column, n) if text else plain_column(name, column, n, rule)
    return columns, unknown


def plain_column(name: str, column: WireColumn, n: int, rule: ColumnRule) -> Column:
    """A column that is not text; raises WireError if it is not as its rule says."""
    if DTYPES.get(column.dtype) != rule.dtype or rule.dtype is None:
        wanted = rule.dtype or "text with a dictionary"
        raise WireError("dtype", f"column {name!r} is {column.dtype!r}, not {wanted}")
    if column.dictionary is not None:
        raise WireError("dtype", f"column {name!r} has a dictionary but is not text")
    values = array_of(name, column.raw, rule.dtype, n)
    rule.check(name, values)
    return Column(values)


def _text(name: str, column: WireColumn, n: int) -> Column:
    dtype = CODES.get(column.dtype)
    if dtype is None:
        raise WireError("dtype", f"codes of column {name!r} are {column.dtype!r}, not i1, <i2, <i4")
    codes = array_of(name, column.raw, dtype, n).astype(np.int32)
    dictionary = tuple(column.dictionary or ())
    check_codes(name, codes, dictionary)
    if len(set(dictionary)) != len(dictionary):
        raise WireError("dictionary", f"the dictionary of column {name!r} has an entry twice")
    return Column(codes, dictionary)


def check_codes(name: str, codes: NDArray[np.int32], dictionary: tuple[str, ...]) -> None:
    """Raise WireError (``dictionary``) if a code has no entry."""
    # One look for both ends: as unsigned, code -1 becomes 0 and what is below becomes huge.
    if codes.size and np.maximum.reduce((codes + 1).view(np.uint32)) > len(dictionary):
        raise WireError(
            "dictionary", f"a code of column {name!r} is outside its {len(dictionary)} entries"
        )


def array_of(name: str, raw: memoryview, dtype: str, n: int) -> NDArray[Any]:
    """The values behind bytes; raises WireError (``length``) if they are not ``n``."""
    parsed = _PARSED[dtype]
    if len(raw) != n * parsed.itemsize:
        raise WireError(
            "length", f"column {name!r} has {len(raw)} bytes, not {n} rows of {parsed.itemsize}"
        )
    return np.frombuffer(raw, parsed)


def _sum(name: str, total: _Sum) -> BatchSum:
    if total.dtype != "<i8":
        raise WireError("dtype", f"sum {name!r} is {total.dtype!r}, not <i8")
    if len(total.shape) > 8 or prod(total.shape) * 8 != len(total.raw):
        raise WireError(
            "length", f"sum {name!r} has {len(total.raw)} bytes, not shape {total.shape} of <i8"
        )
    values = np.frombuffer(total.raw, dtype="<i8").reshape(total.shape)
    return BatchSum(values, total.n, total.weight)


def require_columns(columns: Mapping[str, Column], names: tuple[str, ...]) -> None:
    """Raise WireError (``missing_column``) where one of them is absent."""
    for name in names:
        if name not in columns:
            raise WireError("missing_column", f"the message has rows but no column {name!r}")
