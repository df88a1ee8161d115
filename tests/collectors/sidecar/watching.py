"""An observer on its own: bytes of both directions in, what the reader would get out."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collectors.sidecar.budget import BUDGET_BYTES, Budget, Outbox
from collectors.sidecar.counters import Pump
from collectors.sidecar.frames import End, Kind, Unpacker
from collectors.sidecar.observer import Observer
from collectors.sidecar.tap import Tap

if TYPE_CHECKING:
    from collections.abc import Callable

Step = tuple[str, bytes]  # ">" request bytes, "<" response bytes, "end" upstream's last word


@dataclass
class Seen:
    """What an observer made of a connection."""

    ends: list[End] = field(default_factory=list)
    parts: list[tuple[int, int, list[bytes]]] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    counts: dict[Pump, int] = field(default_factory=dict)
    opaque: bool = False
    held: int = 0  # bytes of the budget after all is over

    def bodies(self, side: int) -> list[bytes | None]:
        """Per request the body that can be put together, None where it was truncated."""
        found: list[bytes | None] = []
        for end in self.ends:
            last = end.request_body if side == 0 else end.response_body
            ahead = [b"".join(c) for n, s, c in self.parts if (n, s) == (end.number, side)]
            found.append(None if last is None else b"".join([*ahead, *last]))
        return found


def watch(
    steps: list[Step],
    *,
    by_client: bool = True,
    max_body: int = 1 << 20,
    budget: int = BUDGET_BYTES,
) -> Seen:
    """Show the steps to one observer, close the connection, and read what was handed over."""
    return asyncio.run(
        _watch([(0, step) for step in steps], budget, by_client=by_client, max_body=max_body)
    )


def watch_many(steps: list[tuple[int, Step]], *, budget: int = BUDGET_BYTES) -> Seen:
    """The same for several connections that share one budget; steps name their connection."""
    return asyncio.run(_watch(steps, budget))


async def _watch(
    steps: list[tuple[int, Step]],
    budget: int,
    *,
    by_client: bool = True,
    max_body: int = 1 << 20,
) -> Seen:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0)
        theirs.settimeout(0)
        outbox = Outbox(Budget(budget))
        cells = memoryview(bytearray(8 * len(Pump))).cast("q")
        tap = Tap(outbox, cells, max_body)
        observers = {number: Observer(tap) for number, _ in steps}
        seen = Seen()
        for number, step in steps:
            if number in observers and not _show(observers[number], step):
                seen.opaque = True
                del observers[number]
        for observer in observers.values():
            observer.close(by_client=by_client)
        outbox.attach(ours)
        await _collect(outbox, theirs, seen)
        seen.counts = {cell: cells[cell] for cell in Pump if cells[cell]}
        seen.held = outbox.budget.held
        assert tap.under_way == 0
        return seen


def _show(observer: Observer, step: Step) -> bool:
    direction, chunk = step
    shown: dict[str, Callable[[], None]] = {
        ">": lambda: observer.request_bytes(chunk),
        "<": lambda: observer.response_bytes(chunk),
        "end": observer.response_end,
    }
    try:
        shown[direction]()
    except Exception as error:  # noqa: BLE001 - as the connection does
        observer.opaque(error, chunk)
        return False
    return True


async def _collect(outbox: Outbox, theirs: socket.socket, seen: Seen) -> None:
    unpacker = Unpacker()
    while not outbox.empty or _readable(theirs):
        for kind, *items in unpacker.feed(theirs.recv(1 << 20) if _readable(theirs) else b""):
            if kind == Kind.END:
                seen.ends += [End(*fields) for fields in items[0]]
            elif kind == Kind.PART:
                seen.parts.append((items[0], items[1], items[2]))
            elif kind == Kind.DROP:
                seen.drops.append(items[0])
        await asyncio.sleep(0)


def _readable(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
