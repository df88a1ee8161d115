"""The sidecar as its users meet it: health, failures of the upstream, shutdown, configuration."""

from __future__ import annotations

import http.client
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collectors.sidecar.counters import Pump
from governance.bus.connect import open_bus
from governance.event import MessageType
from tests.collectors.events import arrived, events_in
from tests.collectors.sidecar.processes import (
    INFER,
    Sidecar,
    free_port,
    infer_body,
    model_server,
    resident,
    sidecar,
    wait_for,
)
from tests.collectors.sidecar.wires import Script, Turn, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator

FORBIDDEN = ("pandas", "scipy", "sqlalchemy", "pyarrow", "fastapi")


@pytest.fixture(scope="module")
def model() -> Iterator[int]:
    with model_server() as port:
        yield port


def post(port: int, body: bytes = infer_body()) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", INFER, body)
    with connection.getresponse() as response:
        found = response.status, response.read()
    connection.close()
    return found


def status_codes(running: Sidecar) -> list[int]:
    bus = open_bus(running.bus_url)
    try:
        batches = events_in(arrived(bus))
    finally:
        bus.close()
    return [code for batch in batches for code in batch.columns["status_code"].values.tolist()]


def test_a_dead_upstream_is_answered_502_and_is_an_event(tmp_path: Path) -> None:
    """Also a large upload gets its answer; the sidecar is alive, not ready, and counts it."""
    with sidecar(tmp_path, free_port()) as running:
        status, text = post(running.port)
        assert status == 502
        assert b"cannot be reached" in text
        assert post(running.port, infer_body(padding=3_000_000))[0] == 502
        assert running.get("/livez")[0] == 200
        assert running.get("/readyz")[0] == 503
        assert re.search(r'errors_total{.*reason="refused"} 2', running.get("/metrics")[1])
        assert running.settle()["published"] == 2
        running.stop()
    assert status_codes(running) == [502, 502]


def test_after_a_502_nothing_more_is_said(tmp_path: Path) -> None:
    """A client that goes on asking on the same connection hears the end of it, and no crash."""
    ask = b"GET / HTTP/1.1\r\n\r\n"
    with sidecar(tmp_path, free_port()) as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as client:
            client.sendall(ask)
            head = client.recv(10)
            client.sendall(ask + ask)
            rest = b"".join(iter(lambda: client.recv(4096), b""))
        assert (head + rest).count(b"HTTP/1.1") == 1
        wait_for(lambda: running.counters.pump[Pump.OBSERVED] == 3)
        assert running.counters.pump[Pump.OPAQUE_MALFORMED] == 0


def test_an_upstream_that_hangs_up_before_its_first_answer_is_a_502(tmp_path: Path) -> None:
    """The client is told; nothing else is ever said in the upstream's name."""
    upstream = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        accepted, _ = upstream.accept()
        accepted.recv(1)
        accepted.close()

    with upstream, sidecar(tmp_path, upstream.getsockname()[1]) as running:
        thread = threading.Thread(target=hang_up)
        thread.start()
        assert post(running.port)[0] == 502
        thread.join()
        assert running.counters.pump[Pump.UPSTREAM_GONE] == 1


def test_a_client_that_leaves_is_not_the_upstreams_fault(tmp_path: Path) -> None:
    """Where the server ends what nobody waits for, the event has nginx's 499, and no 502 counts."""
    upstream = socket.create_server(("127.0.0.1", 0))
    with upstream, sidecar(tmp_path, upstream.getsockname()[1]) as running:
        client = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        client.request("POST", INFER, infer_body())
        accepted, _ = upstream.accept()
        with accepted:
            client.close()
            while accepted.recv(65_536):  # all of the request, then the client's last word
                pass
        assert running.settle()["published"] == 1
        assert running.counters.pump[Pump.UPSTREAM_GONE] == 0
        running.stop()
    assert status_codes(running) == [499]


def counts_opaque(running: Sidecar, reason: str) -> bool:
    """Whether one connection passed unread for this reason."""
    series = rf'opaque_connections_total{{.*reason="{reason}"}} 1\n'
    return re.search(series, running.get("/metrics")[1]) is not None


