"""The connection of pg8000 (BSD), where it needs help.

1. It writes a question in several pieces, and the last waits, by Nagle's algorithm, for the
   server's delayed acknowledgement: without TCP_NODELAY a large commit takes 3 times as long.
2. It has one time limit for reaching the server and for every answer.
3. A cut or a time-out while it reads an answer passes as OSError, which SQLAlchemy does not take
   for a lost connection; and closing a lost connection raises.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pg8000

from governance.store.postgres import CONNECT_SECONDS

if TYPE_CHECKING:
    from sqlalchemy import Dialect

LOST = "network error"  # the words by which SQLAlchemy knows a lost connection


class Connection(pg8000.Connection):  # type: ignore[misc] # pg8000 has no types
    """A connection that says so when it is lost, and closes quietly."""

    def handle_messages(self, context: Any) -> None:
        """Read the server's answer."""
        try:
            super().handle_messages(context)
        except OSError as error:
            raise pg8000.InterfaceError(f"{LOST}: {error}") from error

    def close(self) -> None:
        """End the session, if it is still there."""
        with suppress(pg8000.InterfaceError):
            super().close()


def connect(_dialect: Dialect, _record: Any, _args: Any, keywords: dict[str, Any]) -> Connection:
    """Reach the server within CONNECT_SECONDS and log in."""
    host, port = keywords.get("host") or "localhost", keywords.get("port") or 5432
    try:
        reached = socket.create_connection((host, port), CONNECT_SECONDS)
    except OSError as error:
        raise pg8000.InterfaceError(f"no connection to {host}:{port}: {error}") from error
    try:
        reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reached.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        reached.settimeout(keywords.get("timeout"))
        return Connection(**keywords, sock=reached)
    except BaseException as error:
        reached.close()
        if isinstance(error, OSError):  # log-in and TLS are let through as well
            raise pg8000.InterfaceError(str(error)) from error
        raise
