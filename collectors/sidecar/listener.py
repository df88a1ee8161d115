"""Where clients connect."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

_AT_ONCE = 64  # connections, before those that are open have their turn
_NO_ROOM_SECONDS = 0.1  # until the next attempt, where descriptors or memory are short


class Listener:
    """Calls ``accepted`` with each connection that a bound socket takes, until it is closed."""

    def __init__(self, sock: socket.socket, accepted: Callable[[socket.socket], object]) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self.address = sock.getsockname()
        self._socket = sock
        self._accepted = accepted
        self._loop = asyncio.get_running_loop()
        self._listen()

    def close(self) -> None:
        """Take no more connections."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _listen(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, _address = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(self._socket.fileno())
                self._loop.call_later(_NO_ROOM_SECONDS, self._listen)
                return
            self._accepted(sock)
