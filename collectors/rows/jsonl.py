"""JSONL: one JSON object a line; its top-level keys are the columns.

The columns are the keys of the first table. A line that is no object is left out and counted
(``malformed``); a key that comes up later is ignored. Numbers, text, booleans and null as in
``collectors.arrays``; a NaN token, which JSON does not have but programs write, is not finite.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from collectors.arrays import flat_array
from collectors.rows.table import ROWS_PER_TABLE, LeftOut, Table
from governance.errors import ConfigError
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_LONGEST_LINE = 16 * 1024 * 1024


class JsonlRows:
    """A JSONL file that was opened; raises ConfigError if it has no object."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self.left_out = LeftOut()
        self._size = max(1, path.stat().st_size)
        self._raw = raw
        self._objects = self._parsed()
        self._ahead = list(islice(self._objects, ROWS_PER_TABLE))
        self.names = tuple(dict.fromkeys(key for row in self._ahead for key in row))
        if not self._ahead:
            raise ConfigError(f"{path}: holds no JSON object: write one a line")

    def tables(self, rows: int = ROWS_PER_TABLE) -> Iterator[Table]:
        """See ``RowFile``."""
        first = 0
        while kept := self._next(rows):
            columns = {name: _column([row.get(name) for row in kept]) for name in self.names}
            yield Table(len(kept), first, columns)
            first += len(kept)

    def progress(self) -> float:
        """See ``RowFile``."""
        return min(1.0, self._raw.tell() / self._size)

    def _next(self, rows: int) -> list[dict[str, Any]]:
        kept = self._ahead[:rows]
        self._ahead = self._ahead[rows:]
        return kept + list(islice(self._objects, rows - len(kept)))

    def _parsed(self) -> Iterator[dict[str, Any]]:
        number = 0
        while line := self._raw.readline(_LONGEST_LINE):
            number += 1
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not text.strip():
                continue
            row, words = _object(text)
            if row is None:
                self.left_out.add("malformed", f"line {number} {words}")
            else:
                yield row


def _object(text: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, f"is no JSON ({error})"
    if isinstance(row, dict):
        return row, ""
    return None, f"is a JSON {type(row).__name__}, not an object"


def _column(values: list[Any]) -> Column | NDArray[Any]:
    if all(isinstance(value, str | None) for value in values):
        return Column.encode([value or None for value in values])
    return flat_array(values)
