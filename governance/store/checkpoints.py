"""The checkpoint: all that a partition's owner remembers, written in one transaction.

An owner first claims an epoch, *then* loads, then seeks to the stored offset. Whoever writes
under an older epoch is ``Fenced``. Offsets, registers, panes, pending segments and findings of one
checkpoint become visible together or not at all, so a restart repeats work and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select, update

from governance.component.key import ComponentKey
from governance.errors import ConfigError, Fenced
from governance.store import tables
from governance.store.engine import snapshot, transaction
from governance.store.findings import insert_findings
from governance.store.presence import NOBODY, Presence
from governance.store.upsert import in_key_order, insert_into, insert_new, write_blobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, Table

    from governance.finding import Finding


@dataclass(frozen=True, slots=True)
class Claim:
    """What an owner got: its epoch, and where the partition stands."""

    partition: int
    epoch: int
    next_offset: int
    log_time_us: int


@dataclass(frozen=True, slots=True)
class PaneRow:
    """One packed pane; an empty blob deletes the row.

    ``kind`` is ``sums`` or ``outcomes``, or ``history``: then it is a chunk of the version's
    series over time, and ``pane`` its number.
    """

    component: ComponentKey
    version: str
    pane: int
    kind: str
    blob: bytes


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One append-only segment of pending ids, at most 4 MiB; an empty blob deletes the row."""

    component: ComponentKey
    segment: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """Everything small that a component's state needs besides panes and segments, as one blob."""

    component: ComponentKey
    blob: bytes
    presence: Presence = NOBODY


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """One recorded spec of a component, and the offset from which it acts.

    A replay of the log takes the recorded generations, so it repeats every decision.
    """

    component: ComponentKey
    generation: int
    from_offset: int
    spec: str  # canonical JSON of the component document
    commit: str | None = None  # Git commit it came from, where known


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What changed since the last checkpoint; registers, panes and segments are upserts."""

    next_offset: int
    log_time_us: int
    registers: Sequence[RegisterRow] = ()
    panes: Sequence[PaneRow] = ()
    segments: Sequence[SegmentRow] = ()
    generations: Sequence[GenerationRow] = ()
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class PartitionState:
    """All stored rows of one partition."""

    registers: Sequence[RegisterRow]
    panes: Sequence[PaneRow]
    segments: Sequence[SegmentRow]
    generations: Sequence[GenerationRow]


class Checkpoints:
    """The port: claim, load, commit. Raises StoreError when the database is away.

    State is per worker group: a second group with its own database (or its own group name in the
    same database) computes everything again from the same log.
    """

    def __init__(self, engine: Engine, group: str = "evenhand") -> None:
        self._engine = engine
        self._group = group

    def pin_partitions(self, topic: str, partitions: int) -> None:
        """Record a topic's number of partitions at the first start, and hold it to that later.

        Raises
        ------
        ConfigError
            If another number was recorded: a component's state belongs to one partition's log,
            and with another number its records would go to another.
        """
        table = tables.topics
        row = {"worker_group": self._group, "topic": topic, "partitions": partitions}
        own = table.c.worker_group == self._group, table.c.topic == topic
        with transaction(self._engine) as connection:
            insert_new(connection, table, [row], key=["worker_group", "topic"])
            found = connection.execute(select(table.c.partitions).where(*own)).scalar_one()
        if found != partitions:
            raise ConfigError(
                f"topic {topic} has {partitions} partitions, but group {self._group} started with "
                f"{found}: go back to {found}, or name another group, which begins anew"
            )

    def claim(self, partition: int, owner: str) -> Claim:
        """Raise the partition's epoch by one and return it with the stored position."""
        table = tables.partitions
        with transaction(self._engine) as connection:
            first = insert_into(connection, table).values(
                worker_group=self._group,
                partition=partition,
                epoch=1,
                owner=owner,
                next_offset=0,
                log_time=0,
            )
            claimed = first.on_conflict_do_update(
                index_elements=list(table.primary_key),
                set_={"epoch": table.c.epoch + 1, "owner": owner},
            ).returning(table.c.epoch, table.c.next_offset, table.c.log_time)
            epoch, next_offset, log_time = connection.execute(claimed).one()
        return Claim(partition, epoch, next_offset, log_time)

    def load(self, claim: Claim) -> PartitionState:
        """All rows of the claimed partition, in a fixed order.

        Raises
        ------
        Fenced
            If another owner has claimed the partition since.
        """
        table = tables.partitions
        with snapshot(self._engine) as connection:
            epoch = select(table.c.epoch).where(*self._place(table, claim))
            if connection.execute(epoch).scalar() != claim.epoch:
                raise self._fenced(claim)

            def read(table: Table) -> list[RowMapping]:
                found = connection.execute(select(table).where(*self._place(table, claim)))
                return in_key_order(table, found.mappings())

            return PartitionState(
                registers=[_register(row) for row in read(tables.components)],
                panes=[_pane(row) for row in read(tables.panes)],
                segments=[_segment(row) for row in read(tables.pending)],
                generations=[_generation(row) for row in read(tables.generations)],
            )

    def commit(self, claim: Claim, checkpoint: Checkpoint) -> None:
        """Write the checkpoint under the claim's epoch, in one transaction.

        Findings are inserted with ``evaluated_at`` null; a finding (id, revision) that is there
        already is left alone, and so is a generation. After a StoreError the same commit may be
        tried again, whatever became of the first.

        Raises
        ------
        Fenced
            If another owner has claimed the partition since.
        """
        rows = _rows(self._group, claim.partition, checkpoint)
        with transaction(self._engine) as connection:
            self._advance(connection, claim, checkpoint)
            write_blobs(connection, tables.components, "register", rows.registers)
            write_blobs(connection, tables.panes, "blob", rows.panes)
            write_blobs(connection, tables.pending, "blob", rows.segments)
            key = [column.name for column in tables.generations.primary_key]
            insert_new(connection, tables.generations, rows.generations, key=key)
            insert_findings(connection, self._group, checkpoint.findings, checkpoint.log_time_us)

    def _advance(self, connection: Connection, claim: Claim, checkpoint: Checkpoint) -> None:
        """Move the position; the row stays locked, so a claim waits until this is committed."""
        table = tables.partitions
        moved = connection.execute(
            update(table)
            .where(*self._place(table, claim), table.c.epoch == claim.epoch)
            .values(next_offset=checkpoint.next_offset, log_time=checkpoint.log_time_us)
        )
        if moved.rowcount != 1:
            raise self._fenced(claim)

    def _place(self, table: Table, claim: Claim) -> tuple[ColumnElement[bool], ...]:
        return table.c.worker_group == self._group, table.c.partition == claim.partition

    def _fenced(self, claim: Claim) -> Fenced:
        return Fenced(
            f"partition {claim.partition} of group {self._group}: epoch {claim.epoch} is over, "
            "another owner has claimed it"
        )


