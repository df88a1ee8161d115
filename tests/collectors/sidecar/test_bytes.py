"""Whatever passes is what a direct connection would have carried, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.sidecar.counters import Pump
from tests.collectors.sidecar.processes import Sidecar, sidecar
from tests.collectors.sidecar.wires import Script, ScriptedServer, Turn, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator

WORD = st.text("abcXYZ019-", min_size=1, max_size=12).map(str.encode)
VALUE = st.binary(max_size=40).map(lambda raw: bytes(b for b in raw if b >= 32 and b != 127))
HEADERS = st.lists(st.tuples(WORD, VALUE), max_size=4).map(
    lambda pairs: b"".join(b"x-%s: %s\r\n" % pair for pair in pairs)
)
BODY = st.binary(max_size=600) | st.integers(1, 200_000).map(lambda n: b"z" * n)


def _chunked(body: bytes, size: int) -> bytes:
    chunks = [body[i : i + size] for i in range(0, len(body), size)]
    coded = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"transfer-encoding: chunked\r\n\r\n" + coded + b"0\r\ntrailer: t\r\n\r\n"


def _sized(body: bytes, size: int) -> bytes:
    return b"content-length: %d\r\n\r\n%s" % (len(body), body) if size % 2 else _chunked(body, size)


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A request and its response."""
    head, tail = draw(HEADERS), st.builds(_sized, BODY, st.integers(1, 999))
    method = draw(st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT"]))
    line = b"%s /%s?q=%s HTTP/1.1\r\n" % (method, draw(WORD), draw(WORD))
    request = line + head + (b"\r\n" if method in {b"GET", b"HEAD"} else draw(tail))
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"]))
    if method == b"HEAD":
        return request, interim + b"HTTP/1.1 200 OK\r\ncontent-length: 77\r\n\r\n"
    bare = [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\n\r\n"]
    full = st.builds(lambda h, t: b"HTTP/1.1 200 OK\r\n" + h + t, HEADERS, tail)
    return request, interim + draw(st.sampled_from(bare) | full)


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    """One exchange, or a few pipelined (where no HEAD is among them)."""
    found = draw(st.lists(exchanges(), min_size=1, max_size=3))
    if any(request.startswith(b"HEAD") for request, _ in found):
        found = found[:1]
    return Turn(b"".join(r for r, _ in found), b"".join(a for _, a in found))


CUTS = st.lists(st.integers(1, 4_000), min_size=1, max_size=8).map(tuple)
HTTP = st.builds(Script, st.lists(turns(), min_size=1, max_size=4).map(tuple), CUTS, st.booleans())
NOISE = st.builds(
    Script,
    st.lists(st.builds(Turn, st.binary(min_size=1), st.binary()), min_size=1, max_size=4).map(
        tuple
    ),
    CUTS,
    st.booleans(),
    st.booleans(),
)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture(scope="module")
def pump(server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    with sidecar(tmp_path_factory.mktemp("pump"), server.port) as running:
        yield running


def check(server: ScriptedServer, pump: Sidecar, script: Script) -> None:
    to_client = server.play(script, pump.port)
    assert (server.heard(), to_client) == script.said


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=HTTP)
def test_http_passes_unchanged(server: ScriptedServer, pump: Sidecar, script: Script) -> None:
    """Chunked, pipelined, HEAD, 1xx, any header, cut anywhere: the same bytes, and understood."""
    opaque = pump.counters.pump[Pump.OPAQUE_MALFORMED]
    check(server, pump, script)
    assert pump.counters.pump[Pump.OPAQUE_MALFORMED] == opaque


@settings(max_examples=40, deadline=None)
@given(script=NOISE)
def test_noise_passes_unchanged(server: ScriptedServer, pump: Sidecar, script: Script) -> None:
    """What is no HTTP at all is none of the pump's business."""
    check(server, pump, script)


@pytest.mark.parametrize("half_close", [False, True])
@pytest.mark.parametrize("size", [10_000_000])
def test_long_bodies_pass_unchanged(
    server: ScriptedServer, pump: Sidecar, size: int, *, half_close: bool
) -> None:
    """10 MB in both directions, beyond any buffer."""
    body = bytes(range(256)) * (size // 256)
    request = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    response = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    check(server, pump, Script((Turn(request, response),), half_close=half_close))


def test_nothing_changes_when_the_reader_dies_in_mid_request(
    server: ScriptedServer, pump: Sidecar
) -> None:
    """Kill -9 between two halves of a request."""
    body = b"b" * 300_000
    request = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    script = Script((Turn(request, b"HTTP/1.1 204 No Content\r\n\r\n"),) * 2)
    heard = server.play(script, pump.port, between=pump.kill_reader)
    assert (server.heard(), heard) == script.said


def test_what_a_server_says_first_passes(server: ScriptedServer, pump: Sidecar) -> None:
    """An upstream that speaks before its client, and then ends."""
    check(server, pump, Script((Turn(b"", b"hello"),), server_closes=True))
