"""Leases: one active evaluator at a time, by the database's clock.

Each acquisition gives a higher token. Whoever writes under a lease checks its token inside the
same transaction, so a holder that slept through the end of its lease changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from governance.errors import Fenced
from governance.store.engine import database_now_us, transaction
from governance.store.tables import leases
from governance.store.upsert import insert_into

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement, Connection, Engine

SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it was granted; ``token`` grows with every acquisition of ``name``."""

    name: str
    holder: str
    token: int
    expires_at_us: int


class Leases:
    """The port. ``holder`` names one process for its life: host, process id and start.

    Parameters
    ----------
    engine
        The database.
    now_us
        The clock by which leases end; the database's own, unless a test moves it.
    """

    def __init__(
        self, engine: Engine, *, now_us: Callable[[Connection], int] = database_now_us
    ) -> None:
        self._engine = engine
        self._now_us = now_us

    def acquire(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """Take a lease that is free, has ended or is one's own; None while another holds it."""
        with transaction(self._engine) as connection:
            now_us = self._now_us(connection)
            expires_at_us = now_us + round(ttl_seconds * SECOND_US)
            wanted = insert_into(connection, leases).values(
                name=name, holder=holder, token=1, expires_at=expires_at_us
            )
            taken = wanted.on_conflict_do_update(
                index_elements=[leases.c.name],
                set_={"holder": holder, "token": leases.c.token + 1, "expires_at": expires_at_us},
                where=or_(leases.c.expires_at <= now_us, leases.c.holder == holder),
            ).returning(leases.c.token)
            token = connection.execute(taken).scalar()
        return None if token is None else Lease(name, holder, token, expires_at_us)

    def renew(self, lease: Lease, ttl_seconds: float) -> Lease:
        """Hold on to a lease for longer; it may have ended, if nobody has taken it since.

        Raises
        ------
        Fenced
            If another has acquired it.
        """
        with transaction(self._engine) as connection:
            expires_at_us = self._now_us(connection) + round(ttl_seconds * SECOND_US)
            renewed = connection.execute(
                update(leases).where(*_same(lease)).values(expires_at=expires_at_us)
            )
            if renewed.rowcount != 1:
                raise _fenced(lease)
        return replace(lease, expires_at_us=expires_at_us)

    def release(self, lease: Lease) -> None:
        """End a lease at once, so that the next holder need not wait; the token stays."""
        with transaction(self._engine) as connection:
            connection.execute(update(leases).where(*_same(lease)).values(expires_at=0))


def check(connection: Connection, lease: Lease) -> None:
    """Make sure, until this transaction ends, that nobody else acquires the lease.

    Raises
    ------
    Fenced
        If another has acquired it already.
    """
    token = select(leases.c.token).where(leases.c.name == lease.name).with_for_update()
    if connection.execute(token).scalar() != lease.token:
        raise _fenced(lease)


def _same(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return leases.c.name == lease.name, leases.c.token == lease.token


def _fenced(lease: Lease) -> Fenced:
    return Fenced(f"lease {lease.name}: token {lease.token} of {lease.holder} is over")
