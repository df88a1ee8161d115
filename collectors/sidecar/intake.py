"""What the pump has sent and the reader has not looked at yet.

A picture takes longer to decode than to arrive. A thread of its own takes from the socket while
the reader is at work (decoders leave the interpreter to other threads), so that a burst waits here,
within the reader's bound, and not in the pump, which has room for little.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

_CHUNK_BYTES = 256 * 1024


class Intake:
    """Takes from ``pump`` while what waits and what the reader ``held`` is below ``limit`` bytes.

    Where nothing waits one chunk is taken whatever is held: what it completes makes room.
    """

    def __init__(self, pump: socket.socket, limit: int, held: Callable[[], int]) -> None:
        self._pump = pump
        self._limit = limit
        self._held = held
        self._chunks: SimpleQueue[bytes] = SimpleQueue()
        self._room = threading.Event()
        self._taken = 0  # bytes; written by the thread only
        self._used = 0  # bytes; written by the reader only

    def pieces(self) -> Iterator[list[bytes]]:
        """What came, in order, some at a time, until the pump closes its end."""
        threading.Thread(target=self._take, name="intake", daemon=True).start()
        ended = False
        while not ended:
            piece = self._piece()
            ended = not piece[-1]
            yield piece
            self._used += sum(map(len, piece))
            self._room.set()

    def _piece(self) -> list[bytes]:
        """All that waits, a little at most: the more is read together, the less each costs."""
        piece = [self._chunks.get()]
        size = len(piece[0])
        while piece[-1] and size < _CHUNK_BYTES and not self._chunks.empty():
            piece.append(self._chunks.get())
            size += len(piece[-1])
        return piece

    def _take(self) -> None:
        # One buffer for all: great blocks that shrink to what came would leave holes in memory.
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        with suppress(ConnectionResetError):  # of a pump that was killed: its end
            while size := self._pump.recv_into(buffer):
                self._taken += size
                self._chunks.put(bytes(buffer[:size]))
                self._wait_for_room()
        self._chunks.put(b"")

    def _wait_for_room(self) -> None:
        while self._is_full():
            self._room.clear()
            if self._is_full():  # it may have changed before the line above
                self._room.wait()

    def _is_full(self) -> bool:
        waiting = self._taken - self._used
        return waiting > 0 and waiting + self._held() >= self._limit
