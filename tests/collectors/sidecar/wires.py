"""Conversations over TCP, byte by byte: a server and a client that follow a script."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SECONDS = 20.0


@dataclass(frozen=True)
class Turn:
    """What the client says, all of it, before the server answers, all of it."""

    request: bytes
    response: bytes


@dataclass(frozen=True)
class Script:
    """Turns, cut into writes of the given sizes; who says the last word and how."""

    turns: tuple[Turn, ...]
    cuts: tuple[int, ...] = (1_000_000,)
    half_close: bool = False  # the client ends its side before the last answer
    server_closes: bool = False

    @property
    def said(self) -> tuple[bytes, bytes]:
        """What a direct connection would have carried: to the server, to the client."""
        return (
            b"".join(turn.request for turn in self.turns),
            b"".join(turn.response for turn in self.turns),
        )


class ScriptedServer:
    """Plays the server's part of one script after the other."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._scripts: queue.Queue[Script] = queue.Queue()
        self._heard: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._serve, daemon=True).start()

    def play(self, script: Script, port: int, between: Callable[[], None] | None = None) -> bytes:
        """Talk through ``port``; returns what the client heard.

        ``between`` is called in the middle of the first request.
        """
        with self.open(script, port) as sock:
            heard = b""
            for turn in script.turns:
                half = len(turn.request) // 2 if between is not None else 0
                _send(sock, turn.request[:half], script.cuts)
                if between is not None:
                    between()
                    between = None
                _send(sock, turn.request[half:], script.cuts)
                if script.half_close and turn is script.turns[-1]:
                    sock.shutdown(socket.SHUT_WR)
                heard += _receive(sock, len(turn.response))
            if not (script.half_close or script.server_closes):
                sock.shutdown(socket.SHUT_WR)
            return heard + _receive(sock, None)

    def open(self, script: Script, port: int) -> socket.socket:
        """A connection on which the server will follow the script."""
        self._scripts.put(script)
        sock = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def heard(self) -> bytes:
        """What the server heard in the last script, to its client's last word."""
        return self._heard.get(timeout=_SECONDS)

    def close(self) -> None:
        """Serve no more."""
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listening.accept()
                threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock: socket.socket) -> None:
        try:
            script = self._scripts.get_nowait()
        except queue.Empty:  # a readiness probe
            sock.close()
            return
        with sock, contextlib.suppress(ConnectionError):  # a client may leave when it likes
            sock.settimeout(_SECONDS)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            heard = b""
            for turn in script.turns:
                heard += _receive(sock, len(turn.request))
                _send(sock, turn.response, script.cuts)
            if script.server_closes:
                sock.shutdown(socket.SHUT_WR)
            self._heard.put(heard + _receive(sock, None))


@contextlib.contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """A server that is closed in the end."""
    server = ScriptedServer()
    try:
        yield server
    finally:
        server.close()


def _send(sock: socket.socket, stream: bytes, cuts: tuple[int, ...]) -> None:
    at = number = 0
    while at < len(stream):
        size = cuts[number % len(cuts)]
        sock.sendall(stream[at : at + size])
        at, number = at + size, number + 1


def _receive(sock: socket.socket, size: int | None) -> bytes:
    """So many bytes, or all to the end."""
    parts, left = [], size
    while left is None or left > 0:
        chunk = sock.recv(65_536 if left is None else min(left, 65_536))
        if not chunk:
            break
        parts.append(chunk)
        left = None if left is None else left - len(chunk)
    return b"".join(parts)
