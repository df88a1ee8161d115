"""Whether anybody sends a component's events, as its owner's last checkpoint says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from governance.component.key import ComponentKey
from governance.store.engine import snapshot
from governance.store.tables import components

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Presence:
    """Instants are log time, which is the broker's clock.

    ``heard_us`` is when a source that has not said goodbye was last heard; None: there is none.
    ``beating``: it sends heartbeats, so its silence means something. ``due_us`` is when the oldest
    open window must be judged at the latest; None: no window is open, or it counts events.
    """

    heard_us: int | None = None
    beating: bool = False
    due_us: int | None = None


NOBODY = Presence()


class Presences:
    """The read side of one worker group; raises StoreError when the database is away."""

    def __init__(self, engine: Engine, group: str = "evenhand") -> None:
        self._engine = engine
        self._group = group

    def find(self) -> dict[ComponentKey, Presence]:
        """Of every component that ever was heard of."""
        table = components.c
        query = select(
            table.namespace, table.component, table.heard_at, table.beating, table.due_at
        ).where(table.worker_group == self._group)
        with snapshot(self._engine) as connection:
            return {
                ComponentKey(row.namespace, row.component): Presence(
                    row.heard_at, bool(row.beating), row.due_at
                )
                for row in connection.execute(query)
            }
