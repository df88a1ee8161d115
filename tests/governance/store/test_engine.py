from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from governance.errors import ConfigError, EvenhandError, StoreError
from governance.store import engine as engine_module
from governance.store import postgres as postgres_module
from governance.store.engine import open_engine, ping, snapshot, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import URL, Engine

    from tests.testkit.postgres import PostgresServer


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path / 'e.db'}")
    yield opened
    opened.dispose()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "cannot be read"),
        ("evenhand.db", "cannot be read"),
        ("postgresql://u:se cret@h:port/d", "cannot be read"),
        ("mysql://u:secret@h/d", r"starts with mysql://: write sqlite:///FILE or postgresql://"),
        ("postgresql+asyncpg://u:secret@h/d", r"starts with postgresql\+asyncpg://"),
        ("sqlite://", "needs a file that survives a restart"),
        ("sqlite:///:memory:", "needs a file that survives a restart"),
        ("sqlite:////nowhere/at/all/e.db", "no folder /nowhere/at/all; create it first"),
        ("postgresql://h/d", "names no user"),
        ("postgresql://u@h/d?sslmode=maybe", "sslmode=maybe: known are disable, prefer"),
        ("postgresql://u@h/d?pool=5", "parameter 'pool': known are application_name, sslmode"),
        ("postgresql://u@h/d?sslmode=verify-full&sslrootcert=/no.pem", "/no.pem, which cannot"),
    ],
)
def test_url_that_cannot_work_is_refused(url: str, words: str) -> None:
    """The message says what to write instead, and never shows a password."""
    with pytest.raises(ConfigError, match=words) as refused:
        open_engine(url)
    assert "secret" not in str(refused.value)
    assert "se cret" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+pg8000"])
def test_pg8000_carries_every_postgresql_url(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without psycopg on the machine all three spellings use pg8000."""
    monkeypatch.setattr(postgres_module, "find_spec", _all_but("psycopg"))
    assert open_engine(f"{scheme}://u@h/d").driver == "pg8000"


def test_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any driver the message says what to install."""
    monkeypatch.setattr(postgres_module, "find_spec", _all_but("psycopg", "pg8000"))
    with pytest.raises(ConfigError, match=r"pip install 'evenhand\[postgres\]'"):
        open_engine("postgresql://u@h/d")


def test_uncommitted_write_is_undone(sqlite: Engine) -> None:
    """An exception inside a transaction leaves nothing of it, DDL included."""

    def write_and_fail() -> None:
        with transaction(sqlite) as connection:
            connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with snapshot(sqlite) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0


def test_snapshot_does_not_see_later_commits(sqlite: Engine) -> None:
    """Two reads of one snapshot agree although another connection commits in between."""
    with transaction(sqlite) as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")
    count = "SELECT count(*) FROM t"
    with snapshot(sqlite) as reader:
        before = reader.exec_driver_sql(count).scalar()
        with transaction(sqlite) as writer:
            writer.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert reader.exec_driver_sql(count).scalar() == before


def test_sqlite_commits_survive_power_loss(sqlite: Engine) -> None:
    """WAL with synchronous=FULL: each commit is on the disk when it returns."""
    with snapshot(sqlite) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_busy_sqlite_is_transient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that another process keeps locked is a StoreError, after the wait."""
    monkeypatch.setattr(engine_module, "BUSY_SECONDS", 0.05)
    path = tmp_path / "e.db"
    blocked = open_engine(f"sqlite:///{path}")
    ping(blocked)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked"), transaction(blocked):
            pass
    with transaction(blocked):  # the failed start has left no open transaction behind
        pass
    blocked.dispose()


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A wrong file is the operator's to mend, not to retry."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at as one\n" * 100)
    wrong = open_engine(f"sqlite:///{path}")
    with pytest.raises(ConfigError, match="file is not a database"):
        ping(wrong)
    wrong.dispose()


def test_fault_of_the_program_passes_unchanged(sqlite: Engine) -> None:
    """A wrong statement is neither retried nor blamed on the operator."""
    with pytest.raises(OperationalError, match="syntax error"), transaction(sqlite) as connection:
        connection.exec_driver_sql("SELEC 1")


def test_postgresql_that_is_away_is_transient() -> None:
    """A closed port is a StoreError that names the place and hides the password."""
    away = open_engine("postgresql://u:secret@127.0.0.1:1/d")
    with pytest.raises(StoreError, match=r"u:\*\*\*@127\.0\.0\.1:1/d is away") as raised:
        ping(away)
    assert "secret" not in str(raised.value)


def test_server_that_never_answers_is_transient() -> None:
    """A port that accepts and stays silent costs the time limit and is a StoreError."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        hung = open_engine(f"postgresql://u@127.0.0.1:{port}/d", answer_seconds=1)
        with pytest.raises(StoreError, match="timed out"):
            ping(hung)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.set(database="nowhere"), 'database "nowhere" does not exist'),
        (lambda url: url.set(username="nobody_here"), 'role "nobody_here" does not exist'),
        (lambda url: url.set(query={"sslmode": "require"}), "Server refuses SSL"),
    ],
)
def test_postgresql_that_refuses_is_a_configuration_error(
    postgres: PostgresServer, change: Callable[[URL], URL], words: str
) -> None:
    """No such database, no such user, no TLS: the operator must act, in the server's words."""
    refused = open_engine(change(postgres.url).render_as_string(hide_password=False))
    with pytest.raises(ConfigError, match=words):
        ping(refused)
    refused.dispose()


@pytest.mark.parametrize("query", [{}, {"sslmode": "disable"}, {"application_name": "evenhand"}])
def test_postgresql_answers(postgres: PostgresServer, query: dict[str, str]) -> None:
    """TLS where offered, or none; a name that shows in the server's list of sessions."""
    opened = open_engine(postgres.url.set(query=query).render_as_string(hide_password=False))
    ping(opened)
    with snapshot(opened) as connection:
        shown = connection.exec_driver_sql("SHOW application_name").scalar()
    opened.dispose()
    assert shown == query.get("application_name", "")


def test_postgresql_statement_that_takes_too_long_is_transient(postgres: PostgresServer) -> None:
    """The server ends it in time and says so; the connection stays whole."""
    url = postgres.url.render_as_string(hide_password=False)
    slow = open_engine(url, answer_seconds=6)
    with pytest.raises(StoreError, match="statement timeout"), transaction(slow) as connection:
        connection.exec_driver_sql("SELECT pg_sleep(5)")
    ping(slow)
    slow.dispose()


def test_postgresql_fault_of_the_program_passes_unchanged(postgres: PostgresServer) -> None:
    """A wrong statement is neither retried nor blamed on the operator."""
    opened = open_engine(postgres.url.render_as_string(hide_password=False))
    with pytest.raises(ProgrammingError) as raised, transaction(opened) as connection:
        connection.exec_driver_sql("SELEC 1")
    opened.dispose()
    assert not isinstance(raised.value, EvenhandError)


def _all_but(*absent: str) -> object:
    return lambda name: None if name in absent else find_spec(name)
