"""Calls to a real model server: what it says directly, what it says through the sidecar, events."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from governance.bus.connect import open_bus
from tests.collectors.events import arrived, events_in
from tests.collectors.exchanges import values
from tests.collectors.sidecar.processes import sidecar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from governance.event import EventBatch

# What differs from answer to answer of one server: its clock, and the ids that it draws.
_BY_CHANCE = re.compile(
    rb"(?im)^date: .*$|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)


@dataclass(frozen=True)
class Call:
    """One POST; ``chunks`` cuts its body into chunks of so many bytes."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: int | None = None

    @property
    def wire(self) -> bytes:
        """The request as it is sent."""
        sizes = {"Content-Length": str(len(self.body))}
        body = self.body
        if self.chunks is not None:
            sizes = {"Transfer-Encoding": "chunked"}
            body = b"".join(map(_chunk, _cut(self.body, self.chunks))) + _chunk(b"")
        headers = {"Host": "model", "Content-Type": "application/json", "Connection": "close"}
        lines = [f"{name}: {value}" for name, value in {**headers, **sizes, **self.headers}.items()]
        return "\r\n".join([f"POST {self.path} HTTP/1.1", *lines, "", ""]).encode() + body


@dataclass(frozen=True)
class Heard:
    """What became of a call: the answers' bytes without what is by chance, and its events."""

    direct: bytes
    through: bytes
    version: str
    columns: Mapping[str, list[Any]]

    @property
    def status(self) -> int:
        """As the server said it."""
        return int(self.direct.split(b" ", 2)[1])

    @property
    def features(self) -> dict[str, list[Any]]:
        """The columns of the inputs, by name."""
        return {
            name.removeprefix("tabular."): column
            for name, column in self.columns.items()
            if name.startswith("tabular.")
        }


def heard(folder: Path, port: int, calls: Sequence[Call]) -> list[Heard]:
    """Make each call directly and through a sidecar, one after the other."""
    direct = [say(port, call.wire) for call in calls]
    with sidecar(folder, port) as running:
        through = [say(running.port, call.wire) for call in calls]
        running.settle()
        assert running.stop() == 0
        seen = exchanges(running.bus_url)
    assert len(seen) == len(calls)
    return [
        Heard(first, second, version, columns)
        for first, second, (version, columns) in zip(direct, through, seen, strict=True)
    ]


def say(port: int, request: bytes) -> bytes:
    """All that a server answers until it closes, without what is by chance."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        sock.sendall(request)
        return _BY_CHANCE.sub(b"-", b"".join(iter(lambda: sock.recv(65_536), b"")))


def exchanges(bus_url: str) -> list[tuple[str, dict[str, list[Any]]]]:
    """Version and columns of each exchange, in the order in which they began."""
    bus = open_bus(bus_url)
    batches = events_in(arrived(bus))
    bus.close()
    parts = [part for batch in batches for part in _parts(batch)]
    return [(version, columns) for _, version, columns in sorted(parts, key=lambda part: part[0])]


def _parts(batch: EventBatch) -> list[tuple[int, str, dict[str, list[Any]]]]:
    """The events that share their start, which the exchanges of calls in turn do not."""
    starts = batch.columns["time"].values.tolist()
    columns = {name: values(batch, name) for name in batch.columns if name != "event_id"}
    return [
        (start, batch.version, {name: _where(starts, start, of) for name, of in columns.items()})
        for start in sorted(set(starts))
    ]


def _where(starts: list[int], start: int, column: list[Any]) -> list[Any]:
    return [value for at, value in zip(starts, column, strict=True) if at == start]


def _cut(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def _chunk(part: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(part), part)
