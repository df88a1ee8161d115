"""References: profiles by the hash of their content, immutable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from governance.errors import PermanentError
from governance.store.engine import database_now_us, snapshot, transaction
from governance.store.tables import references
from governance.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Engine, Select


class References:
    """The port; raises StoreError when the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, reference: str, profile: bytes) -> None:
        """Keep a profile under its hash; keeping the same one again changes nothing.

        Raises
        ------
        PermanentError
            If another profile lies under this hash.
        """
        with transaction(self._engine) as connection:
            row = {
                "hash": reference,
                "created_at": database_now_us(connection),
                "profile": profile,
            }
            insert_new(connection, references, [row], key=["hash"])
            kept = connection.execute(_profile(reference)).scalar_one()
        if bytes(kept) != profile:
            raise PermanentError(
                "reference", f"reference {reference} is kept already with another content"
            )

    def get(self, reference: str) -> bytes | None:
        """The profile with this hash, or None."""
        with snapshot(self._engine) as connection:
            profile = connection.execute(_profile(reference)).scalar()
        return None if profile is None else bytes(profile)

    def sizes(self, named: Iterable[str]) -> dict[str, tuple[int, int]]:
        """When each was first kept (microseconds since 1970), and how long it is, in bytes."""
        table = references.c
        query = select(table.hash, table.created_at, func.length(table.profile)).where(
            table.hash.in_(list(named))
        )
        with snapshot(self._engine) as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def _profile(reference: str) -> Select[Any]:
    return select(references.c.profile).where(references.c.hash == reference)
