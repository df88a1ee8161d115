"""Audit chains as JSONL: a line that says where a chain begins and ends, then a line a row.

The file can be checked without the database, by ``evenhand audit verify FILE`` or by anybody who
can compute SHA-256: a row's hash is that of the JSON list [previous, sequence, at, kind, body],
without spaces and in ASCII, where ``at`` is in microseconds since 1970 and ``body`` a text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from governance.audit import AuditEntry, AuditRow, Link
from governance.errors import ConfigError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

TYPE = "io.evenhand.audit.v1"


@dataclass(frozen=True, slots=True)
class ExportedChain:
    """One namespace's chain in a file; ``rows`` are read as they are asked for."""

    namespace: str
    anchor: Link
    head: Link
    rows: Iterator[AuditRow]


def first_line(namespace: str, anchor: Link, head: Link) -> str:
    """The line before a chain's rows."""
    fields = {"type": TYPE, "namespace": namespace, "anchor": _link(anchor), "head": _link(head)}
    return json.dumps(fields, separators=(",", ":"))


def row_line(row: AuditRow) -> str:
    """A row as a line."""
    fields = {
        "namespace": row.entry.namespace,
        "sequence": row.sequence,
        "at": row.entry.at_us,
        "kind": row.entry.kind,
        "body": row.entry.body,
        "previous": row.previous,
        "hash": row.hash,
    }
    return json.dumps(fields, separators=(",", ":"))


def read_export(path: Path) -> Iterator[ExportedChain]:
    """The chains of a file, one after another; each must be read before the next is asked for.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    PermanentError
        If a line is neither a chain's first nor a row.
    """
    try:
        with path.open(encoding="utf-8") as file:
            lines = _Lines(path, file)
            while (first := lines.first) is not None:
                lines.first = None
                namespace, anchor, head = first
                rows = lines.rows(namespace)
                yield ExportedChain(namespace, anchor, head, rows)
                for _ in rows:  # what was left unread behind a break
                    pass
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"audit export {path} cannot be read: {error}") from None


class _Lines:
    """Reads on from row to row until a chain's first line comes."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path = path
        self._numbered = enumerate(file, start=1)
        self._number = 0
        self.first: tuple[str, Link, Link] | None = None
        if any(True for _ in self.rows("")):
            raise self._problem("begins with a row: its first line is missing")

    def rows(self, namespace: str) -> Iterator[AuditRow]:
        for number, line in self._numbered:
            self._number = number
            fields = self._fields(line)
            if "type" in fields:
                self.first = self._first(fields)
                return
            yield self._row(namespace, fields)

    def _fields(self, line: str) -> dict[str, Any]:
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._problem(f"is no JSON: {error}") from None
        if not isinstance(fields, dict):
            raise self._problem("is no JSON object")
        return fields

    def _first(self, fields: dict[str, Any]) -> tuple[str, Link, Link]:
        try:
            if fields["type"] != TYPE:
                raise self._problem(f"has the type {fields['type']!r}, this reads {TYPE}")
            return fields["namespace"], _read_link(fields["anchor"]), _read_link(fields["head"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._problem(f"is no first line: {error!r}") from None

    def _row(self, namespace: str, fields: dict[str, Any]) -> AuditRow:
        try:
            texts = [str(fields[name]) for name in ("namespace", "kind", "body")]
            entry = AuditEntry(texts[0], int(fields["at"]), texts[1], texts[2])
            previous, hash_ = str(fields["previous"]), str(fields["hash"])
            row = AuditRow(int(fields["sequence"]), entry, previous, hash_)
        except (KeyError, TypeError, ValueError) as error:
            raise self._problem(f"is no row: {error!r}") from None
        if namespace and entry.namespace != namespace:
            raise self._problem(f"is a row of {entry.namespace!r} in the chain of {namespace!r}")
        return row

    def _problem(self, words: str) -> PermanentError:
        return PermanentError("audit_export", f"{self._path}:{self._number} {words}")


def _link(link: Link) -> dict[str, Any]:
    return {"sequence": link.sequence, "hash": link.hash}


def _read_link(fields: dict[str, Any]) -> Link:
    return Link(int(fields["sequence"]), str(fields["hash"]))
