"""What HTTP/1.1 allows, through the real pump: bytes stay the same."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from collectors.sidecar.counters import Pump
from tests.collectors.sidecar.processes import Sidecar, resident, sidecar
from tests.collectors.sidecar.test_sidecar import post
from tests.collectors.sidecar.wires import Script, ScriptedServer, Turn, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POST = b"POST /v2/models/loans/infer HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
NO_BODY = b"HTTP/1.1 204 No Content\r\n\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\nTrailer: T\r\n\r\n4;x=1\r\nabcd\r\n0\r\nT: t\r\n\r\n"
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\ndata: b\n\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
WEBSOCKET = b"GET /ws HTTP/1.1\r\nHost: m\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


def sized(body: bytes, head: bytes = POST) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture(scope="module")
def pump(server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with sidecar(tmp_path_factory.mktemp("pump"), server.port) as running:
        yield running


SURFACE = {
    "keep-alive": Script((Turn(sized(b"a"), OK),) * 5),
    "pipelining": Script((Turn(sized(b"a") * 20, OK * 20),)),
    "chunked, with trailers": Script((Turn(POST + CHUNKS, b"HTTP/1.1 200 OK\r\n" + CHUNKS),)),
    "100-continue": Script(
        (
            Turn(
                POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n",
                b"HTTP/1.1 100 C\r\n\r\n",
            ),
            Turn(b"body", OK),
        )
    ),
    "417 instead of 100": Script(
        (
            Turn(
                POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n",
                b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n",
            ),
        ),
        server_closes=True,
    ),
    "upgrade": Script((Turn(WEBSOCKET, SWITCH), Turn(b"\x81\x85abcdhello", b"\x81\x02hi"))),
    "server-sent events": Script((Turn(sized(b"{}"), SSE),), server_closes=True),
    "HEAD": Script((Turn(b"HEAD / HTTP/1.1\r\n\r\n", OK[:-2]), Turn(sized(b"a"), OK))),
    "204 and 304": Script(
        (Turn(sized(b"a"), NO_BODY), Turn(sized(b"a"), NO_BODY.replace(b"204", b"304")))
    ),
    "an answer before the request is complete": Script(
        (Turn(sized(b"long")[:-2], OK.replace(b"200", b"413")), Turn(b"ng", b""))
    ),
    "the client's half-close": Script((Turn(sized(b"a"), OK),), half_close=True),
    "the server's half-close": Script((Turn(sized(b"a"), OK),), server_closes=True),
    "HTTP/1.0": Script(
        (Turn(b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\nall"),), server_closes=True
    ),
}


@pytest.mark.parametrize("case", SURFACE)
def test_all_of_http_passes(server: ScriptedServer, pump: Sidecar, case: str) -> None:
    """Both sides hear what a direct connection would have carried."""
    script = SURFACE[case]
    assert server.play(script, pump.port) == script.said[1]
    assert server.heard() == script.said[0]


def test_one_byte_at_a_time_is_one_request(server: ScriptedServer, pump: Sidecar) -> None:
    """In pieces of one byte it passes as it is, and is captured once."""
    before = pump.counters.pump[Pump.OBSERVED]
    script = Script((Turn(sized(b'{"inputs": []}'), OK),), cuts=(1,))
    assert server.play(script, pump.port) == OK
    assert server.heard() == script.said[0]
    pump.settle()
    assert pump.counters.pump[Pump.OBSERVED] == before + 1


def test_50_mb_pass_both_ways_in_bounded_memory(server: ScriptedServer, pump: Sidecar) -> None:
    """The pump grows by less than 6 MB: its 4 MiB of copies, and 64 kB for each side."""
    body = bytes(range(256)) * 200_000
    turn = Turn(sized(body), OK[:-2].replace(b": 2", b": %d" % len(body)) + body)
    before = resident(pump.process.pid)
    assert server.play(Script((turn,)), pump.port) == turn.response
    assert server.heard() == turn.request
    assert resident(pump.process.pid) - before < 6_000


def test_a_model_server_that_never_accepts_is_a_502(tmp_path: Path) -> None:
    """After the configured time, counted as ``timeout``."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as upstream:
        port = upstream.getsockname()[1]
        full = socket.create_connection(("127.0.0.1", port))  # now its queue is
        with full, sidecar(tmp_path, port, "--connect-seconds", "0.2") as running:
            assert post(running.port)[0] == 502
            assert running.counters.pump[Pump.UPSTREAM_TIMEOUT] == 1
