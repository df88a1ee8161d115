"""Many messages of events as one batch: numpy's price per call is paid once for all of them.

Only what is alike is read together. Where anything is unusual the answer is None, and
``columns.decode_events`` says message by message what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from governance.errors import WireError
from governance.event import MISSING_CODE, Column, EventBatch
from governance.wire.columns import (
    Rows,
    Version,
    WireColumn,
    array_of,
    check_codes,
    plain_column,
    read_with,
    require_columns,
)
from governance.wire.table import CODES, DTYPES, event_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from governance.wire.table import ColumnRule

_REMEMBERED_BYTES = 4_096  # longer dictionaries differ from message to message anyway


@dataclass(frozen=True, slots=True)
class Together:
    """The events of several messages in their order.

    ``sizes`` tells how many are of each message; ``unknown`` names the columns that this build
    does not know, the same in every message.
    """

    batch: EventBatch
    sizes: tuple[int, ...]
    unknown: tuple[str, ...]


class _RawColumn(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    dtype: str
    raw: memoryview
    dictionary: msgspec.Raw = msgspec.Raw()


class _Events(msgspec.Struct, gc=False):
    v: Version
    n: Rows
    cols: dict[str, _RawColumn]
    sums: dict[str, msgspec.Raw] = {}


_decode_events = msgspec.msgpack.Decoder(_Events).decode
_decode_dictionary = msgspec.msgpack.Decoder(list[str]).decode


def decode_together(messages: Sequence[bytes]) -> Together | None:
    """Read messages of events as one batch; dictionaries are put in order of first appearance.

    None where they differ in version or columns, carry sums, or one of them has no events or is
    not as ``governance.wire.columns`` describes.
    """
    try:
        read = [_decode_events(message) for message in messages]
        return _joined(read) if read and _alike(read) else None
    except (WireError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _alike(read: list[_Events]) -> bool:
    first = read[0]
    return all(
        each.v == first.v and each.n and not each.sums and each.cols.keys() == first.cols.keys()
        for each in read
    )


def _joined(read: list[_Events]) -> Together:
    sizes = [each.n for each in read]
    columns: dict[str, Column] = {}
    unknown: list[str] = []
    for name in read[0].cols:
        rule = event_rule(name)
        if rule is None:
            unknown.append(name)
        else:
            columns[name] = _column(name, [each.cols[name] for each in read], sizes, rule)
    require_columns(columns, ("event_id", "time"))
    return Together(EventBatch(read[0].v, sum(sizes), columns), tuple(sizes), tuple(unknown))


def _column(name: str, parts: list[_RawColumn], sizes: list[int], rule: ColumnRule) -> Column:
    written, n = parts[0].dtype, sum(sizes)
    texts = [bytes(part.dictionary) for part in parts]
    dtype = (CODES if any(texts) else DTYPES).get(written, "")
    if not dtype or any(part.dtype != written for part in parts) or any(texts) != all(texts):
        raise WireError("dtype", f"column {name!r} differs from message to message")
    width = np.dtype(dtype).itemsize
    if any(len(part.raw) != size * width for part, size in zip(parts, sizes, strict=True)):
        raise WireError("length", f"column {name!r} has not as many values as there are rows")
    raw = memoryview(b"".join([part.raw for part in parts]))
    if not texts[0]:
        return plain_column(name, WireColumn(written, raw), n, rule)
    if not rule.text:
        raise WireError("dtype", f"column {name!r} has a dictionary but is not text")
    codes = array_of(name, raw, dtype, n).astype(np.int32)
    if texts.count(texts[0]) == len(texts):
        dictionary = _dictionary(texts[0])
        check_codes(name, codes, dictionary)
        return Column(codes, dictionary)
    return _recoded(name, codes, sizes, texts)


def _recoded(name: str, codes: NDArray[np.int32], sizes: list[int], texts: list[bytes]) -> Column:
    """Codes of many messages in one dictionary."""
    index: dict[str, int] = {}
    tables = {
        text: [MISSING_CODE, *[index.setdefault(entry, len(index)) for entry in _dictionary(text)]]
        for text in dict.fromkeys(texts)
    }
    codes += 1
    starts, entries = [0, *accumulate(sizes[:-1])], [len(tables[text]) - 1 for text in texts]
    if (np.maximum.reduceat(codes.view(np.uint32), starts) > entries).any():
        raise WireError("dictionary", f"a code of column {name!r} is outside its dictionary")
    places = dict(zip(tables, accumulate(map(len, tables.values()), initial=0), strict=False))
    codes += np.repeat(np.array([places[text] for text in texts], dtype=np.int32), sizes)
    table = np.array([code for part in tables.values() for code in part], dtype=np.int32)
    return Column(table.take(codes), tuple(index))


def _dictionary(text: bytes) -> tuple[str, ...]:
    return _remembered(text) if len(text) <= _REMEMBERED_BYTES else _read_dictionary(text)


def _read_dictionary(text: bytes) -> tuple[str, ...]:
    entries = tuple(read_with(_decode_dictionary, text, "dictionary"))
    if len(set(entries)) != len(entries):
        raise WireError("dictionary", "a dictionary has an entry twice")
    return entries


_remembered = lru_cache(maxsize=1_024)(_read_dictionary)
