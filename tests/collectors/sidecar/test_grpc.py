"""gRPC passes as bytes, and unary ModelInfer becomes events: real client, real server."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.protocols.kserve_v2_grpc import PATH, KServeV2Grpc, messages
from collectors.read import decode
from collectors.sidecar.connections import Connections
from collectors.sidecar.counters import Pump, Reader
from collectors.sidecar.frames import REQUEST, RESPONSE
from collectors.sidecar.http2 import PREFACE, Http2Error, Watcher
from collectors.sidecar.http2_copy import Http2Copy
from governance.bus.connect import open_bus
from tests.collectors.events import arrived, events_in
from tests.collectors.exchanges import values
from tests.collectors.grpc_bodies import grpc_request as request
from tests.collectors.grpc_bodies import grpc_response as response
from tests.collectors.sidecar.processes import sidecar, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from collectors.base import Exchange

HOST = "127.0.0.1"
Part = tuple[int, bytes]


class Service(grpc.GenericRpcHandler):  # type: ignore[misc] # has no types
    """Infers 1 for every row; fails where the model is called ``broken``."""

    def service(self, details: Any) -> Any:
        if details.method != PATH:
            return None
        return grpc.unary_unary_rpc_method_handler(self._infer)

    def _infer(self, raw: bytes, context: Any) -> bytes:
        asked = messages()["Request"].FromString(raw)
        if asked.model_name == "broken":
            context.abort(grpc.StatusCode.UNAVAILABLE, "the model is loading")
        return response(asked.tensors[0].shape[0])


@contextlib.contextmanager
def model_server() -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(4), handlers=[Service()])
    port = server.add_insecure_port(f"{HOST}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


@contextlib.contextmanager
def client(port: int) -> Iterator[Callable[..., bytes]]:
    """Calls ModelInfer; equal options share no connection with an earlier client."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"{HOST}:{port}", options=options) as channel:
        yield channel.unary_unary(PATH)


class Recorder:
    """A proxy that keeps what went by, direction by direction, in order."""

    def __init__(self, upstream: int) -> None:
        self.parts: list[Part] = []
        self._upstream = upstream
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads: list[threading.Thread] = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            near, _ = self._listener.accept()
            far = socket.create_connection((HOST, self._upstream))
            ways = ((REQUEST, near, far), (RESPONSE, far, near))
            threads = [threading.Thread(target=self._pass, args=way) for way in ways]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            near.close()
            far.close()

    def _pass(self, side: int, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65_536):
                self.parts.append((side, chunk))
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def recorded() -> list[Part]:
    """The bytes of a connection: typed and raw tensors, an error, another method."""
    with model_server() as upstream:
        recorder = Recorder(upstream)
        with client(recorder.port) as infer:
            infer(request(31.5, 40.0))
            infer(request(1.0, 2.0, 3.0, raw=True))
            with pytest.raises(grpc.RpcError):
                infer(request(1.0, model="broken"))
            infer(request(*range(10_000)))
        recorder.close()
    # The server may speak first; the pump shows what the client says before it.
    first = next(i for i, (side, _) in enumerate(recorder.parts) if side == REQUEST)
    return [recorder.parts.pop(first), *recorder.parts]


def seen(parts: list[Part], limit: int = 2**20) -> list[Exchange]:
    connections = Connections(lambda path: path == PATH, limit)
    exchanges = []
    for side, part in parts:
        exchanges += list(connections.see(1, side, part, 1_000))
    assert connections.given_up == 0
    return [*exchanges, *connections.end(1, 2_000)]


def told(exchanges: list[Exchange]) -> list[tuple[int, int]]:
    """Rows and status of each."""
    return [(decode(KServeV2Grpc(), one).n, one.status) for one in exchanges]


def test_a_connection_is_read_from_its_bytes(recorded: list[Part]) -> None:
    """Requests, answers and failures, each with its tensors."""
    exchanges = seen(recorded)
    assert told(exchanges) == [(2, 200), (3, 200), (1, 503), (10_000, 200)]
    first = decode(KServeV2Grpc(), exchanges[0])
    assert first.inputs["age"].tolist() == [31.5, 40.0]
    assert first.outputs["predict"].tolist() == [1, 1]
    assert (first.parsed[0].request_id, first.parsed[0].version) == ("r-1", "3")
    raw = decode(KServeV2Grpc(), exchanges[1])
    assert raw.inputs["age"].tolist() == [1.0, 2.0, 3.0]


@settings(max_examples=30, deadline=None)
@given(draws=st.lists(st.lists(st.floats(0, 1), max_size=4), min_size=12, max_size=12))
def test_chunks_may_end_anywhere(recorded: list[Part], draws: list[list[float]]) -> None:
    """However the bytes of a direction are cut, the same requests are seen."""
    cut: list[Part] = []
    for (side, part), places in zip(recorded, draws, strict=False):
        bounds = [0, *sorted(int(place * len(part)) for place in places), len(part)]
        cut += [(side, part[a:b]) for a, b in itertools.pairwise(bounds)]
    assert seen(cut) == seen(recorded[:12])  # whose last request may not be whole


