"""Real processes on loopback: the sidecar, a model server behind it, clients before it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.sidecar.counters import Counters, Pump, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INFER = "/v2/models/loans/infer"
_COMPONENT = Path(__file__).with_name("loans.yaml")
_READY = re.compile(rb"ready on 127\.0\.0\.1:(\d+) for \S+, admin on (\d+)")


def wait_for(truth: Callable[[], bool], seconds: float = 20.0) -> None:
    """Look again until it is true; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, f"waited for {seconds} s"
        time.sleep(0.01)


class Sidecar:
    """``evenhand collect`` in a folder of its own; ``restart`` finds what the last one left."""

    def __init__(self, folder: Path, upstream_port: int, *flags: str) -> None:
        self.folder = folder
        self.bus_url = f"file:{folder / 'bus'}"
        (folder / "component.yaml").write_bytes(_COMPONENT.read_bytes())
        self._command = [
            *(sys.executable, "-m", "governance.service.cli.main", "collect"),
            *("--upstream", f"127.0.0.1:{upstream_port}", "--port", "0", "--admin-port", "0"),
            *("--components", str(folder / "component.yaml"), "--bus", self.bus_url),
            *("--state-dir", str(folder / "state"), "--drain-seconds", "0.1", *flags),
        ]
        self.start()

    def start(self) -> None:
        """Start it and wait for its line."""
        with (self.folder / "stderr").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], 60)[0], "not ready in 60 s"
        line = self.process.stdout.readline()
        ready = _READY.search(line)
        assert ready is not None, (line, (self.folder / "stderr").read_text())
        self.port, self.admin_port = int(ready[1]), int(ready[2])
        self.counters = Counters.open(self.folder / "state" / "counters")

    @property
    def reader_pid(self) -> int | None:
        """The pump's only child."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None

    def kill_reader(self) -> None:
        """Kill -9, and wait for the successor to be at work."""
        pid, starts = self.reader_pid, self.counters.pump[Pump.READER_STARTS]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: self.counters.pump[Pump.READER_STARTS] > starts)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a path on the admin port."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def settled(self) -> bool:
        """Whether every request that went by is decided and every event is on the bus."""
        pump, reader = self.counters.pump, self.counters.reader
        handed = pump[Pump.OBSERVED] - pump[Pump.DROPPED_FULL] - pump[Pump.DROPPED_OPAQUE]
        decided = (
            *(Reader.IGNORED, Reader.INVALID, Reader.SAMPLED_REQUESTS),
            *(Reader.OVERSIZED, Reader.CAPTURED_REQUESTS, Reader.LOST_REQUESTS),
        )
        under_way = pump[Pump.BEGUN] - pump[Pump.OBSERVED] - pump[Pump.ABANDONED]
        under_way -= pump[Pump.UPGRADED] + pump[Pump.LOST_IN_PUMP]
        return (
            under_way == 0
            and handed + reader(Reader.STREAMS) == sum(reader(cell) for cell in decided)
            and reader(Reader.SPOOLED) == 0
        )

    def settle(self, seconds: float = 20.0) -> dict[str, int]:
        """Wait until nothing is on its way; what became of the events."""
        wait_for(self.settled, seconds)
        return self.counters.outcomes()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def kill(self) -> None:
        """Kill -9 of the pump."""
        self.process.kill()
        self.stop()


@contextlib.contextmanager
def sidecar(folder: Path, upstream_port: int, *flags: str) -> Iterator[Sidecar]:
    """A sidecar that is stopped in the end."""
    running = Sidecar(folder, upstream_port, *flags)
    try:
        yield running
    finally:
        running.stop()


class _Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(b'{"ready": true}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            rows = len(json.loads(body)["inputs"][0]["data"])
        except (ValueError, KeyError, TypeError, IndexError):
            rows = 0
        output = {"name": "predict", "datatype": "INT64", "shape": [rows], "data": [1] * rows}
        self._answer(json.dumps({"model_version": "3", "outputs": [output]}).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Quiet."""


@contextlib.contextmanager
def model_server() -> Iterator[int]:
    """A V2 server that says 1 for every row; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Model)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def infer_body(rows: int = 1, padding: int = 0) -> bytes:
    """A V2 request with so many instances."""
    tensor = {"name": "age", "datatype": "FP64", "shape": [rows], "data": [31.5] * rows}
    return json.dumps({"inputs": [tensor], "parameters": {"pad": "x" * padding}}).encode()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def ask(port: int, times: int, rows: int = 1, path: str = INFER, body: bytes = b"") -> int:
    """So many requests on one connection; how many were answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    answered = 0
    for _ in range(times):
        connection.request("POST", path, body or infer_body(rows))
        with connection.getresponse() as response:
            response.read()
            answered += response.status == 200
    connection.close()
    return answered


def resident(pid: int) -> int:
    """Resident kilobytes."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0])
