"""Runs an ASGI application on a thread or in the foreground, on an address that is free."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from governance.errors import ConfigError
from governance.service.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

_STOP_SECONDS = 10


def parse_address(text: str) -> tuple[str, int]:
    """Read HOST:PORT; raises ConfigError with the remedy."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"{text!r} is not HOST:PORT: write for example 127.0.0.1:8600")
    return host.strip("[]"), int(port)


def bind(address: str) -> socket.socket:
    """A listening socket; port 0 takes any free one."""
    host, port = parse_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on {address}: {error.strerror}") from None
    listener.listen(1_024)
    return listener


def address_of(listener: socket.socket) -> str:
    """HOST:PORT that a client connects to."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def served(app: FastAPI, *listeners: socket.socket) -> Iterator[str]:
    """Serve on a thread while the block runs; gives the base URL of the first listener."""
    config = uvicorn.Config(
        app,
        http=Patience,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    server = uvicorn.Server(config)
    started = threading.Event()
    thread = threading.Thread(target=_serve, args=(server, listeners, started), daemon=True)
    thread.start()
    started.wait()
    try:
        yield f"http://{address_of(listeners[0])}"
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS + 5)


def _serve(
    server: uvicorn.Server, listeners: tuple[socket.socket, ...], started: threading.Event
) -> None:
    started.set()  # the sockets listen already: a client that connects now is answered soon
    server.run(sockets=list(listeners))
