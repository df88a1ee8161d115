"""CSV: a header, then rows; commas, quotes as in RFC 4180, UTF-8 with or without a mark.

A row with more or fewer cells than the header is left out and counted (``ragged``); an empty line
is nothing. Cost: about 0.3 µs a cell.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO

from collectors.rows.table import ROWS_PER_TABLE, LeftOut, Table, unique_names
from governance.errors import ConfigError
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_LARGEST_CELL = 16 * 1024 * 1024


class CsvRows:
    """A CSV file that was opened; raises ConfigError if it has no usable header."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        csv.field_size_limit(_LARGEST_CELL)
        self.left_out = LeftOut()
        self._path = path
        self._size = max(1, path.stat().st_size)
        self._raw = raw
        self._text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        self._reader = csv.reader(self._text, strict=True)
        self.names = self._header()

    def tables(self, rows: int = ROWS_PER_TABLE) -> Iterator[Table]:
        """See ``RowFile``."""
        first = 0
        while kept := self._rows(rows):
            yield Table(len(kept), first, dict(zip(self.names, _columns(kept), strict=True)))
            first += len(kept)

    def progress(self) -> float:
        """See ``RowFile``."""
        return min(1.0, self._raw.tell() / self._size)

    def _header(self) -> tuple[str, ...]:
        header = next((row for row in self._lines() if row), None)
        if header is None:
            raise ConfigError(f"{self._path}: is empty: its first line must name the columns")
        if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
            raise ConfigError(
                f"{self._path}: its first line has one column, {header[0][:60]!r}: separate "
                "columns by commas"
            )
        return unique_names(self._path, header)

    def _rows(self, wanted: int) -> list[list[str]]:
        kept: list[list[str]] = []
        width = len(self.names)
        for row in self._lines():
            if len(row) == width:
                kept.append(row)
                if len(kept) == wanted:
                    break
            elif row:
                line = self._reader.line_num
                self.left_out.add("ragged", f"line {line} has {len(row)} cells, not {width}")
        return kept

    def _lines(self) -> Iterator[list[str]]:
        try:
            yield from self._reader
        except UnicodeDecodeError as error:
            raise self._damaged(f"is not UTF-8 ({error.reason}): save it as UTF-8") from None
        except csv.Error as error:
            raise self._damaged(f"is not CSV: {error}") from None

    def _damaged(self, words: str) -> ConfigError:
        return ConfigError(f"{self._path}: line {self._reader.line_num + 1}: {words}")


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[Column]:
    for cells in zip(*rows, strict=True):
        yield Column.encode([cell or None for cell in cells])