def test_what_is_no_http_passes_and_is_counted(tmp_path: Path) -> None:
    """TLS, what only begins like HTTP/2, an upgrade and garbage: opaque, each under its name."""
    answer = b"\0\0\1\0\0\0\0\0\0x"  # of HTTP/2 a frame that cannot be
    upgrade = b"GET / HTTP/1.1\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    openings = {
        "tls": b"\x16\x03\x01\x00\x05hello",
        "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "upgrade": upgrade,
        "malformed": b"garbage\r\n\r\n",
    }
    with scripted_server() as server, sidecar(tmp_path, server.port) as running:
        for opening in openings.values():
            script = Script((Turn(opening, answer), Turn(b"more", b"and more")))
            assert server.play(script, running.port) == answer + b"and more"
            assert server.heard() == opening + b"more"
        for reason in openings:  # HTTP/2 is read by the reader, in its own time
            wait_for(partial(counts_opaque, running, reason))


def test_a_client_that_does_not_read_holds_up_only_itself(tmp_path: Path) -> None:
    """The pump stops reading for it, keeps little, and serves the others."""
    body = b"r" * 50_000_000
    response = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    with scripted_server() as server, sidecar(tmp_path, server.port) as running:
        before = resident(running.process.pid)
        turn = Turn(b"GET / HTTP/1.1\r\n\r\n", response)
        with server.open(Script((turn,)), running.port) as stuck:
            stuck.sendall(turn.request)
            stuck.recv(1)
            quick = Turn(b"GET /2 HTTP/1.1\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n")
            assert server.play(Script((quick,)), running.port) == quick.response
            assert resident(running.process.pid) - before < 4_000


def test_a_model_that_does_not_read_holds_up_only_its_client(tmp_path: Path) -> None:
    """The client is not read any more, the pump keeps little, and all arrives once it is wanted."""
    body = bytes(range(256)) * 200_000
    request = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    upstream = socket.create_server(("127.0.0.1", 0))
    with upstream, sidecar(tmp_path, upstream.getsockname()[1]) as running:
        before = resident(running.process.pid)
        with socket.create_connection(("127.0.0.1", running.port)) as client:
            sent = _send_what_is_taken(client, request)
            assert 0 < sent < len(request) // 2
            assert resident(running.process.pid) - before < 6_000
            model, _ = upstream.accept()
            with model:
                client.settimeout(60)
                rest = threading.Thread(target=client.sendall, args=(request[sent:],))
                rest.start()
                heard = b"".join(_received(model, len(request)))
                rest.join()
    assert heard == request


def _send_what_is_taken(sock: socket.socket, data: bytes) -> int:
    """Send until for half a second nothing more is taken; how many bytes were."""
    sock.settimeout(0)
    sent = 0
    while select.select([], [sock], [], 0.5)[1]:
        sent += sock.send(data[sent : sent + 65_536])
    return sent


def _received(sock: socket.socket, size: int) -> Iterator[bytes]:
    while size:
        chunk = sock.recv(min(size, 65_536))
        assert chunk, f"{size} bytes are missing"
        size -= len(chunk)
        yield chunk


@pytest.mark.slow
def test_sigterm_keeps_accepting_until_endpoints_have_noticed(model: int, tmp_path: Path) -> None:
    """Not ready at once, new clients served while it drains, then its last word with all counts."""
    with sidecar(tmp_path, model, "--drain-seconds", "10") as running:
        assert post(running.port)[0] == 200
        running.process.send_signal(signal.SIGTERM)
        wait_for(lambda: running.get("/readyz")[0] == 503)
        assert running.get("/livez")[0] == 200
        assert post(running.port)[0] == 200
        assert running.stop() == 0
    bus = open_bus(running.bus_url)
    last = arrived(bus)[-1].stamp
    bus.close()
    assert last.type is MessageType.BYE
    assert (last.counts["accepted"], last.counts["spooled"]) == (2, 0)