def _key(row: RowMapping) -> ComponentKey:
    return ComponentKey(row["namespace"], row["component"])


def _register(row: RowMapping) -> RegisterRow:
    presence = Presence(row["heard_at"], bool(row["beating"]), row["due_at"])
    return RegisterRow(_key(row), row["register"], presence)


def _pane(row: RowMapping) -> PaneRow:
    return PaneRow(_key(row), row["version"], row["pane"], row["kind"], row["blob"])


def _segment(row: RowMapping) -> SegmentRow:
    return SegmentRow(_key(row), row["segment"], row["blob"])


def _generation(row: RowMapping) -> GenerationRow:
    return GenerationRow(
        _key(row), row["generation"], row["from_offset"], row["spec"], row["commit"]
    )


def _present(row: RegisterRow) -> dict[str, Any]:
    presence = row.presence
    return {
        "register": row.blob,
        "heard_at": presence.heard_us,
        "beating": int(presence.beating),
        "due_at": presence.due_us,
    }


class _Rows(NamedTuple):
    registers: list[dict[str, Any]]
    panes: list[dict[str, Any]]
    segments: list[dict[str, Any]]
    generations: list[dict[str, Any]]


def _rows(group: str, partition: int, checkpoint: Checkpoint) -> _Rows:
    def place(key: ComponentKey) -> dict[str, Any]:
        return {
            "worker_group": group,
            "partition": partition,
            "namespace": key.namespace,
            "component": key.name,
        }

    at = {"log_time": checkpoint.log_time_us}
    return _Rows(
        [{**place(r.component), **_present(r)} for r in checkpoint.registers],
        [
            {
                **place(p.component),
                **at,
                "version": p.version,
                "pane": p.pane,
                "kind": p.kind,
                "blob": p.blob,
            }
            for p in checkpoint.panes
        ],
        [
            {**place(s.component), **at, "segment": s.segment, "blob": s.blob}
            for s in checkpoint.segments
        ],
        [
            {
                **place(g.component),
                "generation": g.generation,
                "from_offset": g.from_offset,
                "spec": g.spec,
                "commit": g.commit,
            }
            for g in checkpoint.generations
        ],
    )
