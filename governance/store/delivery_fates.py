"""What becomes of deliveries, with its line in the audit chain, in one transaction.

A failure that is tried again has a line where its code differs from the last one's: a receiver
that is away for days leaves one line, not a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select, update

from governance.audit import AuditEntry, Cause, entry_of
from governance.store import audit
from governance.store.delivery import Delivery, read_delivery
from governance.store.due_deliveries import past_its_time, to_a_gone_receiver
from governance.store.tables import deliveries, disabled_receivers
from governance.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

MAX_ERROR_LENGTH = 1_000
_AT_ONCE = 500  # rows given up in one transaction; the next call takes more
UNAPPROVED = and_(deliveries.c.approve_by.is_not(None), deliveries.c.decided_by.is_(None))


@dataclass(frozen=True, slots=True)
class Fate:
    """What is written to the audit chain when rows change; without ``kind`` nothing is."""

    kind: str | None
    cause: Cause
    at_us: int


def settle(
    connection: Connection,
    which: Sequence[ColumnElement[bool]],
    fate: Fate,
    values: Mapping[str, Any],
) -> int:
    """Change the rows, end their leases and write their audit lines; how many there were."""
    changed = (
        update(deliveries)
        .where(*which)
        .values(leased_by=None, leased_until=None, **values)
        .returning(*deliveries.c)
    )
    found = [read_delivery(row) for row in connection.execute(changed).mappings()]
    if fate.kind is not None:
        audit.append(connection, [_entry(one, fate) for one in found if one.audited])
    return len(found)


def fail(
    connection: Connection,
    which: Sequence[ColumnElement[bool]],
    error: str,
    next_attempt_us: int,
    *,
    now_us: int,
) -> bool:
    """Note a failure that is tried again; a line where its code is another than before."""
    before = connection.execute(select(deliveries.c.last_error).where(*which)).scalar()
    if before is None:
        return False
    kind = None if _code(before) == _code(error) else "delivery.failing"
    values = {"last_error": words(error), "next_attempt_at": next_attempt_us}
    return settle(connection, which, Fate(kind, Cause(error), now_us), values) == 1


def give_up(connection: Connection, now_us: int, clock_us: int) -> None:
    """Expire what is past its time; what goes to a receiver that is gone is dead."""
    late = _skipping(connection, past_its_time(now_us, clock_us))
    if late:
        fate = Fate("delivery.expired", Cause("expired: its time was over"), clock_us)
        settle(connection, [_at(late)], fate, {"state": "expired"})
    lost = _skipping(connection, to_a_gone_receiver(clock_us))
    if lost:
        cause = Cause("disabled: the receiver is gone for good")
        values = {"state": "dead", "last_error": cause.reason}
        settle(connection, [_at(lost)], Fate("delivery.dead", cause, clock_us), values)


def disable(connection: Connection, target: str, reason: str, now_us: int) -> None:
    """Remember that a receiver is gone."""
    row = {"target": target, "disabled_at": now_us, "reason": reason}
    insert_new(connection, disabled_receivers, [row], key=["target"])


def is_held_by(delivery_id: str, holder: str) -> tuple[ColumnElement[bool], ...]:
    """The row, while this process has its lease."""
    return deliveries.c.id == delivery_id, deliveries.c.leased_by == holder


def words(error: str) -> str:
    """A receiver's words may hold anything; a database's text may not."""
    clean = error[:MAX_ERROR_LENGTH].replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return clean.encode("utf-8", "replace").decode()


def _skipping(connection: Connection, condition: ColumnElement[bool]) -> Sequence[int]:
    """Positions of rows, as many as go at once, that no other replica is changing just now."""
    found = select(deliveries.c.position).where(condition).limit(_AT_ONCE)
    return connection.execute(found.with_for_update(skip_locked=True)).scalars().all()


def _at(positions: Sequence[int]) -> ColumnElement[bool]:
    return deliveries.c.position.in_(positions)


def _entry(delivery: Delivery, fate: Fate) -> AuditEntry:
    facts = {
        "delivery": delivery.id,
        "component": delivery.ordering_key,
        "action": delivery.action,
        "target": delivery.target,
        "attempts": delivery.attempts,
    }
    said = words(fate.cause.reason)
    cause = Cause(said, fate.cause.actor, delivery.generation, delivery.commit)
    return entry_of(delivery.namespace, fate.at_us, fate.kind or "", cause, facts)


def _code(error: str) -> str:
    return error.partition(":")[0]
