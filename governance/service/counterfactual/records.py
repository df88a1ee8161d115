"""Files that a person writes as rows of text: CSV, TSV, JSONL. One wrong row stops the reading."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = frozenset({".jsonl", ".ndjson"})


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its cells by column, and the place in the file for messages."""

    cells: dict[str, str]
    place: str  # FILE: line N


@dataclass(frozen=True, slots=True)
class Records:
    """The rows of a file, in order, and its columns."""

    columns: tuple[str, ...]
    rows: tuple[Record, ...]


def read_records(path: Path) -> Records:
    """Read a file by its ending.

    Raises
    ------
    ConfigError
        If it cannot be read, is of another kind, is empty, or a row does not fit its header.
    """
    text = _text(path)
    suffix = path.suffix.lower()
    if suffix in _JSON_LINES:
        rows = tuple(_json_rows(path, text))
        columns = tuple(dict.fromkeys(name for row in rows for name in row.cells))
    elif suffix in _DELIMITERS:
        columns, rows = _table(path, text, _DELIMITERS[suffix])
    else:
        raise ConfigError(f"{path}: is none of .csv, .tsv, .jsonl")
    if not rows:
        raise ConfigError(f"{path}: holds no row")
    return Records(columns, rows)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 ({error.reason}): save it as UTF-8") from None


def _table(path: Path, text: str, delimiter: str) -> tuple[tuple[str, ...], tuple[Record, ...]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = tuple(next(reader, ()))
        rows = tuple(_cells(path, columns, row, reader.line_num) for row in reader if row)
    except csv.Error as error:
        raise ConfigError(f"{path}: line {reader.line_num}: {error}") from None
    return columns, rows


def _cells(path: Path, columns: tuple[str, ...], row: list[str], line: int) -> Record:
    place = f"{path}: line {line}"
    if len(row) != len(columns):
        raise ConfigError(
            f"{place}: has {len(row)} cells, the header {len(columns)}: put text that holds the "
            'separator into "quotes"'
        )
    return Record(dict(zip(columns, row, strict=True)), place)


def _json_rows(path: Path, text: str) -> Iterator[Record]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            place = f"{path}: line {number}"
            yield Record(_strings(_json_object(line, place), place), place)


def _json_object(line: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{place}: is no JSON: {error}") from None
    if isinstance(value, dict):
        return value
    raise ConfigError(f"{place}: is a JSON {type(value).__name__}, not an object")


def _strings(value: dict[str, Any], place: str) -> dict[str, str]:
    for name, cell in value.items():
        if not isinstance(cell, str) or not _is_unicode(name + cell):
            raise ConfigError(f"{place}: {name!a} is no text")
    return value


def _is_unicode(text: str) -> bool:
    """JSON can write half a character (a lone surrogate), which nothing else can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
