"""Pauses: the switch for automatic actions, for one namespace or (``*``) for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from governance.audit import Cause, entry_of
from governance.store import audit
from governance.store.due_deliveries import EVERYWHERE
from governance.store.engine import database_now_us, snapshot, transaction
from governance.store.tables import audit_heads, generations, pauses
from governance.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine


@dataclass(frozen=True, slots=True)
class Pause:
    """Who has paused the automatic actions of a namespace (``*``: of all), when and why."""

    namespace: str
    by: str
    since_us: int
    reason: str


class Pauses:
    """The port; raises StoreError when the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def pause(self, namespace: str, cause: Cause) -> bool:
        """Stop automatic actions; False if they are stopped already. ``cause`` names who and why.

        The chain of every namespace that it concerns has a line.
        """
        with transaction(self._engine) as connection:
            if _named(connection, namespace):
                return False
            now_us = database_now_us(connection)
            row = {
                "namespace": namespace,
                "paused_by": cause.actor,
                "paused_at": now_us,
                "reason": cause.reason,
            }
            insert_new(connection, pauses, [row], key=["namespace"])
            _note(connection, "actions.paused", namespace, cause)
        return True

    def resume(self, namespace: str, cause: Cause) -> bool:
        """Let automatic actions go on; False if they were not paused."""
        with transaction(self._engine) as connection:
            gone = connection.execute(delete(pauses).where(pauses.c.namespace == namespace))
            if gone.rowcount != 1:
                return False
            _note(connection, "actions.resumed", namespace, cause)
        return True

    def find(self) -> list[Pause]:
        """Every pause that holds."""
        query = select(pauses).order_by(pauses.c.namespace)
        with snapshot(self._engine) as connection:
            return [
                Pause(row["namespace"], row["paused_by"], row["paused_at"], row["reason"])
                for row in connection.execute(query).mappings()
            ]

    def of(self, namespace: str) -> Pause | None:
        """The pause that concerns a namespace, or None."""
        concerned = (namespace, EVERYWHERE)
        return next((pause for pause in self.find() if pause.namespace in concerned), None)


def _named(connection: Connection, namespace: str) -> bool:
    found = select(pauses.c.namespace).where(pauses.c.namespace == namespace)
    return connection.execute(found).first() is not None


def _note(connection: Connection, kind: str, namespace: str, cause: Cause) -> None:
    now_us = database_now_us(connection)
    concerned = [namespace] if namespace != EVERYWHERE else _namespaces(connection)
    facts = {"paused": namespace}
    audit.append(connection, [entry_of(name, now_us, kind, cause, facts) for name in concerned])


def _namespaces(connection: Connection) -> Sequence[str]:
    """Namespaces that have a chain or a component."""
    known = select(audit_heads.c.namespace).union(select(generations.c.namespace))
    return sorted(connection.execute(known).scalars())
