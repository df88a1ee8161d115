"""Which deliveries are due: the oldest of each receiver and component whose time has come.

All conditions on the state are literals, not parameters: only then does SQLite see that its
partial index serves them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, false, func, literal_column, or_, select, true

from governance.store.delivery import ACTING
from governance.store.tables import deliveries, disabled_receivers, pauses

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select

PENDING = deliveries.c.state == literal_column("'pending'")
HELD = deliveries.c.state == literal_column("'held'")
EVERYWHERE = "*"


def targets(connection: Connection, now_us: int, clock_us: int) -> CompoundSelect[Any]:
    """Receivers that something is due for, or whose deliveries are past their time."""
    due = deliveries.c.position.in_(positions(connection, now_us, clock_us))
    sendable = select(deliveries.c.target).where(due)
    over = select(deliveries.c.target).where(past_its_time(now_us, clock_us))
    return sendable.union(over).order_by("target")


def positions(
    connection: Connection, now_us: int, clock_us: int, target: str | None = None
) -> Select[Any]:
    """Positions of the rows that are first of their target and ordering key, and whose time is."""
    may_go = and_(PENDING, ~_paused(connection))
    asked = true() if target is None else deliveries.c.target == target
    first = (
        select(func.min(deliveries.c.position))
        .where(may_go, asked)
        .group_by(deliveries.c.target, deliveries.c.ordering_key)
    )
    return (
        select(deliveries.c.position)
        .where(
            may_go,
            deliveries.c.position.in_(first),
            deliveries.c.next_attempt_at <= now_us,
            or_(deliveries.c.expires_at.is_(None), deliveries.c.expires_at > now_us),
            not_leased(clock_us),
        )
        .order_by(deliveries.c.position)
    )


def past_its_time(now_us: int, clock_us: int) -> ColumnElement[bool]:
    """Rows that expire now: acting would be late, or nobody has approved them."""
    return or_(
        and_(PENDING, deliveries.c.expires_at <= now_us, not_leased(clock_us)),
        and_(HELD, deliveries.c.approve_by <= now_us),
    )


def to_a_gone_receiver(clock_us: int) -> ColumnElement[bool]:
    """Rows that wait for a receiver that is gone."""
    gone = select(disabled_receivers.c.target)
    return and_(PENDING, deliveries.c.target.in_(gone), not_leased(clock_us))


def not_leased(clock_us: int) -> ColumnElement[bool]:
    """Rows that nobody is sending."""
    until = deliveries.c.leased_until
    return or_(until.is_(None), until <= clock_us)


def _paused(connection: Connection) -> ColumnElement[bool]:
    """Actions that nobody approved by name, where automatic ones are paused."""
    found = connection.execute(select(pauses.c.namespace)).scalars().all()
    if not found:
        return false()
    everywhere = true() if EVERYWHERE in found else false()
    inside = [deliveries.c.ordering_key.startswith(f"{name}/", autoescape=True) for name in found]
    automatic = and_(deliveries.c.action.in_(ACTING), deliveries.c.decided_by.is_(None))
    return and_(automatic, or_(everywhere, *inside))
