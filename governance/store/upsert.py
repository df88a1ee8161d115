"""Many rows at once, in the one dialect that SQLite and PostgreSQL share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, tuple_
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Insert, RowMapping, Table

    Row = Mapping[str, Any]

KEYS_PER_STATEMENT = 500


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """The database's own INSERT, which knows ON CONFLICT."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def upsert(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Insert rows or, where their primary key is there already, set the other columns anew.

    Every row has all columns. Of several rows with one key the last counts.
    """
    key = _key_names(table)
    statement = insert_into(connection, table)
    changed = {c.name: statement.excluded[c.name] for c in table.c if c.name not in key}
    statement = statement.on_conflict_do_update(index_elements=key, set_=changed)
    execute_rows(connection, table, statement, list(_last_by_key(table, rows).values()))


def insert_new(
    connection: Connection, table: Table, rows: Sequence[Row], *, key: Sequence[str]
) -> None:
    """Insert the rows whose ``key`` is not there yet, in order; leave the others alone."""
    statement = insert_into(connection, table).on_conflict_do_nothing(index_elements=list(key))
    execute_rows(connection, table, statement, rows)


def execute_rows(
    connection: Connection, table: Table, statement: Insert, rows: Sequence[Row]
) -> None:
    """Execute an INSERT into ``table`` for many rows, in their order."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        # only with RETURNING does SQLAlchemy send many rows a statement: 4x faster with pg8000
        statement = statement.returning(next(iter(table.primary_key)))
    connection.execute(statement, [dict(row) for row in rows])


def write_blobs(connection: Connection, table: Table, blob: str, rows: Iterable[Row]) -> None:
    """Upsert the rows; those whose column ``blob`` is empty are deleted instead."""
    last = _last_by_key(table, rows)
    upsert(connection, table, [row for row in last.values() if row[blob]])
    emptied = [key for key, row in last.items() if not row[blob]]
    for keys in slices(emptied):
        connection.execute(delete(table).where(tuple_(*table.primary_key).in_(keys)))


def in_key_order(table: Table, rows: Iterable[RowMapping]) -> list[RowMapping]:
    """The rows by primary key, text by code point, whatever the database's collation."""
    key = _key_names(table)
    return sorted(rows, key=lambda row: [row[name] for name in key])


def slices(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The items in runs short enough for one statement's parameters."""
    for start in range(0, len(items), KEYS_PER_STATEMENT):
        yield items[start : start + KEYS_PER_STATEMENT]


def _key_names(table: Table) -> list[str]:
    return [column.name for column in table.primary_key]


def _last_by_key(table: Table, rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
    key = _key_names(table)
    return {tuple(row[name] for name in key): row for row in rows}
