"""Where events go: fast, late by 200 ms, or gone. HTTP for KServe's agent, Kafka for us."""

from __future__ import annotations

import contextlib
import http.client
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.sidecar_peers.subjects import module
from tests.testkit.kafka import start_kafka
from tests.testkit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LATE_MS = 200
KINDS = ("fast", "slow", "dead")

_SINK, _LATE = "benchmarks.sidecar_peers.sink", "benchmarks.sidecar_peers.late"


@dataclass(frozen=True)
class HttpSink:
    """Takes CloudEvents at ``port``; ``taken`` says how many arrived."""

    port: int
    taken: Callable[[], int]


@dataclass(frozen=True)
class Bus:
    """Takes our events at ``url``; ``end`` takes it away, if it is a dead one."""

    url: str
    end: Callable[[], None]


@contextlib.contextmanager
def http_sink(folder: Path, kind: str) -> Iterator[HttpSink]:
    """A sink of the kind; nobody listens at the port of a dead one."""
    port, late = free_port(), free_port()
    if kind == "dead":
        yield HttpSink(port, lambda: 0)
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(module(_place(folder, "sink"), _SINK, port))
        if kind == "slow":
            stack.enter_context(module(_place(folder, "late"), _LATE, late, port, LATE_MS))
        yield HttpSink(late if kind == "slow" else port, lambda: _taken(port))


@contextlib.contextmanager
def kafka_bus(folder: Path, kind: str) -> Iterator[Bus]:
    """A real broker; a dead one has to live until the sidecar has started, then is killed."""
    with contextlib.ExitStack() as stack:
        late = free_port() if kind == "slow" else None
        broker = stack.enter_context(start_kafka(advertised_port=late))
        if late is not None:
            stack.enter_context(module(_place(folder, "late"), _LATE, late, broker.port, LATE_MS))
        url = broker.url if late is None else f"kafka://127.0.0.1:{late}"
        yield Bus(url, broker.kill if kind == "dead" else _leave)


def _leave() -> None:
    """It lives on."""


def _place(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def _taken(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/")
    with connection.getresponse() as answer:
        taken = int(answer.read())
    connection.close()
    return taken
