"""What HTTP/1.1 allows and what clients do wrong, through the real pump: bytes stay the same."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from collectors.sidecar.counters import Pump, Reader
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

HOSTILE = {
    "a head of 1 MB": sized(b"{}", POST + b"X: " + b"a" * 1_048_576 + b"\r\n"),
    "10,000 headers": sized(b"{}", POST + b"X: a\r\n" * 10_000),
    "two lengths": sized(b"{}", POST + b"Content-Length: 3\r\n"),
    "length and chunked": sized(b"{}", POST + b"Transfer-Encoding: chunked\r\n"),
    "NUL in a header": sized(b"{}", POST + b"X: \0\r\n"),
    "NUL in the body": sized(b'{"inputs": "\0"}'),
    "invalid UTF-8 in header and body": sized(b'{"\xff\xfe": 1}', POST + b"X: \xff\r\n"),
    "a body nested 50,000 deep": sized(b"[" * 50_000 + b"]" * 50_000),
    "a huge integer": sized(b'{"inputs": [' + b"9" * 100_000 + b"]}"),
    "more instances than are read": sized(
        b'{"inputs": [{"name": "a", "datatype": "INT64", "shape": [400000], "data": ['
        + b"1," * 399_999
        + b"1]}]}"
    ),
    "a million instances, more than is copied": sized(
        b'{"instances": [' + b"1," * 999_999 + b"1]}"
    ),
    "a shape that lies": sized(
        json.dumps(
            {"inputs": [{"name": "a", "datatype": "FP64", "shape": [10**18], "data": [1]}]}
        ).encode()
    ),
}


@pytest.mark.parametrize("case", SURFACE)
def test_all_of_http_passes(server: ScriptedServer, pump: Sidecar, case: str) -> None:
    """Both sides hear what a direct connection would have carried."""
    script = SURFACE[case]
    assert server.play(script, pump.port) == script.said[1]
    assert server.heard() == script.said[0]


@pytest.mark.parametrize("case", HOSTILE)
def test_the_model_sees_exactly_what_the_client_sent(
    server: ScriptedServer, pump: Sidecar, case: str
) -> None:
    """Also where capture refuses it: then as one opaque connection, or one event or reason more."""
    pump.settle()
    before = verdicts(pump)
    script = Script((Turn(HOSTILE[case], OK),))
    assert server.play(script, pump.port) == OK
    assert server.heard() == HOSTILE[case]
    pump.settle()
    assert verdicts(pump) == before + 1


def verdicts(pump: Sidecar) -> int:
    """Requests of which capture has said what became of them; opaque ones count as one."""
    read = sum(map(pump.counters.reader, (Reader.CAPTURED_REQUESTS, Reader.LOST_REQUESTS)))
    return read + pump.counters.pump[Pump.OPAQUE_MALFORMED]


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
