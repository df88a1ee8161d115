"""One URL, one engine: SQLite for one process, PostgreSQL beyond.

SQLite runs in WAL mode with ``synchronous=FULL``: a committed transaction survives kill -9 and
power loss, an uncommitted one leaves nothing. Every transaction that may write starts with
``BEGIN IMMEDIATE``, so it waits for its turn at the start and never fails half way. On PostgreSQL
transactions are READ COMMITTED, and whatever must not move meanwhile is locked by row.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from governance.errors import ConfigError
from governance.store import postgres
from governance.store.faults import translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

BUSY_SECONDS = 30  # how long a SQLite transaction waits for its turn
ANSWER_SECONDS = 30  # how long PostgreSQL may take to answer
_STATEMENT_MARGIN_SECONDS = 5  # the server gives up first and says why
_POOL_SECONDS = 10
_ROWS_PER_STATEMENT = 200  # a pane may be 25 kB, and the driver holds a statement three times
_WAL_KEPT_BYTES = 64 * 1024 * 1024
_SNAPSHOT = "evenhand_snapshot"


def open_engine(url: str, *, answer_seconds: int = ANSWER_SECONDS) -> Engine:
    """The engine of a database URL; nothing is connected yet.

    Parameters
    ----------
    url
        ``sqlite:///FILE``, or ``postgresql://USER@HOST:PORT/DB`` (also ``postgresql+psycopg://``
        and ``postgresql+pg8000://``) with ``sslmode``, ``sslrootcert`` and ``application_name``.
    answer_seconds
        How long PostgreSQL may take to answer a statement; 0 waits for ever (migrations).

    Raises
    ------
    ConfigError
        If the URL cannot be read or used; the message never shows a password.
    """
    parsed = _parse(url)
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return _open_sqlite(parsed)
    if parsed.drivername in postgres.SCHEMES:
        return _open_postgres(parsed, answer_seconds)
    raise ConfigError(
        f"the database URL starts with {parsed.drivername}://: write sqlite:///FILE or "
        "postgresql://USER@HOST:PORT/DB"
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write: all of it is committed at the end, or nothing.

    Raises
    ------
    StoreError
        If the database is away, cut off or busy. If that happens in the commit itself, whether
        it took place is unknown: read again, or write what is harmless to repeat.
    ConfigError
        If the database refuses us or has no schema.
    """
    with translated(engine), engine.begin() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, all of it from one state of the database."""
    with translated(engine), engine.connect() as connection:
        connection.execution_options(**{_SNAPSHOT: True})
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                )
            yield connection


def ping(engine: Engine) -> None:
    """Ask the database for an answer; raises StoreError or ConfigError where there is none."""
    with snapshot(engine) as connection:
        connection.exec_driver_sql("SELECT 1")


def database_now_us(connection: Connection) -> int:
    """The database's own clock, microseconds since 1970 UTC (SQLite: in whole milliseconds).

    Leases are compared by it, so replicas whose clocks differ agree on who holds one.
    """
    if connection.dialect.name == "postgresql":
        query = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
    else:
        query = "SELECT CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000"
    return int(connection.execute(text(query)).scalar_one())


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # the cause would show the URL, and the URL may hold a password
        raise ConfigError(
            "the database URL cannot be read: write sqlite:///FILE or "
            "postgresql://USER@HOST:PORT/DB (special characters of a password as %XX)"
        ) from None


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ConfigError("SQLite needs a file that survives a restart: write sqlite:///FILE")
    folder = Path(url.database).parent
    if not folder.is_dir():
        raise ConfigError(f"the database file {url.database}: no folder {folder}; create it first")
    arguments: dict[str, Any] = {"timeout": BUSY_SECONDS, "isolation_level": None}
    engine = create_engine(
        url, hide_parameters=True, pool_timeout=_POOL_SECONDS, connect_args=arguments
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"journal_size_limit={_WAL_KEPT_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_SNAPSHOT, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _open_postgres(url: URL, answer_seconds: int) -> Engine:
    url, arguments = postgres.driver_arguments(postgres.choose_driver(url), answer_seconds)
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=_POOL_SECONDS,
        insertmanyvalues_page_size=_ROWS_PER_STATEMENT,
        connect_args=arguments,
    )
    in_time = max(answer_seconds - _STATEMENT_MARGIN_SECONDS, 1)
    statement_seconds = in_time if answer_seconds else 0

    def prepare(connection: Any, _record: Any) -> None:
        postgres.bound_waits(connection, statement_seconds)

    if engine.driver == "pg8000":
        from governance.store.pg8000 import connect  # noqa: PLC0415 - psycopg may stand alone

        event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", prepare)
    return engine
