"""Deliveries: the durable outbox of notices and actions.

A delivery is written in the transaction that decided on it, with an id that its cause gives it, so
deciding again after a crash adds none. Sending is at least once: whoever sends leases the row
first, by the database's clock, so that two replicas do not send it at the same time; if the
sender dies the row comes back after the lease, and the receiver knows the id. Deliveries to one
target about one ``ordering_key`` go in the order in which they were written: the next is due
once the one before it is delivered, dead or expired.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, or_, select, update

from governance.store.engine import database_now_us, snapshot, transaction
from governance.store.tables import deliveries
from governance.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, Select

SECOND_US = 1_000_000
LEASE_SECONDS = 60.0  # longer than any attempt takes
MAX_ERROR_LENGTH = 1_000
_WAITS = deliveries.c.state == "pending"


class DeliveryState(StrEnum):
    """pending -> delivered | dead | expired; replay makes it pending again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # refused, or tried too often
    EXPIRED = "expired"  # acting so late would be wrong


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice or action on its way to one target; ``id`` (``msg_...``) never changes."""

    id: str
    kind: str  # which notifier carries it: "webhook", ...
    target: str  # which receiver: the webhook's name
    ordering_key: str  # the component
    body: str  # JSON text
    created_us: int
    next_attempt_us: int
    expires_us: int | None = None
    attempts: int = 0
    state: DeliveryState = DeliveryState.PENDING
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; None and no states = any."""

    kind: str | None = None
    target: str | None = None
    ordering_key: str | None = None
    states: tuple[DeliveryState, ...] = ()


