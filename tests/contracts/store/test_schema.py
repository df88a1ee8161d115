from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, inspect, text

from governance.errors import ConfigError
from governance.store.engine import open_engine, snapshot, transaction
from governance.store.schema import Migration, check_schema, migrate
from governance.store.tables import metadata
from tests.contracts.store.conftest import migrated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine


@pytest.fixture
def empty(empty_url: str) -> Iterator[Engine]:
    opened = open_engine(empty_url)
    yield opened
    opened.dispose()


def index(found: Any) -> tuple[str, ...]:
    """Name, columns and, of a partial index, the condition."""
    options = found.get("dialect_options", {})
    wheres = [str(value) for name, value in options.items() if name.endswith("_where")]
    return found["name"], str(found["unique"]), *found["column_names"], *wheres


def shape(engine: Engine) -> dict[str, Any]:
    """Tables with columns, keys and indexes as the database itself describes them."""
    found = inspect(engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
            found.get_pk_constraint(table)["constrained_columns"],
            sorted(index(i) for i in found.get_indexes(table)),
            sorted(str(u) for u in found.get_unique_constraints(table)),
        )
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def test_migrated_schema_is_that_of_the_tables(empty: Engine, engine: Engine) -> None:
    """Migrations and tables.py describe one schema: same columns, types, keys and indexes."""
    with transaction(empty) as connection:
        metadata.create_all(connection)
    assert shape(engine) == shape(empty)
    with snapshot(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrate_says_from_where_to_where(empty: Engine) -> None:
    """A new database goes from nothing to the newest revision, and then stays."""
    assert migrate(empty) == Migration(None, "0005")
    assert migrate(empty) == Migration("0005", "0005")


def test_migrations_that_start_at_once_take_turns(empty_url: str) -> None:
    """Four processes' worth of migrations leave one schema and no error."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrated, [empty_url] * 4))
    engine = open_engine(empty_url)
    check_schema(engine)
    engine.dispose()


def test_failed_migration_leaves_nothing(empty: Engine) -> None:
    """When a table is in the way no other table is made either."""
    with transaction(empty) as connection:
        connection.execute(text("CREATE TABLE topics (other TEXT)"))
    with pytest.raises(Exception, match="already exists"):
        migrate(empty)
    found = MetaData()
    found.reflect(empty)
    assert sorted(found.tables) == ["topics"]


def test_newer_schema_is_refused(engine: Engine) -> None:
    """A program that does not know the schema's revision touches nothing and says what to do."""
    with transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refused in (check_schema, migrate):
        with pytest.raises(ConfigError, match="schema 9999, newer than this program's 0005"):
            refused(engine)


def test_database_without_schema_is_refused(empty: Engine) -> None:
    """The message names the command that makes the tables."""
    with pytest.raises(ConfigError, match=r"has no schema.*run evenhand migrate"):
        check_schema(empty)


def test_statement_without_tables_says_migrate(empty: Engine) -> None:
    """A port used on an empty database is a configuration error, not a crash."""
    with pytest.raises(ConfigError, match="run evenhand migrate"), snapshot(empty) as connection:
        connection.execute(text("SELECT * FROM panes"))


def test_matching_schema_is_accepted(engine: Engine) -> None:
    """A migrated database passes."""
    check_schema(engine)
