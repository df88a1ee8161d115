"""``evenhand collect --listen`` under clients that misbehave, and under kill -9."""

from __future__ import annotations

import gzip
import random
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from governance.event import EventBatch
from governance.privacy import Pseudonymiser
from tests.collectors.cloud_events.logged import V1_REQUEST, V1_RESPONSE, kserve
from tests.governance.service.cli.door_process import EVENTS, Process, sent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNKEYED = Pseudonymiser(b"")
HEAD = f"POST {EVENTS} HTTP/1.1\r\nhost: door\r\n".encode()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path, f"file:{tmp_path / 'bus'}")
    yield process
    if process.child.poll() is None:
        process.end(signal.SIGKILL)


def connected(door: Process, *parts: bytes) -> socket.socket:
    client = socket.create_connection(door.address, timeout=30)
    for part in parts:
        client.sendall(part)
    return client


def answer(client: socket.socket) -> bytes:
    """All that the door says until it closes."""
    with client:
        said = b""
        try:
            while part := client.recv(65_536):
                said += part
        except ConnectionResetError:
            pass
        return said


def arrived(folder: Path) -> list[bytes]:
    """The ids of all events on the bus, in order."""
    found: list[bytes] = []
    for message in sent(folder):
        if isinstance(message.batch, EventBatch):
            raw = message.batch.columns["event_id"].values.tobytes()
            found += [raw[i : i + 16] for i in range(0, len(raw), 16)]
    return found


def test_clients_that_misbehave_do_not_keep_others_from_the_door(door: Process) -> None:
    """200 that send nothing more, one that vanishes, one that never ends: others are served."""
    slow = [connected(door, HEAD[:20]) for _ in range(200)]
    stuck = connected(door, HEAD, b"content-length: 100\r\n\r\n{")
    connected(door, HEAD, b"content-length: 100\r\n\r\n[{").close()
    assert door.post(EVENTS, {"id": "a"}).status_code == 202
    for client in (*slow, stuck):
        client.close()
    assert door.post(EVENTS, {"id": "b"}).status_code == 202
    errors = door.end(signal.SIGTERM)
    assert door.child.returncode == 0
    assert "Traceback" not in errors
    assert sorted(arrived(door.folder)) == sorted(UNKEYED.event_ids(["a", "b"]).tolist())


def test_a_megabyte_of_headers_is_refused(door: Process) -> None:
    """431, or the connection ends while it is still being sent; one line or many."""
    for headers in (b"x: " + b"y" * 1_000_000, b"x: y\r\n" * 200_000):
        client = connected(door, HEAD)
        try:
            client.sendall(headers)
            said = answer(client)
        except (BrokenPipeError, ConnectionResetError):
            said = b""
        assert said == b"" or b" 431 " in said
    assert door.post(EVENTS, {"id": "a"}).status_code == 202


def test_chunks_without_end_are_cut_off(door: Process) -> None:
    """413 as soon as they are more than a body may be."""
    client = connected(door, HEAD, b"transfer-encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    try:
        for _ in range(40):
            client.sendall(chunk)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert b" 413 " in answer(client)
    assert door.counted("evenhand_door_rows_total") == {"invalid": 1}


NO_HTTP = (
    b"\x00\xff\x00",
    b"POST\r\n\r\n",
    HEAD + b"content-length: 5\r\ncontent-length: 7\r\n\r\nhello",
    HEAD + b"content-length: -1\r\n\r\n",
    HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    b"POST " + EVENTS.encode() + b"\x00 HTTP/1.1\r\n\r\n",
    HEAD + b"content-length: 3\r\nx: \x00\r\n\r\n{}\n",
    b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
)


def test_bytes_that_are_no_http_harm_nobody(door: Process) -> None:
    """A refusal or an end; the next client is served, and nothing is taken."""
    for raw in NO_HTTP:
        client = connected(door, raw)
        client.shutdown(socket.SHUT_WR)
        assert b" 202 " not in answer(client)
        assert door.post(EVENTS, {"id": "a"}).status_code == 202
    assert door.counted("evenhand_door_rows_total")["accepted"] == len(NO_HTTP)


def test_a_million_rows_are_refused_at_once_and_taken_in_parts(door: Process) -> None:
    """One request of 10^6 rows is a 400 that says so; a full one goes through to the bus."""
    many = b"\n".join(b'{"id":%d}' % i for i in range(1_000_000))
    refused = door.post(EVENTS, gzip.compress(many, 1), **{"content-type": "application/x-ndjson"})
    assert (refused.status_code, refused.json()["reason"]) == (400, "rows")
    part = b"\n".join(b'{"id":%d}' % i for i in range(65_536))
    taken = door.post(EVENTS, part, **{"content-type": "application/x-ndjson"})
    assert (taken.status_code, taken.json()["accepted"]) == (202, 65_536)
    door.end(signal.SIGTERM)
    assert len(set(arrived(door.folder))) == 65_536


def test_every_202_survives_kill_9_to_the_single_event(tmp_path: Path) -> None:
    """Kill -9 in the middle of eight clients, bus away; a new door delivers each event it owes."""
    first = Process(tmp_path, "kafka://127.0.0.1:1")
    chance = random.Random(3)
    sizes = [chance.choice((1, 2, 30)) for _ in range(250)]
    said_yes: list[str] = []
    offered: list[str] = []

    def post(i: int) -> None:
        names = [f"{i}:{k}" for k in range(sizes[i])]
        offered.extend(names)
        try:
            if first.post(EVENTS, [{"id": name} for name in names]).status_code == 202:
                said_yes.extend(names)
        except httpx.TransportError:
            pass  # no answer: it may have been taken or not
        if i == 150:
            first.child.kill()

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(post, range(250)))
    first.end(signal.SIGKILL)
    assert 0 < len(said_yes) < sum(sizes)
    second = Process(tmp_path, f"file:{tmp_path / 'bus'}")
    second.end(signal.SIGTERM)
    found = arrived(tmp_path)
    assert len(found) == len(set(found))
    owed, possible = (
        set(UNKEYED.event_ids(said_yes).tolist()),
        set(UNKEYED.event_ids(offered).tolist()),
    )
    assert owed <= set(found) <= possible
    unanswered = sum(sorted(sizes)[-8:])  # of as many requests as there were clients
    assert len(found) - len(owed) <= unanswered


