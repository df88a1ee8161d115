"""JSON rows of a request body: one object, an array of them, or one a line; and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from collectors.body import inflated, json_body
from governance.algebra.canonical import canonical_text
from governance.errors import CaptureError, PermanentError, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_ROWS = 65_536  # of one request
MAX_ERRORS = 100  # that are told of one request

Row = dict[str, Any]
Read = TypeVar("Read")
_ANY_ID = "0" * 32


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one row: ``index`` from 0, and the key; empty for the whole row."""

    index: int
    field: str
    message: str


class InvalidRows(PermanentError):
    """Rows that cannot be read; ``errors`` tells at most ``MAX_ERRORS``, ``wrong`` counts rows."""

    def __init__(self, errors: Sequence[RowError], rows: int) -> None:
        self.errors = tuple(errors[:MAX_ERRORS])
        self.wrong = len({error.index for error in errors})
        self.rows = rows
        super().__init__(
            "rows", f"{self.wrong} of {rows} rows cannot be read, so none of them was taken"
        )


def parse_rows(body: bytes, headers: Mapping[str, str]) -> list[Row]:
    """The objects of a body: one, an array of them, or one a line.

    Raises
    ------
    CaptureError
        If the body is no JSON at all (``not_json``, ``no_body``, ``content_encoding``), or has
        more than ``MAX_ROWS`` rows (``rows``).
    InvalidRows
        If single lines or entries are no objects.
    """
    if not body:
        raise CaptureError("no_body", "the body is empty")
    text = inflated(body, headers.get("content-encoding", ""))
    kind = headers.get("content-type", "")
    if "ndjson" in kind or "jsonl" in kind:
        return as_rows(_lines(text))
    try:
        value = json_body(text, {})
    except CaptureError:
        if b"\n" not in text.strip():
            raise
        return as_rows(_lines(text))
    return as_rows(value if isinstance(value, list) else [value])


def as_rows(values: Sequence[Any]) -> list[Row]:
    """Values that are 1 to ``MAX_ROWS`` objects; raises as ``parse_rows``."""
    if not 0 < len(values) <= MAX_ROWS:
        raise CaptureError("rows", f"{len(values)} rows: one request takes 1 to {MAX_ROWS}")
    wrong = [
        RowError(i, "", f"the entry is a {type(value).__name__}, not an object")
        for i, value in enumerate(values)
        if not isinstance(value, dict)
    ]
    if wrong:
        raise InvalidRows(wrong, len(values))
    return list(values)


def checked(
    rows: Sequence[Row], read: Callable[[Sequence[Row]], Read], needed: Mapping[str, Any]
) -> list[tuple[str, Read]]:
    """What ``read`` makes of the rows, by version; ``needed`` are keys that it insists on.

    Raises
    ------
    InvalidRows
        With every wrong row and key.
    """
    try:
        return [(version, read(part)) for version, part in by_version(rows)]
    except WireError as error:
        found = _all_errors(rows, read, needed)
        raise InvalidRows(found or [RowError(0, "", str(error))], len(rows)) from None


def by_version(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Rows by what they say of their version, in order of first appearance."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(canonical_text(row.get("version")), []).append(row)
    yield from parts.items()


def _all_errors(
    rows: Sequence[Row], read: Callable[[Sequence[Row]], Read], needed: Mapping[str, Any]
) -> list[RowError]:
    errors: list[RowError] = []
    for index, row in enumerate(rows):
        try:
            read([row])
        except WireError as whole:
            told = len(errors) >= MAX_ERRORS
            fields = {} if told else _wrong_fields(row, read, needed)
            errors += [RowError(index, *item) for item in (fields or {"": str(whole)}).items()]
    return errors


def _wrong_fields(
    row: Row, read: Callable[[Sequence[Row]], Read], needed: Mapping[str, Any]
) -> dict[str, str]:
    """The keys of a row that are wrong by themselves, and why."""
    wrong = {}
    for field, value in row.items():
        try:
            read([{"event_id": _ANY_ID, **needed, field: value}])
        except WireError as error:
            wrong[field] = str(error)
    return wrong


def _lines(text: bytes) -> list[Any]:
    values, wrong, lines = [], [], [line for line in text.split(b"\n") if line.strip()]
    for i, line in enumerate(lines):
        try:
            values.append(msgspec.json.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            wrong.append(RowError(i, "", f"the line is not JSON: {error}"))
    if wrong:
        raise InvalidRows(wrong, len(lines))
    return values
