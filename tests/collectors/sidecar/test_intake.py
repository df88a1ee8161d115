"""What waits between pump and reader: in order, within the bound, whatever the reader is at."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from collectors.sidecar.intake import Intake
from tests.collectors.sidecar.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
LIMIT = 8 * MIB
KERNEL = 2 * MIB  # more than what the two buffers of a socket pair take


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        yield ours, theirs


class Sender:
    """Sends in a thread of its own; ``sent`` bytes have left."""

    def __init__(self, sock: socket.socket, size: int) -> None:
        self.sent = 0
        self._sock, self._size = sock, size
        self.thread = threading.Thread(target=self._send, daemon=True)
        self.thread.start()

    def _send(self) -> None:
        pattern = bytes(range(251)) * 4_178  # a MiB, about
        while self.sent < self._size:
            self.sent += self._sock.send(pattern[self.sent % 251 :][: self._size - self.sent])
        self._sock.shutdown(socket.SHUT_WR)


def test_a_busy_reader_holds_nobody_up(pair: tuple[socket.socket, socket.socket]) -> None:
    """While it is at work on the first piece all that the bound allows leaves the pump."""
    ours, theirs = pair
    pieces = Intake(theirs, LIMIT, lambda: 0).pieces()
    sender = Sender(ours, LIMIT)
    first = next(pieces)
    wait_for(lambda: sender.sent == LIMIT)  # and ``first`` is still being looked at
    assert b"".join([*first, *(chunk for piece in pieces for chunk in piece)]) == _expected(LIMIT)


def test_beyond_the_bound_the_pump_waits(pair: tuple[socket.socket, socket.socket]) -> None:
    """What waits and what is held stay below the bound, and all arrives in order all the same."""
    ours, theirs = pair
    intake = Intake(theirs, LIMIT, lambda: LIMIT // 2)
    pieces = intake.pieces()
    sender = Sender(ours, 2 * LIMIT)
    first = next(pieces)
    wait_for(lambda: sender.sent >= LIMIT // 2)
    most = 0
    heard = [*first]
    for piece in pieces:
        heard += piece
        most = max(most, intake._taken - intake._used)
    assert b"".join(heard) == _expected(2 * LIMIT)
    assert most <= LIMIT // 2 + 2 * 256 * 1024  # a chunk that was on its way, and this piece


def test_with_no_room_at_all_it_goes_on_chunk_by_chunk(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """What a chunk completes may be what makes room: there is no waiting for each other."""
    ours, theirs = pair
    sender = Sender(ours, KERNEL)
    heard = [chunk for piece in Intake(theirs, 1, lambda: LIMIT).pieces() for chunk in piece]
    assert b"".join(heard) == _expected(KERNEL)
    sender.thread.join()


def _expected(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]