def test_sigterm_lets_requests_finish(tmp_path: Path) -> None:
    """Not ready at once, the answer still arrives, then the process ends with 0."""
    with scripted_server() as server, sidecar(tmp_path, server.port) as running:
        turn = Turn(b"GET /1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n")

        def terminate() -> None:
            wait_for(server._scripts.empty)  # the client's way is there; a probe is no client
            running.process.send_signal(signal.SIGTERM)
            wait_for(lambda: running.get("/readyz")[0] == 503)
            wait_for(lambda: not connectable(running.port))

        assert server.play(Script((turn,)), running.port, between=terminate) == turn.response
        assert running.stop() == 0


def connectable(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("component", "flags", "words"),
    [
        ("kind: Nonsense\n", [], "component.yaml"),
        (None, ["--component", "bank/other"], "bank/loans"),
        (None, ["--bus", "carrier-pigeon:"], "file:DIR"),
        (None, ["--upstream", "nowhere"], "HOST:PORT"),
        (None, ["--config", "missing.yaml"], "missing.yaml"),
    ],
)
def test_what_cannot_work_is_said_before_listening(
    tmp_path: Path, component: str | None, flags: list[str], words: str
) -> None:
    """Exit code 2, one message that names the thing, nothing on stdout."""
    example = Path(__file__).with_name("loans.yaml").read_text()
    (tmp_path / "component.yaml").write_text(component or example)
    command = [sys.executable, "-m", "governance.service.cli.main", "collect", "--port", "0"]
    command += ["--admin-port", "0", "--state-dir", str(tmp_path / "state")]
    command += ["--components", str(tmp_path / "component.yaml")]
    if "--upstream" not in flags:
        command += ["--upstream", "127.0.0.1:1"]
    if "--bus" not in flags:
        command += ["--bus", f"file:{tmp_path / 'bus'}"]
    done = subprocess.run(
        [*command, *flags], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_two_sidecars_do_not_share_a_state_folder(model: int, tmp_path: Path) -> None:
    """The second one refuses, and says what to do."""
    with sidecar(tmp_path, model) as running:
        second = subprocess.run(
            running._command, capture_output=True, text=True, timeout=60, check=False
        )
    assert second.returncode == 2
    assert "--state-dir" in second.stderr


def test_the_pair_stays_small(model: int, tmp_path: Path) -> None:
    """Pump at most 30 MB, pump and reader at most 90 MB, after traffic."""
    with sidecar(tmp_path, model) as running:
        for _ in range(50):
            post(running.port)
        running.settle()
        reader = running.reader_pid
        assert reader is not None
        pump_kb, reader_kb = resident(running.process.pid), resident(reader)
    assert pump_kb <= 30 * 1024
    assert pump_kb + reader_kb <= 90 * 1024


def test_the_pump_loads_nothing_heavy(model: int, tmp_path: Path) -> None:
    """Of the libraries in its memory only uvloop and httptools are from site-packages."""
    with sidecar(tmp_path, model) as running:
        maps = Path(f"/proc/{running.process.pid}/maps").read_text()
    foreign = {line.partition("site-packages/")[2].split("/")[0] for line in maps.splitlines()}
    assert foreign - {""} == {"uvloop", "httptools"}


@pytest.mark.parametrize("module", ["collectors.sidecar.pump", "governance.service.cli.collect"])
def test_the_pump_imports_little(module: str) -> None:
    """Standard library, uvloop, httptools, its siblings and the error tree."""
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    ours = {name for name in done.stdout.split() if name.startswith(("collectors", "governance"))}
    allowed = {"uvloop", "httptools", "collectors", "governance", "cython_runtime"}
    foreign = {r for r in roots - sys.stdlib_module_names - allowed if not r.startswith("_")}
    assert foreign - {"sitecustomize", "usercustomize"} == set()
    assert all(
        name.startswith("collectors.sidecar")
        or name in {"collectors", "governance", "governance.errors", module}
        or name in {"governance.service", "governance.service.cli"}
        for name in ours
    )


def test_the_reader_imports_nothing_forbidden() -> None:
    """No pandas, SciPy, SQLAlchemy, pyarrow or FastAPI, with capture, wire and bus loaded."""
    code = (
        "import sys, collectors.sidecar.reader, governance.bus.embedded; "
        f"print(*(m for m in {FORBIDDEN!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