def test_halves_that_wait_at_kill_9_are_counted_by_the_next_door(tmp_path: Path) -> None:
    """Raw bodies are never on the disk: what waited for its partner is lost, to the single half."""
    first = Process(tmp_path, f"file:{tmp_path / 'bus'}")
    secret = V1_REQUEST.replace(b"1.5", b"1.5151515")
    for i in range(7):
        assert first.post(EVENTS, secret, **kserve("request", str(i))).status_code == 202
    assert first.post(EVENTS, V1_RESPONSE, **kserve("response", "0")).json()["accepted"] == 2
    first.end(signal.SIGKILL)
    spooled = b"".join(
        path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()
    )
    assert b"1.5151515" not in spooled
    second = Process(tmp_path, f"file:{tmp_path / 'bus'}")
    assert second.counted("evenhand_door_halves_total") == {"lost_crash": 6}
    second.end(signal.SIGTERM)
    assert len(set(arrived(tmp_path))) == 2


def test_the_token_is_in_no_output(tmp_path: Path) -> None:
    """Standard error of a door that is asked, attacked and ended, and its files.

    Its standard output is the one line that ``Process`` has read.
    """
    first = Process(tmp_path, f"file:{tmp_path / 'bus'}")
    secret = b"t0ken-of-kserves-logger"
    path = f"{EVENTS}/{secret.decode()}"
    assert first.post(path, {"id": "a"}).status_code == 202
    assert first.post(path, b"{").status_code == 400
    assert first.post(path + "/x", {"id": "a"}).status_code == 404
    answer(connected(first, b"POST " + path.encode() + b" HTTP/9\r\n\r\n"))
    answer(
        connected(
            first,
            HEAD[:5]
            + path.encode()
            + b" HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n",
        )
    )
    errors = first.end(signal.SIGTERM)
    assert secret.decode() not in errors
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or secret not in file.read_bytes()


@pytest.mark.slow
def test_a_million_rows_go_through_and_none_is_lost(door: Process) -> None:
    """10^6 events in 16 requests from four clients: all accepted, all on the bus, each once."""

    def post(part: int) -> int:
        names = range(part * 62_500, (part + 1) * 62_500)
        rows = b"\n".join(b'{"id":%d,"prediction":%d}' % (i, i % 2) for i in names)
        return door.post(EVENTS, rows, **{"content-type": "application/x-ndjson"}).status_code

    with ThreadPoolExecutor(4) as clients:
        statuses = list(clients.map(post, range(16)))
    counted = door.counted("evenhand_door_rows_total")
    door.end(signal.SIGTERM)
    found = arrived(door.folder)
    print(  # noqa: T201 - the table of a long test
        f"accepted {counted['accepted']:.0f}, on the bus {len(found)}, distinct {len(set(found))}"
    )
    assert statuses == [202] * 16
    assert counted == {"accepted": 1_000_000}
    assert len(found) == len(set(found)) == 1_000_000


@pytest.mark.slow
def test_heads_that_do_not_end_are_given_up(door: Process) -> None:
    """After 15 s the connection is closed, though a byte came every now and then."""
    with connected(door, HEAD[:10]) as client:
        assert client.recv(1) == b""
    assert door.post(EVENTS, {"id": "a"}).status_code == 202
