"""One side of a connection: what is written arrives, in order, and little of it waits."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from collectors.sidecar.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_SECONDS = 20.0
PART = bytes(range(256)) * 100


class Told(Stream):
    """Remembers what it was told."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.heard = b""
        self.said: list[str] = []
        self._news = asyncio.Event()
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.resume_reading()

    @property
    def waiting(self) -> int:
        """Bytes that the kernel has not taken."""
        return len(self._waiting)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what is heard to make it so."""
        while not holds():
            self._news.clear()
            await self._news.wait()

    def received(self, chunk: bytes) -> None:
        self.heard += chunk
        self._news.set()

    def eof_received(self) -> bool:
        self.said.append("eof")
        self._news.set()
        return True

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(error)


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection; the second is the peer's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    peer.settimeout(_SECONDS)
    return ours, peer


def on_loop(scene: Callable[[Told, socket.socket], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        ours, peer = pair()
        with ours, peer:
            async with asyncio.timeout(_SECONDS):
                await scene(Told(ours), peer)

    asyncio.run(run())


def read_all(peer: socket.socket) -> bytes:
    return b"".join(iter(lambda: peer.recv(10_000), b""))


def test_what_a_slow_peer_does_not_take_waits_and_is_bounded() -> None:
    """Of a writer that minds ``pause_writing`` at most one part waits; all of them arrive."""

    async def scene(stream: Told, peer: socket.socket) -> None:
        parts, most = 400, 0
        reading = None
        for number in range(parts):
            if not stream.may_write.is_set():
                reading = reading or asyncio.create_task(asyncio.to_thread(read_all, peer))
                await stream.may_write.wait()
            stream.write(PART)
            most = max(most, stream.waiting)
            assert number or not stream.waiting
        stream.write_eof()
        assert reading is not None  # it was full at least once
        assert await reading == PART * parts
        assert 0 < most <= len(PART)

    on_loop(scene)


def test_closing_waits_for_what_was_written() -> None:
    """Nothing is cut off; then the socket is closed, by us."""

    async def scene(stream: Told, peer: socket.socket) -> None:
        written = 0
        while not stream.waiting:
            stream.write(PART)
            written += 1
        stream.close()
        assert await asyncio.to_thread(read_all, peer) == PART * written
        assert await stream.lost is None

    on_loop(scene)


def test_a_peer_that_says_no_more_is_still_answered() -> None:
    """Half-close, heard once."""

    async def scene(stream: Told, peer: socket.socket) -> None:
        peer.sendall(PART)
        peer.shutdown(socket.SHUT_WR)
        await stream.until(lambda: bool(stream.said))
        stream.resume_reading()  # changes nothing: all was heard
        stream.write(b"answer")
        stream.write_eof()
        assert await asyncio.to_thread(read_all, peer) == b"answer"
        stream.close()
        await stream.lost
        assert (stream.heard, stream.said) == (PART, ["eof"])

    on_loop(scene)


@pytest.mark.parametrize("full", [False, True])
def test_a_reset_is_an_error_once(*, full: bool) -> None:
    """Whether we read or write; what waited is dropped, and more writing does nothing."""

    async def scene(stream: Told, peer: socket.socket) -> None:
        while full and not stream.waiting:
            stream.write(PART)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        assert isinstance(await stream.lost, ConnectionError)
        stream.write(PART)
        stream.close()
        stream.abort()
        assert stream.waiting == 0

    on_loop(scene)


def test_what_is_not_read_stays_with_the_kernel() -> None:
    """Paused, nothing is received until reading goes on."""

    async def scene(stream: Told, peer: socket.socket) -> None:
        stream.pause_reading()
        peer.sendall(PART)
        await asyncio.sleep(0)
        assert stream.heard == b""
        stream.resume_reading()
        await stream.until(lambda: stream.heard == PART)
        stream.close()
        assert await stream.lost is None

    on_loop(scene)
