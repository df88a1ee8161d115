"""The schema's life: migrate it under a lock, and refuse one that is not ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from governance.errors import ConfigError
from governance.store.engine import snapshot, transaction
from governance.store.faults import place

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x65766568  # PostgreSQL advisory lock: "eveh"


@dataclass(frozen=True, slots=True)
class Migration:
    """Schema revisions before and after; None = no tables yet."""

    before: str | None
    after: str


def migrate(engine: Engine) -> Migration:
    """Bring the database to this program's schema.

    One transaction under a lock (PostgreSQL: advisory; SQLite: the only writer), so of several
    that start at once one migrates and the others wait and find it done, and a crash leaves what
    was there before.

    Raises
    ------
    ConfigError
        If the schema is newer than this program.
    StoreError
        If the database is away or the lock cannot be had in time.
    """
    with transaction(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = _revision(connection)
        _refuse_newer(engine, before)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return Migration(before, _head())


def check_schema(engine: Engine) -> None:
    """Make sure that the database has exactly this program's schema.

    Raises
    ------
    ConfigError
        If it is older, newer or none; the message says what to do.
    """
    with snapshot(engine) as connection:
        found = _revision(connection)
    _refuse_newer(engine, found)
    if found != _head():
        has = "no schema" if found is None else f"schema {found}"
        raise ConfigError(
            f"database {place(engine)} has {has}, this program needs schema {_head()}: "
            "run evenhand migrate"
        )


def _refuse_newer(engine: Engine, found: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if found is not None and found not in known:
        raise ConfigError(
            f"database {place(engine)} has schema {found}, newer than this program's {_head()}: "
            "install the version of evenhand that wrote it, or a later one"
        )


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _head() -> str:
    head = _scripts().get_current_head()
    if head is None:
        raise ConfigError(f"no migrations in {_MIGRATIONS}: the installation is damaged")
    return head


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
