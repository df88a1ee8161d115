"""PostgreSQL URLs: which driver carries them, and what it is told.

Users write ``postgresql+psycopg://USER@HOST:PORT/DB``. psycopg is LGPL and therefore no
dependency of ours: where it is installed and named it is used, everywhere else pg8000 (extra
``postgres``) carries the same URL.
"""

from __future__ import annotations

import ssl
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from governance.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import URL

SCHEMES = ("postgresql", "postgresql+psycopg", "postgresql+pg8000")
SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
PARAMETERS = ("application_name", "sslmode", "sslrootcert")
CONNECT_SECONDS = 10
LOCK_TIMEOUT_SECONDS = 10
IDLE_TRANSACTION_SECONDS = 60  # a stopped process must not hold its locks for ever


def choose_driver(url: URL) -> URL:
    """The same URL under the driver that will carry it, ``psycopg`` or ``pg8000``.

    Raises
    ------
    ConfigError
        If no driver is installed, or the URL names no user or a parameter that is not known.
    """
    _check(url)
    if url.drivername == "postgresql+psycopg" and find_spec("psycopg") is not None:
        return url
    if find_spec("pg8000") is None:
        raise ConfigError(
            "PostgreSQL needs a driver and none is installed: pip install 'evenhand[postgres]'"
        )
    return url.set(drivername="postgresql+pg8000")


def driver_arguments(url: URL, answer_seconds: int) -> tuple[URL, dict[str, Any]]:
    """What is left of the URL, and what its driver's ``connect`` is given beside it."""
    if url.drivername == "postgresql+psycopg":
        unanswered_ms = answer_seconds * 1_000
        return url, {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": unanswered_ms}
    arguments: dict[str, Any] = {"timeout": answer_seconds or None, "ssl_context": _tls(url)}
    return url.difference_update_query(["sslmode", "sslrootcert"]), arguments


def bound_waits(connection: Any, statement_seconds: int) -> None:
    """Bound, for the rest of the session, how long a statement, a lock and a pause may last."""
    cursor = connection.cursor()
    for setting, seconds in (
        ("statement_timeout", statement_seconds),
        ("lock_timeout", min(LOCK_TIMEOUT_SECONDS, statement_seconds)),
        ("idle_in_transaction_session_timeout", IDLE_TRANSACTION_SECONDS),
    ):
        cursor.execute(f"SET SESSION {setting} = '{seconds}s'")
    cursor.close()
    connection.commit()


def _check(url: URL) -> None:
    if not url.username:
        raise ConfigError("the database URL names no user: write postgresql://USER@HOST:PORT/DB")
    unknown = sorted(set(url.query) - set(PARAMETERS))
    if unknown:
        raise ConfigError(
            f"the database URL has the parameter {unknown[0]!r}: known are {', '.join(PARAMETERS)}"
        )
    mode = url.query.get("sslmode", "prefer")
    if mode not in SSL_MODES:
        raise ConfigError(f"the database URL says sslmode={mode}: known are {', '.join(SSL_MODES)}")


def _tls(url: URL) -> ssl.SSLContext | bool | None:
    """pg8000's ``ssl_context``: False never, None where offered, True always but unverified."""
    mode = url.query.get("sslmode", "prefer")
    if not str(mode).startswith("verify"):
        return {"disable": False, "prefer": None, "require": True}[str(mode)]
    authority = url.query.get("sslrootcert")
    try:
        context = ssl.create_default_context(cafile=None if authority is None else str(authority))
    except OSError as error:
        raise ConfigError(
            f"the database URL says sslrootcert={authority}, which cannot be read: {error}"
        ) from error
    context.check_hostname = mode == "verify-full"
    return context
