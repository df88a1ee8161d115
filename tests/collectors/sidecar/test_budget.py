from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from collectors.sidecar.budget import Budget, Outbox
from collectors.sidecar.frames import Kind, Unpacker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def on_loop(scene: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await scene()

    asyncio.run(run())


def drain(sock: socket.socket) -> bytes:
    received = b""
    while True:
        try:
            chunk = sock.recv(1 << 20)
        except BlockingIOError:
            return received
        if not chunk:
            return received
        received += chunk


def pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    theirs.settimeout(0)
    return ours, theirs


def test_what_has_left_gives_its_room_back() -> None:
    """Held bytes are those that the socket has not taken, to the byte."""

    async def scene() -> None:
        outbox = Outbox(Budget())
        ours, theirs = pair()
        with ours, theirs:
            outbox.attach(ours)
            for number in range(2_000):
                outbox.part(number, 0, [b"x" * 1_000], 0)
            assert 0 < outbox.budget.held < 2_000_000
            received = b""
            while not outbox.empty:
                received += drain(theirs)
                await asyncio.sleep(0)
            received += drain(theirs)
        assert outbox.budget.held == 0
        assert [f[1] for f in Unpacker().feed(received)] == list(range(2_000))

    on_loop(scene)


def test_a_frame_that_a_dying_reader_cut_off_is_sent_again_whole() -> None:
    """The next reader gets every frame that had not left completely, from its first byte."""

    async def scene() -> None:
        outbox = Outbox(Budget())
        ours, theirs = pair()
        outbox.attach(ours)
        for number in range(3_000):
            outbox.part(number, 0, [b"x" * 1_000], 0)
        first = list(Unpacker().feed(drain(theirs)))
        outbox.attach(None)
        theirs.close()
        ours.close()
        ours, theirs = pair()
        with ours, theirs:
            outbox.attach(ours)
            received = b""
            while not outbox.empty:
                received += drain(theirs)
                await asyncio.sleep(0)
            second = list(Unpacker().feed(received + drain(theirs)))
        assert [f[1] for f in first + second] == list(range(3_000))
        assert outbox.budget.held == 0

    on_loop(scene)


def test_a_dead_socket_keeps_the_frames() -> None:
    """Sending to a reader that is gone raises nothing and loses nothing that had not left."""

    async def scene() -> None:
        outbox = Outbox(Budget())
        ours, theirs = pair()
        with ours:
            outbox.attach(ours)
            theirs.close()
            outbox.note(Kind.MARK, 7)
            outbox.flush()
            assert not outbox.empty

    on_loop(scene)
