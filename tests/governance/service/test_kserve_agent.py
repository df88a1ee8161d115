"""KServe's real agent as the door's client: its binary, a model behind it, both bodies logged."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from benchmarks.peers.environments import PeerMissing
from benchmarks.sidecar_peers.agent import program
from governance.event import EventBatch
from tests.collectors.exchanges import values
from tests.governance.service.standing import UNKEYED, Standing, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REQUESTS = 300
PATH = "/v1/models/m:predict"


class Model(http.server.BaseHTTPRequestHandler):
    """V1: favours what is above 1; ``fail`` is a 500."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        predictions = [int(row[0] > 1) for row in asked["instances"]]
        self.send_response(500 if "fail" in asked else 200)
        said = json.dumps({"predictions": predictions}).encode()
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def agent(door: Standing, log: Path) -> Iterator[httpx.Client]:
    """A client of the agent, whose logger has the door's address with a token in its path."""
    try:
        binary = program()
    except PeerMissing as missing:
        pytest.skip(str(missing))
    model = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    probe = {"tcpSocket": {"port": model.server_port, "host": "127.0.0.1"}}
    flags = {
        "port": port,
        "component-port": model.server_port,
        "log-url": str(door.client.base_url.join("/v1/events/writer")),
        "log-mode": "all",
        "inference-service": "m",
        "namespace": "shop",
        "endpoint": "default",
        "component": "predictor",
        "source-uri": "http://m-predictor-00001",
    }
    environment = {**os.environ, "SERVING_READINESS_PROBE": json.dumps(probe), "K_REVISION": "1"}
    given = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    with log.open("wb") as output, model:
        child = subprocess.Popen(
            [binary, *given], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                _wait(lambda: _answers(client))
                yield client
        finally:
            child.kill()  # at SIGTERM it waits for half a minute and more
            child.wait(30)
            model.shutdown()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.post(PATH, json={"instances": [[0]]}).status_code == 200
    except httpx.TransportError:
        return False


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_what_kserves_agent_logs_becomes_events(tmp_path: Path) -> None:
    """Every answered request is an event with its answer; the failed one says no status."""
    own = {"namespace": "shop", "component": "m"}
    with standing(tmp_path) as door:

        def paired() -> float:
            return door.counted("evenhand_door_halves_total", **own, outcome="paired") or 0

        with agent(door, tmp_path / "agent.log") as client:
            _wait(lambda: paired() >= 1)
            before = paired()

            def ask(i: int) -> int:
                body = {"instances": [[i % 3, 7]]}
                return client.post(PATH, json=body, headers={"ce-id": f"r{i}"}).status_code

            with ThreadPoolExecutor(4) as clients:
                assert set(clients.map(ask, range(REQUESTS))) == {200}
            failed = client.post(
                PATH, json={"instances": [[5]], "fail": 1}, headers={"ce-id": "failed"}
            )
            assert failed.status_code == 500
            _wait(lambda: paired() >= before + REQUESTS)
            waiting = door.counted("evenhand_door_halves_waiting", **own)
            print(f"{paired() - before:.0f} of {REQUESTS} paired, {waiting:.0f} waits")  # noqa: T201
    found: dict[bytes, tuple[bool, float]] = {}
    for message in door.arrived(10**6):
        assert isinstance(message.batch, EventBatch)
        answered = "status_code" in message.batch.columns
        ids = message.batch.columns["event_id"].values.tolist()
        favourable = values(message.batch, "favourable")
        found |= {event: (answered, said) for event, said in zip(ids, favourable, strict=True)}
    expected = UNKEYED.event_ids([f"r{i}" for i in range(REQUESTS)]).tolist()
    assert [found[event] for event in expected] == [(True, int(i % 3 > 1)) for i in range(REQUESTS)]
    assert found[UNKEYED.event_ids(["failed"]).tolist()[0]] == (False, -1)
