"""Deliveries: the durable outbox of notices and actions.

A delivery is written in the transaction that decided on it, with an id that its cause gives it, so
deciding again after a crash adds none. Sending is at least once: whoever sends leases the row
first, by the database's clock, so that two replicas do not send it at the same time; if the
sender dies the row comes back after the lease, and the receiver knows the id. Deliveries to one
target about one ``ordering_key`` go in the order in which they were written: the next is due
once the one before it is delivered, dead or expired. One that waits for approval or for the end
of a pause holds nothing up, and goes in its old place once it may.

Whatever becomes of a delivery is written to the audit chain in the same transaction
(``delivery_fates.py``); which one is due is asked in ``due_deliveries.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Integer, cast, delete, false, func, or_, select, update

from governance.audit import Cause
from governance.clock import SECOND_US
from governance.store import due_deliveries
from governance.store.delivery import (
    ACTING,
    Acted,
    Delivery,
    DeliveryFilter,
    DeliveryPage,
    DeliveryState,
    Disabled,
    read_delivery,
    row_of,
)
from governance.store.delivery_fates import (
    UNAPPROVED,
    Fate,
    disable,
    fail,
    give_up,
    is_held_by,
    settle,
    words,
)
from governance.store.engine import database_now_us, snapshot, transaction
from governance.store.tables import deliveries, disabled_receivers
from governance.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Connection, Engine

    from governance.component.key import ComponentKey

__all__ = ["Delivery", "DeliveryFilter", "DeliveryState"]  # the port's nouns, under its name

LEASE_SECONDS = 60.0  # longer than any attempt takes
_REPLAYED = Cause("asked for")


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

    def targets(self, now_us: int) -> list[str]:
        """Receivers for which something can be sent or given up now; reads only."""
        with snapshot(self._engine) as connection:
            query = due_deliveries.targets(connection, now_us, self._now_us(connection))
            return sorted(connection.execute(query).scalars())

    def due(
        self,
        now_us: int,
        limit: int,
        *,
        holder: str,
        lease_seconds: float = LEASE_SECONDS,
        target: str | None = None,
    ) -> list[Delivery]:
        """Lease what may be sent now, oldest first, and count the attempt.

        A delivery past its time, or to a receiver that is gone, is given up instead. ``holder``
        names this process; another gets none of these rows until the lease ends or the fate is
        known. ``target`` asks for one receiver's only.
        """
        with transaction(self._engine) as connection:
            clock_us = self._now_us(connection)
            give_up(connection, now_us, clock_us)
            query = due_deliveries.positions(connection, now_us, clock_us, target).limit(limit)
            locked = query.with_for_update(skip_locked=True)
            positions = connection.execute(locked).scalars().all()
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
        return [read_delivery(row) for row in sorted(rows, key=lambda row: row["position"])]

    def succeeded(self, delivery_id: str, reason: str = "") -> bool:
        """It has been delivered, whoever holds the lease by now; False if that is known."""
        undelivered = deliveries.c.id == delivery_id, deliveries.c.state != "delivered"
        return self._settle(undelivered, Cause(reason), "delivery.delivered", state="delivered")

    def failed(self, delivery_id: str, holder: str, error: str, next_attempt_us: int) -> bool:
        """Try again at ``next_attempt_us``; False if ``holder`` no longer has the lease."""
        with transaction(self._engine) as connection:
            return fail(
                connection,
                is_held_by(delivery_id, holder),
                error,
                next_attempt_us,
                now_us=self._now_us(connection),
            )

    def dead(self, delivery_id: str, holder: str, error: str) -> bool:
        """Never try again; False if ``holder`` no longer has the lease."""
        values = {"last_error": words(error), "state": "dead"}
        return self._settle(
            is_held_by(delivery_id, holder), Cause(error), "delivery.dead", **values
        )

    def gone(self, target: str, error: str) -> None:
        """A receiver is gone for good: whatever is to be sent to it is dead."""
        with transaction(self._engine) as connection:
            now_us = self._now_us(connection)
            disable(connection, target, words(error), now_us)
            give_up(connection, now_us, now_us)

    def enable(self, target: str) -> bool:
        """Send to a receiver again that was gone; False if it is not disabled."""
        named = disabled_receivers.c.target == target
        with transaction(self._engine) as connection:
            return connection.execute(delete(disabled_receivers).where(named)).rowcount == 1

    def disabled(self) -> list[Disabled]:
        """Receivers that are gone, since when and why."""
        query = select(disabled_receivers).order_by(disabled_receivers.c.target)
        with snapshot(self._engine) as connection:
            return [
                Disabled(row["target"], row["disabled_at"], row["reason"])
                for row in connection.execute(query).mappings()
            ]

    def counts(self) -> dict[tuple[str, str], float]:
        """How many lie there by receiver and state, of those that wait or were given up."""
        states = ("pending", "held", "dead")
        query = (
            select(deliveries.c.target, deliveries.c.state, func.count())
            .where(deliveries.c.state.in_(states))
            .group_by(deliveries.c.target, deliveries.c.state)
        )
        with snapshot(self._engine) as connection:
            rows = connection.execute(query).all()
        return {(target, state): float(count) for target, state, count in rows}

    def replay(self, delivery_id: str, now_us: int, cause: Cause = _REPLAYED) -> bool:
        """Send a dead, expired or delivered one again, without expiry; False if there is none.

        What waits for approval, was never approved, or was a rehearsal is not sent this way. It
        takes its old place in the order of its target and ordering key.
        """
        over = (
            deliveries.c.id == delivery_id,
            deliveries.c.state.in_(("delivered", "dead", "expired")),
            ~UNAPPROVED,
        )
        again = {"state": "pending", "attempts": 0, "next_attempt_at": now_us, "expires_at": None}
        return self._settle(over, cause, "delivery.replayed", **again)

    def decide(self, delivery_id: str, cause: Cause, now_us: int, *, approve: bool) -> bool:
        """Approve or reject what waits for it; False if it does not wait, or no longer.

        ``cause`` names the person and the ground. An approval after ``approve_by`` or after the
        action's own expiry is none.
        """
        in_time = (
            deliveries.c.id == delivery_id,
            deliveries.c.state == "held",
            deliveries.c.approve_by > now_us,
            or_(deliveries.c.expires_at.is_(None), deliveries.c.expires_at > now_us),
        )
        decision = {
            "state": "pending" if approve else "rejected",
            "next_attempt_at": now_us,
            "decided_by": words(cause.actor),
            "decided_at": now_us,
            "decision_reason": words(cause.reason),
        }
        kind = "action.approved" if approve else "action.rejected"
        return self._settle(in_time, cause, kind, **decision)

    def acted(self, component: ComponentKey, since_us: int) -> list[Acted]:
        """When each action of a component was last set off, and how often of itself since then.

        What was rejected, or never approved in time, was not set off.
        """
        automatic = deliveries.c.approve_by.is_(None) & (deliveries.c.created_at > since_us)
        query = (
            select(
                deliveries.c.action,
                deliveries.c.target,
                func.max(deliveries.c.created_at).label("last_us"),
                func.sum(cast(automatic, Integer)).label("automatic"),
            )
            .where(
                deliveries.c.ordering_key == str(component),
                deliveries.c.action.in_(ACTING),
                deliveries.c.state != "rejected",
                ~((deliveries.c.state == "expired") & UNAPPROVED),
            )
            .group_by(deliveries.c.action, deliveries.c.target)
        )
        with snapshot(self._engine) as connection:
            rows = connection.execute(query).mappings()
            return [
                Acted(row["action"], row["target"], row["last_us"], int(row["automatic"]))
                for row in rows
            ]

    def get(self, delivery_id: str) -> Delivery | None:
        """The delivery with this id, or None."""
        query = select(deliveries).where(deliveries.c.id == delivery_id)
        with snapshot(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else read_delivery(row)

    def find(self, which: DeliveryFilter | None = None, limit: int = 100) -> list[Delivery]:
        """Deliveries, newest first."""
        return list(self.page(which, None, limit).deliveries)

    def page(
        self, which: DeliveryFilter | None = None, cursor: str | None = None, limit: int = 100
    ) -> DeliveryPage:
        """A page of deliveries, newest first.

        Raises
        ------
        ValueError
            If the cursor is not one that a page has named.
        """
        query = select(deliveries).where(*_conditions(which or DeliveryFilter()))
        if cursor is not None:
            query = query.where(deliveries.c.position < _read_cursor(cursor))
        newest_first = query.order_by(deliveries.c.position.desc()).limit(limit + 1)
        with snapshot(self._engine) as connection:
            rows = connection.execute(newest_first).mappings().all()
        more = str(rows[limit - 1]["position"]) if len(rows) > limit else None
        return DeliveryPage([read_delivery(row) for row in rows[:limit]], more)

    def _settle(
        self, which: Sequence[ColumnElement[bool]], cause: Cause, kind: str, **values: object
    ) -> bool:
        with transaction(self._engine) as connection:
            fate = Fate(kind, cause, self._now_us(connection))
            return settle(connection, which, fate, values) == 1


def enqueue(connection: Connection, new: Sequence[Delivery]) -> None:
    """Add deliveries inside a given transaction, in order; an id that is there is left alone."""
    insert_new(connection, deliveries, [row_of(delivery) for delivery in new], key=["id"])


def _conditions(which: DeliveryFilter) -> list[ColumnElement[bool]]:
    names = ("kind", "target", "ordering_key")
    asked = {name: getattr(which, name) for name in names}
    conditions = [deliveries.c[name] == value for name, value in asked.items() if value is not None]
    if which.states:
        conditions.append(deliveries.c.state.in_([state.value for state in which.states]))
    if which.namespaces is not None:
        inside = [
            deliveries.c.ordering_key.startswith(f"{name}/", autoescape=True)
            for name in which.namespaces
        ]
        conditions.append(or_(false(), *inside))
    return conditions


def _read_cursor(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise ValueError(f"{cursor!r} is not a cursor: take the one that the last page named")
    return int(cursor)
