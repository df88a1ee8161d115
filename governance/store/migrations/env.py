"""Run by Alembic: migrate on the connection, and in the transaction, that the caller has open."""

from __future__ import annotations

from alembic import context

from governance.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite too: the engine starts its transactions itself
)
context.run_migrations()
