"""Keeps a reader alive beside the pump.

The reader is a fresh interpreter, so that the pump stays small, started with one end of a socket
pair. When it dies, what it was given is counted by its successor (``Counters.take_stock``), and
traffic has not noticed.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from collectors.sidecar.counters import Pump
from collectors.sidecar.frames import Kind, Unpacker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.sidecar.budget import Outbox
    from collectors.sidecar.tap import Tap

START_SECONDS = 60.0
_MIN_BACKOFF_SECONDS = 0.5
_MAX_BACKOFF_SECONDS = 30.0
_CHUNK_BYTES = 64 * 1024

# One BLAS thread and two malloc arenas: a reader needs no more, and each costs memory.
_LEAN = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class ReaderFailed(Exception):
    """The reader says that it cannot work like this; ``code`` is the program's exit code."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        super().__init__(text)


class Supervisor:
    """Starts readers, one at a time; ``component`` is what the last one said it reads for."""

    def __init__(
        self, arguments: Sequence[str], outbox: Outbox, tap: Tap, cells: memoryview[int]
    ) -> None:
        self.component = ""
        self._arguments = arguments
        self._outbox = outbox
        self._tap = tap
        self._cells = cells
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._spoken: asyncio.Future[None] | None = None
        self._over = asyncio.Event()

    async def start(self) -> None:
        """Start a reader and wait until it has read its configuration.

        Raises
        ------
        ReaderFailed
            If it refuses, dies or says nothing for a minute.
        """
        self._spoken = asyncio.get_running_loop().create_future()
        self._spawn()
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.shield(self._spoken)  # it may still speak when nobody waits here
        except TimeoutError:
            await self.end()
            raise ReaderFailed(3, f"the reader was not ready in {START_SECONDS:g} s") from None

    async def keep(self) -> None:
        """Replace the reader whenever it dies, at growing intervals while it keeps dying."""
        loop = asyncio.get_running_loop()
        backoff = _MIN_BACKOFF_SECONDS
        ready = True
        while True:
            since = loop.time()
            await self._over.wait()
            code = await self.end()
            if ready:
                _say(f"the reader ended with code {code}: what it held is counted, another starts")
            if loop.time() - since > _MAX_BACKOFF_SECONDS:
                backoff = _MIN_BACKOFF_SECONDS
            await asyncio.sleep(backoff * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load
            backoff = min(2 * backoff, _MAX_BACKOFF_SECONDS)
            try:
                await self.start()
            except ReaderFailed as failure:
                _say(str(failure))
                self._over.set()
                ready = False
            else:
                ready = True

    async def stop(self, timeout_seconds: float) -> bool:
        """Let the reader have what is left and end in its own time; whether it did, cleanly."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        if self._over.is_set():  # between two readers: one more, for what waits
            await self.end()
            with suppress(ReaderFailed, TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self.start()
        self._outbox.note(Kind.CLOSE)
        while not self._outbox.empty and not self._over.is_set() and loop.time() < deadline:
            self._outbox.flush()
            await asyncio.sleep(0.01)
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_WR)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._over.wait()
        return await self.end() == 0

    async def end(self) -> int | None:
        """Reap the child, by force if it stays; its exit code."""
        if self._socket is not None:
            self._hang_up()
        child, self._child = self._child, None
        if child is None:
            return None
        for attempt in range(200):
            if child.poll() is not None:
                break
            if attempt == 100:
                child.kill()
            await asyncio.sleep(0.01)
        return child.returncode

    def mark(self) -> None:
        """Tell the reader how far the pump has come."""
        if self._socket is not None:
            self._outbox.note(Kind.MARK, self._tap.watermark_us())

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - the standard library's signature
        cells = self._cells
        handed = cells[Pump.OBSERVED] - cells[Pump.DROPPED_FULL] - cells[Pump.DROPPED_OPAQUE]
        cells[Pump.HANDED_BEFORE] = handed - self._outbox.unsent_ends
        cells[Pump.READER_STARTS] += 1
        command = [sys.executable, "-P", "-m", "collectors.sidecar.reader"]
        with theirs:
            self._child = subprocess.Popen(
                [*command, "--fd", str(theirs.fileno()), *self._arguments],
                pass_fds=(theirs.fileno(),),
                env={**os.environ, **_LEAN},
                stdin=subprocess.DEVNULL,
            )
        self._over.clear()
        self._socket = ours
        self._unpacker = Unpacker()
        asyncio.get_running_loop().add_reader(ours, self._listen)

    def _listen(self) -> None:
        if self._socket is None:
            return
        try:
            chunk = self._socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        for kind, *items in self._unpacker.feed(chunk):
            self._hear(kind, items)
        if not chunk:
            self._hang_up()

    def _hear(self, kind: int, items: list[object]) -> None:
        if self._spoken is None or self._spoken.done():
            return
        if kind == Kind.READY:
            self.component, self._tap.max_body_bytes = str(items[0]), int(str(items[1]))
            self._tap.reads_http2 = bool(items[2])
            self._outbox.attach(self._socket)
            self._spoken.set_result(None)
        elif kind == Kind.FAILED:
            self._spoken.set_exception(ReaderFailed(int(str(items[0])), str(items[1])))

    def _hang_up(self) -> None:
        self._outbox.attach(None)
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._over.set()
        if self._spoken is not None and not self._spoken.done():
            self._spoken.set_exception(ReaderFailed(2, "the reader died before it was ready"))


def _say(words: str) -> None:
    print(f"evenhand: {words}", file=sys.stderr, flush=True)  # noqa: T201 - the log
