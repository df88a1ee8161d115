"""The bound on copies that the reader does not have yet, and their way to it.

Copies of requests under way and frames that wait for the socket share one budget (4 MiB). What
does not fit is not copied: the request that asked for the room is dropped, exactly that one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from collectors.sidecar.frames import Kind, ends_in, pack

if TYPE_CHECKING:
    import socket

BUDGET_BYTES = 4 * 1024 * 1024
_EAGER_BYTES = 64 * 1024  # hand over at once from here on ...
_LINGER_SECONDS = 0.02  # ... else once in a while: each hand-over wakes the reader
_BUFFERS = 256  # per system call
_END_BYTES = 128  # of an END without heads and bodies, at most


class Budget:
    """Bytes held for the reader: heads as they come, bodies while ``held`` is below ``limit``."""

    def __init__(self, limit: int = BUDGET_BYTES) -> None:
        self.limit = limit
        self.held = 0


class Outbox:
    """Frames on their way to the reader, whether it lives or not."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._ends: list[tuple[Any, ...]] = []  # to be packed together, which costs half
        self._ends_bytes = 0  # held for them
        self._frames: deque[bytes] = deque()
        self._sent = 0  # bytes of the first frame
        self._waiting = 0  # bytes of all frames
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._blocked = False
        self._loop = asyncio.get_running_loop()

    @property
    def unsent_ends(self) -> int:
        """Requests whose END has not left."""
        return len(self._ends) + sum(map(ends_in, self._frames))

    @property
    def empty(self) -> bool:
        """Whether everything has left."""
        return not (self._frames or self._ends)

    def end(self, fields: tuple[Any, ...], reserved: int) -> bool:
        """Hand over a finished request, the fields of ``End``, and the room held for it.

        False: there is none for the little that comes on top.
        """
        budget = self.budget
        if budget.held + _END_BYTES > budget.limit:
            budget.held -= reserved
            return False
        budget.held += _END_BYTES
        self._ends.append(fields)
        self._ends_bytes += reserved + _END_BYTES
        if self._ends_bytes >= _EAGER_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(_LINGER_SECONDS, self.flush)
        return True

    def part(self, number: int, side: int, copies: list[bytes], reserved: int) -> None:
        """Hand copies of a long body over, in place of the bytes held for them."""
        frame = pack(Kind.PART, number, side, copies)
        self.budget.held += len(frame) - reserved
        self._put(frame)

    def copy(self, number: int, side: int, part: bytes, now_us: int) -> bool:
        """Hand over what went by on an HTTP/2 connection; False: no room."""
        frame = pack(Kind.BYTES, number, side, part, now_us)
        if self.budget.held + len(frame) > self.budget.limit:
            return False
        self.budget.held += len(frame)
        self._put(frame)
        return True

    def note(self, kind: Kind, *items: int) -> None:
        """Say something small."""
        frame = pack(kind, *items)
        self.budget.held += len(frame)
        self._put(frame)

    def attach(self, sock: socket.socket | None) -> None:
        """Send to another reader from now on; a frame that was cut off is sent again, whole."""
        if self._socket is not None and self._blocked:
            self._loop.remove_writer(self._socket)
        self._blocked = False
        self.budget.held += self._sent
        self._waiting += self._sent
        self._sent = 0
        self._socket = sock
        self.flush()

    def flush(self) -> None:
        """Send what the socket takes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pack_ends()
        if self._socket is None or self._blocked:
            return
        try:
            while self._frames:
                self._advance(self._socket.sendmsg(self._buffers()))
        except BlockingIOError:
            self._blocked = True
            self._loop.add_writer(self._socket, self._unblock)
        except OSError:  # the reader is dead: the supervisor will attach another
            self._socket = None

    def _pack_ends(self) -> None:
        if self._ends:
            frame = pack(Kind.END, self._ends)
            self.budget.held += len(frame) - self._ends_bytes
            self._ends, self._ends_bytes = [], 0
            self._frames.append(frame)
            self._waiting += len(frame)

    def _put(self, frame: bytes) -> None:
        self._pack_ends()  # first: what is said later comes later
        self._frames.append(frame)
        self._waiting += len(frame)
        if self._waiting >= _EAGER_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(_LINGER_SECONDS, self.flush)

    def _buffers(self) -> list[bytes | memoryview]:
        buffers: list[bytes | memoryview] = [memoryview(self._frames[0])[self._sent :]]
        buffers += islice(self._frames, 1, _BUFFERS)
        return buffers

    def _advance(self, n: int) -> None:
        self.budget.held -= n
        self._waiting -= n
        self._sent += n
        while self._frames and self._sent >= len(self._frames[0]):
            self._sent -= len(self._frames.popleft())

    def _unblock(self) -> None:
        if self._socket is not None:
            self._loop.remove_writer(self._socket)
        self._blocked = False
        self.flush()