class Deliveries:
    """The port; raises StoreError when the database is away.

    Parameters
    ----------
    engine
        The database.
    now_us
        The clock by which row leases end; the database's own, unless a test moves it.
    """

    def __init__(
        self, engine: Engine, *, now_us: Callable[[Connection], int] = database_now_us
    ) -> None:
        self._engine = engine
        self._now_us = now_us

    def enqueue(self, new: Sequence[Delivery]) -> None:
        """Add deliveries in a transaction of their own; an id that is there is left alone."""
        with transaction(self._engine) as connection:
            enqueue(connection, new)

    def due(
        self, now_us: int, limit: int, *, holder: str, lease_seconds: float = LEASE_SECONDS
    ) -> list[Delivery]:
        """Lease what may be sent now, oldest first, and count the attempt.

        A delivery past ``expires_us`` becomes ``expired`` instead. ``holder`` names this
        process; another gets none of these rows until the lease ends or the fate is known.
        """
        with transaction(self._engine) as connection:
            clock_us = self._now_us(connection)
            _expire(connection, now_us, clock_us)
            positions = connection.execute(_due(now_us, clock_us, limit)).scalars().all()
            leased = (
                update(deliveries)
                .where(deliveries.c.position.in_(positions))
                .values(
                    leased_by=holder,
                    leased_until=clock_us + round(lease_seconds * SECOND_US),
                    attempts=deliveries.c.attempts + 1,
                )
                .returning(*deliveries.c)
            )
            rows = connection.execute(leased).mappings().all() if positions else []
        return [_read(row) for row in sorted(rows, key=lambda row: row["position"])]

    def succeeded(self, delivery_id: str) -> bool:
        """It has been delivered, whoever holds the lease by now; False if that is known."""
        return self._settle(delivery_id, deliveries.c.state != "delivered", state="delivered")

    def failed(self, delivery_id: str, holder: str, error: str, next_attempt_us: int) -> bool:
        """Try again at ``next_attempt_us``; False if ``holder`` no longer has the lease."""
        still = deliveries.c.leased_by == holder
        return self._settle(
            delivery_id, still, last_error=_words(error), next_attempt_at=next_attempt_us
        )

    def dead(self, delivery_id: str, holder: str, error: str) -> bool:
        """Never try again; False if ``holder`` no longer has the lease."""
        still = deliveries.c.leased_by == holder
        return self._settle(delivery_id, still, last_error=_words(error), state="dead")

    def replay(self, delivery_id: str, now_us: int) -> bool:
        """Send a dead, expired or delivered one again, without expiry; False if there is none.

        It takes its old place in the order of its target and ordering key.
        """
        again = {"state": "pending", "attempts": 0, "next_attempt_at": now_us, "expires_at": None}
        return self._settle(delivery_id, deliveries.c.state != "pending", **again)

    def get(self, delivery_id: str) -> Delivery | None:
        """The delivery with this id, or None."""
        query = select(deliveries).where(deliveries.c.id == delivery_id)
        with snapshot(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _read(row)

    def find(self, which: DeliveryFilter | None = None, limit: int = 100) -> list[Delivery]:
        """Deliveries, newest first."""
        query = select(deliveries).where(*_conditions(which or DeliveryFilter()))
        newest_first = query.order_by(deliveries.c.position.desc()).limit(limit)
        with snapshot(self._engine) as connection:
            return [_read(row) for row in connection.execute(newest_first).mappings()]

    def _settle(self, delivery_id: str, condition: ColumnElement[bool], **values: Any) -> bool:
        settled = (
            update(deliveries)
            .where(deliveries.c.id == delivery_id, condition)
            .values(leased_by=None, leased_until=None, **values)
        )
        with transaction(self._engine) as connection:
            return connection.execute(settled).rowcount == 1


def enqueue(connection: Connection, new: Sequence[Delivery]) -> None:
    """Add deliveries inside a given transaction, in order; an id that is there is left alone."""
    insert_new(connection, deliveries, [_row(delivery) for delivery in new], key=["id"])


def _expire(connection: Connection, now_us: int, clock_us: int) -> None:
    connection.execute(
        update(deliveries)
        .where(_WAITS, deliveries.c.expires_at <= now_us, _not_leased(clock_us))
        .values(state="expired", leased_by=None, leased_until=None)
    )


def _due(now_us: int, clock_us: int, limit: int) -> Select[Any]:
    """Positions of the rows that are first of their target and ordering key, and whose time is."""
    before = deliveries.alias()
    blocked = exists().where(
        before.c.state == "pending",
        before.c.target == deliveries.c.target,
        before.c.ordering_key == deliveries.c.ordering_key,
        before.c.position < deliveries.c.position,
    )
    ready = _WAITS, deliveries.c.next_attempt_at <= now_us, _not_leased(clock_us), ~blocked
    return (
        select(deliveries.c.position)
        .where(*ready)
        .order_by(deliveries.c.position)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _not_leased(clock_us: int) -> ColumnElement[bool]:
    until = deliveries.c.leased_until
    return or_(until.is_(None), until <= clock_us)


def _conditions(which: DeliveryFilter) -> list[ColumnElement[bool]]:
    names = ("kind", "target", "ordering_key")
    asked = {name: getattr(which, name) for name in names}
    conditions = [deliveries.c[name] == value for name, value in asked.items() if value is not None]
    if which.states:
        conditions.append(deliveries.c.state.in_([state.value for state in which.states]))
    return conditions


def _words(error: str) -> str:
    """A receiver's words may hold anything; a database's text may not."""
    clean = error[:MAX_ERROR_LENGTH].replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return clean.encode("utf-8", "replace").decode()


def _row(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "kind": delivery.kind,
        "target": delivery.target,
        "ordering_key": delivery.ordering_key,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_us,
        "created_at": delivery.created_us,
        "expires_at": delivery.expires_us,
        "last_error": _words(delivery.last_error),
        "body": delivery.body,
    }


def _read(row: RowMapping) -> Delivery:
    return Delivery(
        id=row["id"],
        kind=row["kind"],
        target=row["target"],
        ordering_key=row["ordering_key"],
        body=row["body"],
        created_us=row["created_at"],
        next_attempt_us=row["next_attempt_at"],
        expires_us=row["expires_at"],
        attempts=row["attempts"],
        state=DeliveryState(row["state"]),
        last_error=row["last_error"],
    )