def test_one_byte_at_a_time(recorded: list[Part]) -> None:
    """The slowest sender there is."""
    slow = [(side, part[i : i + 1]) for side, part in recorded[:10] for i in range(len(part))]
    assert seen(slow) == seen(recorded[:10])


def test_a_long_body_is_not_copied(recorded: list[Part]) -> None:
    """The event says truncated, with the bytes that went by."""
    last = seen(recorded, limit=1_000)[-1]
    assert (last.truncated, last.request_body) == (True, None)
    assert (last.request_bytes or 0) > 80_000


@settings(max_examples=200, deadline=None)
@given(noise=st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=60)), max_size=8))
def test_noise_ends_the_watching_and_nothing_else(noise: list[Part]) -> None:
    """Whatever follows the preface is read, or is an Http2Error."""
    watcher = Watcher(lambda _: True, 1_000)
    with contextlib.suppress(Http2Error):
        list(watcher.feed(REQUEST, PREFACE, 0))
        for side, part in noise:
            list(watcher.feed(side, part, 0))
    assert watcher.held < 10_000


def test_a_connection_that_began_elsewhere_is_given_up(recorded: list[Part]) -> None:
    """Its header compression has a history that nobody here knows."""
    connections = Connections(lambda _: True, 1_000)
    found = [e for side, part in recorded[2:] for e in connections.see(7, side, part, 0)]
    assert (found, connections.given_up) == ([], 1)


def test_all_connections_share_a_bound(recorded: list[Part]) -> None:
    """What would hold too much is given up: its requests are broken off, and nothing grows."""
    connections = Connections(lambda _: True, 2**20, limit=10_000)
    found = [e for side, part in recorded for e in connections.see(7, side, part, 0)]
    assert connections.given_up == 1
    assert [one.status for one in found][-1] == 0


def test_grpc_goes_through_the_sidecar_and_becomes_events(tmp_path: Path) -> None:
    """Each instance is an event; what the client gets is what the server said."""
    with model_server() as upstream, sidecar(tmp_path, upstream) as running:
        with client(running.port) as infer:
            for i in range(20):
                answer = messages()["Response"].FromString(infer(request(31.5, float(i))))
                assert list(answer.tensors[0].contents.int64_contents) == [1, 1]
            with pytest.raises(grpc.RpcError) as error:
                infer(request(1.0, model="broken"))
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        wait_for(lambda: running.counters.reader(Reader.STREAMS) == 21)
        outcomes = running.settle()
        assert outcomes["published"] == 41
        assert running.counters.pump[Pump.OPAQUE_HTTP2] == 0
        assert running.stop() == 0
        bus = open_bus(running.bus_url)
        batches = events_in(arrived(bus))
        bus.close()
    ages = [age for batch in batches for age in values(batch, "tabular.age")]
    assert sorted(ages) == sorted([31.5] * 20 + [float(i) for i in range(20)] + [1.0])
    statuses = [status for batch in batches for status in values(batch, "status_code")]
    assert statuses.count(503) == 1
    assert {batch.version for batch in batches} == {"1", "3"}


@pytest.mark.parametrize("first", [PREFACE, b"GET / HTTP/1.1\r\n\r\n"])
def test_a_server_may_speak_before_its_client(first: bytes) -> None:
    """Settings that come first are kept until the client says whether this is HTTP/2."""
    said: list[tuple[int, int, bytes]] = []
    counted: list[Pump] = []

    class Tap:
        def connect(self) -> int:
            return 5

        def connection_bytes(self, *part: Any) -> bool:
            said.append(part)
            return True

        def disconnect(self, number: int) -> None:
            assert number == 5

        def count(self, cell: Pump) -> None:
            counted.append(cell)

    copy = Http2Copy(Tap(), b"settings")  # type: ignore[arg-type] # all that it asks of a tap
    copy.response_bytes(b" and more")
    if first is PREFACE:
        copy.request_bytes(first)
        assert said == [(5, REQUEST, PREFACE), (5, RESPONSE, b"settings and more")]
    else:
        with pytest.raises(ValueError, match="does not speak HTTP/2"):
            copy.request_bytes(first)
        copy.opaque(ValueError(), first)
        assert (said, counted) == ([], [Pump.OPAQUE_MALFORMED])


def test_a_killed_reader_leaves_connections_unread_but_open(tmp_path: Path) -> None:
    """Kill -9 of the reader: calls go on, the connection is counted, a new one is read again."""
    with model_server() as upstream, sidecar(tmp_path, upstream) as running:
        with client(running.port) as infer:
            infer(request(1.0))
            wait_for(lambda: running.counters.reader(Reader.STREAMS) == 1)
            running.settle()
            running.kill_reader()
            infer(request(2.0))
            wait_for(lambda: running.counters.reader(Reader.HTTP2_GIVEN_UP) == 1)
        with client(running.port) as infer:
            infer(request(3.0))
            wait_for(lambda: running.counters.reader(Reader.STREAMS) >= 2)
        _, metrics = running.get("/metrics")
        assert (
            'opaque_connections_total{namespace="bank",component="loans",reason="http2"} 1'
            in metrics
        )
        assert running.stop() == 0
