"""The audit chain in the database: rows are only ever added, each namespace in one chain."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from governance.audit import AuditEntry, AuditRow, Chain, Link, genesis, link, verify
from governance.store.engine import snapshot, transaction
from governance.store.tables import audit, audit_heads
from governance.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Engine, RowMapping

ROWS_PER_FETCH = 1_000


@dataclass(frozen=True, slots=True)
class StoredChain:
    """One namespace's chain; ``head`` is None where nothing was ever written."""

    namespace: str
    anchor: Link
    head: Link | None
    rows: Iterator[AuditRow]


class Audit:
    """The port; raises StoreError when the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, entries: Sequence[AuditEntry]) -> None:
        """Add entries in a transaction of their own."""
        with transaction(self._engine) as connection:
            append(connection, entries)

    def query(self, namespace: str, before: int | None = None, limit: int = 100) -> list[AuditRow]:
        """Rows of a namespace, newest first, with a sequence below ``before``."""
        query = select(audit).where(audit.c.namespace == namespace)
        if before is not None:
            query = query.where(audit.c.sequence < before)
        newest_first = query.order_by(audit.c.sequence.desc()).limit(limit)
        with snapshot(self._engine) as connection:
            return [_read(row) for row in connection.execute(newest_first).mappings()]

    def namespaces(self) -> list[str]:
        """Every namespace that has a chain."""
        with snapshot(self._engine) as connection:
            return sorted(connection.execute(select(audit_heads.c.namespace)).scalars())

    def verify(self, namespace: str, marks: Iterable[Link] = ()) -> Chain:
        """Check a namespace's chain from its anchor to its head, and against ``marks``."""
        with self.reading(namespace) as chain:
            return verify(chain.rows, chain.anchor, chain.head, marks)

    @contextmanager
    def reading(self, namespace: str) -> Iterator[StoredChain]:
        """A namespace's chain as it stands now, row by row; whole only within the block."""
        query = select(audit_heads).where(audit_heads.c.namespace == namespace)
        with snapshot(self._engine) as connection:
            found = connection.execute(query).mappings().one_or_none()
            anchor, head = genesis(namespace), None
            if found is not None:
                anchor = Link(found["anchor_sequence"], found["anchor_hash"])
                head = Link(found["sequence"], found["hash"])
            yield StoredChain(namespace, anchor, head, _stream(connection, namespace))

    def heads(self) -> dict[str, Link]:
        """The newest link of every namespace's chain."""
        with snapshot(self._engine) as connection:
            rows = connection.execute(select(audit_heads)).mappings()
            return {row["namespace"]: Link(row["sequence"], row["hash"]) for row in rows}


def append(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Add entries inside a given transaction, each at the end of its namespace's chain.

    The chain's head stays locked until the transaction ends, so that writers queue up and the
    chain never forks; namespaces are locked in order, so that they never wait in a ring.
    """
    for namespace in sorted({entry.namespace for entry in entries}):
        mine = [entry for entry in entries if entry.namespace == namespace]
        _extend(connection, namespace, mine)


def lock_head(connection: Connection, namespace: str) -> RowMapping:
    """The chain's head row, made if it is not there, locked until the transaction ends."""
    start = genesis(namespace)
    first = {
        "namespace": namespace,
        "sequence": start.sequence,
        "hash": start.hash,
        "anchor_sequence": start.sequence,
        "anchor_hash": start.hash,
    }
    insert_new(connection, audit_heads, [first], key=["namespace"])
    head = select(audit_heads).where(audit_heads.c.namespace == namespace).with_for_update()
    return connection.execute(head).mappings().one()


def _extend(connection: Connection, namespace: str, entries: Sequence[AuditEntry]) -> None:
    head = lock_head(connection, namespace)
    last = Link(head["sequence"], head["hash"])
    rows = []
    for entry in entries:
        row = link(last, entry)
        last = Link(row.sequence, row.hash)
        rows.append(row)
    connection.execute(audit.insert(), [_row(row) for row in rows])
    connection.execute(
        update(audit_heads)
        .where(audit_heads.c.namespace == namespace)
        .values(sequence=last.sequence, hash=last.hash)
    )


def _stream(connection: Connection, namespace: str) -> Iterator[AuditRow]:
    after = -1
    while True:
        query = (
            select(audit)
            .where(audit.c.namespace == namespace, audit.c.sequence > after)
            .order_by(audit.c.sequence)
            .limit(ROWS_PER_FETCH)
        )
        rows = [_read(row) for row in connection.execute(query).mappings()]
        if not rows:
            return
        yield from rows
        after = rows[-1].sequence


def _row(row: AuditRow) -> dict[str, Any]:
    return {
        "namespace": row.entry.namespace,
        "sequence": row.sequence,
        "at": row.entry.at_us,
        "kind": row.entry.kind,
        "body": row.entry.body,
        "previous": row.previous,
        "hash": row.hash,
    }


def _read(row: RowMapping) -> AuditRow:
    entry = AuditEntry(row["namespace"], row["at"], row["kind"], row["body"])
    return AuditRow(row["sequence"], entry, row["previous"], row["hash"])
