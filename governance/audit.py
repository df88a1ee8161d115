"""The hash chain of audit rows: a pure function of what was written, checkable by anyone.

Each row's hash covers the previous row's hash and its own sequence, time, kind and body, so a row
that is edited, removed or moved breaks the chain at its place. The chain starts from a hash of the
namespace; after old rows are pruned it starts from the last pruned row, the anchor.

The row that pruning writes names the anchor, so that rows which were only cut off do not pass for
pruned ones.

What it does not do: whoever can write the whole table and the chain's head can forge a chain from
some row on, or cut off its end. A link that was copied elsewhere in time shows that too
(``audit_signature.py``).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PRUNED = "audit.pruned"  # the kind of the row that names a new anchor
PROGRAM = "evenhand"  # the actor where no person is behind a row


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What happened: ``kind`` is a short code, ``body`` JSON text."""

    namespace: str
    at_us: int
    kind: str
    body: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Who did it, on what ground, and under which declaration (None where none is in force)."""

    reason: str
    actor: str = PROGRAM
    generation: int | None = None
    commit: str | None = None


def entry_of(
    namespace: str, at_us: int, kind: str, cause: Cause, facts: Mapping[str, Any]
) -> AuditEntry:
    """An entry whose body names actor, reason, generation and Git commit beside the facts.

    The body is ASCII with sorted keys, so the same facts give the same bytes.
    """
    body = {
        **facts,
        "actor": cause.actor,
        "reason": cause.reason,
        "generation": cause.generation,
        "commit": cause.commit,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return AuditEntry(namespace, at_us, kind, text)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry in its chain; sequences count from 1 without gaps."""

    sequence: int
    entry: AuditEntry
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Link:
    """One place in a chain."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first place at which a chain does not hold, and why."""

    sequence: int
    reason: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Result of a check: how many rows hold, where they end, and what breaks after them."""

    rows: int
    head: Link
    broken: Break | None = None


def genesis(namespace: str) -> Link:
    """What the first row of a namespace's chain hangs on."""
    return Link(0, _digest(["evenhand audit", namespace]))


def link(previous: Link, entry: AuditEntry) -> AuditRow:
    """The row that follows ``previous``; its hash is SHA-256 over a JSON list of the fields."""
    sequence = previous.sequence + 1
    covered: list[str | int] = [previous.hash, sequence, entry.at_us, entry.kind, entry.body]
    return AuditRow(sequence, entry, previous.hash, _digest(covered))


def verify(
    rows: Iterable[AuditRow], start: Link, end: Link | None = None, marks: Iterable[Link] = ()
) -> Chain:
    """Check rows in order of sequence, from behind ``start`` up to ``end`` if it is known.

    Parameters
    ----------
    rows
        One namespace's rows, ascending; read once, so a chain of any length can be streamed.
    start
        The genesis, or the anchor that pruning left.
    end
        The head that the chain is known to have; None checks only what is there.
    marks
        Links that the chain is known to have had, for example of signed checkpoints; those
        before ``start`` lie in what was pruned, and say nothing.
    """
    known = [*marks, *([end] if end is not None else [])]
    wanted: dict[int, set[str]] = {}
    for mark in known:
        wanted.setdefault(mark.sequence, set()).add(mark.hash)
    last, count, anchors = start, 0, set[Link]()
    for row in rows:
        broken = _check(row, last) or _differs(row.sequence, row.hash, wanted)
        if broken is not None:
            return Chain(count, last, broken)
        last, count = Link(row.sequence, row.hash), count + 1
        if row.entry.kind == PRUNED:
            anchors.add(_named_anchor(row.entry))
    broken = _differs(start.sequence, start.hash, wanted)
    if max(wanted, default=0) > last.sequence:
        broken = Break(last.sequence + 1, "the row is missing")
    elif start.sequence > 0 and start not in anchors:
        broken = Break(start.sequence, "the rows up to here were cut off: no row says so")
    return Chain(count, last, broken)


def _check(row: AuditRow, last: Link) -> Break | None:
    expected = last.sequence + 1
    if row.sequence != expected:
        return Break(expected, "the row is missing")
    if row.previous != last.hash:
        return Break(expected, "the row does not follow the one before it")
    if row.hash != link(last, row.entry).hash:
        return Break(expected, "the row was edited")
    return None


def _differs(sequence: int, hash_: str, wanted: Mapping[int, set[str]]) -> Break | None:
    if wanted.get(sequence, {hash_}) == {hash_}:
        return None
    return Break(sequence, "the row is not the one that a head or checkpoint names")


def _named_anchor(entry: AuditEntry) -> Link:
    try:
        anchor = json.loads(entry.body)["anchor"]
        return Link(int(anchor["sequence"]), str(anchor["hash"]))
    except (ValueError, TypeError, KeyError):
        return Link(0, "")


def _digest(fields: list[str | int]) -> str:
    return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
