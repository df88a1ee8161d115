"""Drivers' errors in words of the error tree.

Away, cut off, too slow, full, or in another's way is a ``StoreError``: the same call may work
later. What only the operator can mend (no such database, refused, no schema) is a ``ConfigError``.
Anything else is a fault of this program and passes unchanged.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from governance.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from governance.errors import EvenhandError

# SQLSTATE classes and codes, PostgreSQL manual, appendix A
_AWAY_CLASSES = ("08", "40", "53", "57", "58")
_AWAY_CODES = ("25006", "25P03", "55P03")  # read-only standby, idle too long, lock not had in time
_REFUSED_CLASSES = ("28", "3D", "3F")
_REFUSED_CODES = ("42501",)
_NO_SCHEMA_CODES = ("42P01", "42703")

# where a driver gives no SQLSTATE (before a session exists), its words decide
_REFUSED_WORDS = (
    "password",
    "does not exist",
    "refuses SSL",
    "does not support SSL",
    "certificate verify failed",
)

_SQLITE_AWAY = ("BUSY", "LOCKED", "FULL", "IOERR", "NOMEM", "PROTOCOL", "INTERRUPT")
_SQLITE_REFUSED = ("CANTOPEN", "NOTADB", "READONLY", "CORRUPT", "PERM", "AUTH", "MISMATCH")


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Raise the error tree's errors for what the database's driver raises inside."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreError(
            f"database {place(engine)}: every connection is in use; try again"
        ) from error
    except DBAPIError as error:
        found = _of_driver(engine, error)
        if found is None:
            raise
        raise found from error


def place(engine: Engine) -> str:
    """Which database, without its password."""
    return engine.url.render_as_string(hide_password=True)


def _of_driver(engine: Engine, error: DBAPIError) -> EvenhandError | None:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(engine, cause)
    state, words = _sqlstate(cause)
    if state is None:
        return _without_state(engine, error, words)
    if state in _NO_SCHEMA_CODES:
        return _no_schema(engine)
    if state[:2] in _AWAY_CLASSES or state in _AWAY_CODES:
        return _away(engine, words)
    if state[:2] in _REFUSED_CLASSES or state in _REFUSED_CODES:
        return _refused(engine, words)
    return None


def _sqlstate(cause: BaseException | None) -> tuple[str | None, str]:
    """SQLSTATE and words: an attribute in psycopg, a dictionary argument in pg8000."""
    fields = cause.args[0] if cause is not None and cause.args else None
    if isinstance(fields, dict):
        return fields.get("C"), str(fields.get("M", ""))
    return getattr(cause, "sqlstate", None), str(cause)


def _without_state(engine: Engine, error: DBAPIError, words: str) -> EvenhandError | None:
    if any(phrase in words for phrase in _REFUSED_WORDS):
        return _refused(engine, words)
    if error.connection_invalidated or isinstance(error, InterfaceError | OperationalError):
        return _away(engine, words)
    return None


def _of_sqlite(engine: Engine, cause: sqlite3.Error) -> EvenhandError | None:
    code = getattr(cause, "sqlite_errorname", "").removeprefix("SQLITE_")
    if code.startswith(_SQLITE_AWAY):
        return _away(engine, str(cause))
    if code.startswith(_SQLITE_REFUSED):
        return _refused(engine, str(cause))
    return _no_schema(engine) if str(cause).startswith("no such ") else None


def _away(engine: Engine, words: str) -> StoreError:
    return StoreError(f"database {place(engine)} is away, busy or full: {words}")


def _refused(engine: Engine, words: str) -> ConfigError:
    return ConfigError(f"database {place(engine)} cannot be used: {words}")


def _no_schema(engine: Engine) -> ConfigError:
    return ConfigError(
        f"database {place(engine)} does not have this program's tables: run evenhand migrate"
    )
