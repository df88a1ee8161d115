"""A receiver in a bad mood: it fails, sleeps, resets connections and goes away for a while."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from standardwebhooks.webhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOW_IT_COUNTS = threading.Lock()


@dataclass
class Moods:
    """What it does to how many requests, drawn from a seed; ``away`` closes its door."""

    fails: float = 0.3  # 5xx, half of them after it has taken the message
    resets: float = 0.05  # RST, half of them after it has taken the message
    sleeps: float = 0.02
    sleep_seconds: float = 0.2
    random: random.Random = field(default_factory=lambda: random.Random(7))
    away: threading.Event = field(default_factory=threading.Event)


@dataclass
class Heard:
    """All that it took: ids in the order in which they came, by component."""

    secret: str
    moods: Moods
    taken: dict[str, list[str]] = field(default_factory=dict)
    bodies: dict[str, set[bytes]] = field(default_factory=dict)
    requests: int = 0
    forged: int = 0

    def take(self, headers: dict[str, str], body: bytes) -> str:
        """What is done to this request: ``ok``, ``fail``, ``reset`` or ``sleep``; maybe taken."""
        with _NOW_IT_COUNTS:
            self.requests += 1
            if self.moods.away.is_set():
                return "reset"
            draw, keeps = self.moods.random.random(), self.moods.random.random() < 0.5
            mood = self._mood(draw)
            if mood in ("ok", "sleep") or keeps:
                self._keep(headers, body)
            return mood

    def _mood(self, draw: float) -> str:
        for name in ("fails", "resets", "sleeps"):
            share = getattr(self.moods, name)
            if draw < share:
                return name.removesuffix("s")
            draw -= share
        return "ok"

    def _keep(self, headers: dict[str, str], body: bytes) -> None:
        try:
            Webhook(self.secret).verify(body, headers)
        except Exception:  # noqa: BLE001 - whatever it is, the test will say it
            self.forged += 1
        name = headers["webhook-id"]
        self.taken.setdefault(json.loads(body)["component"], []).append(name)
        self.bodies.setdefault(name, set()).add(body)


class _Quiet(ThreadingHTTPServer):
    """Says nothing of clients that were killed."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def moody_receiver(secret: str, moods: Moods) -> Iterator[tuple[str, Heard]]:
    """Serve on a free port; gives the address, and what it hears."""
    heard = Heard(secret, moods)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            headers = {name.lower(): value for name, value in self.headers.items()}
            mood = heard.take(headers, self.rfile.read(length))
            self.close_connection = True
            if mood == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                return
            if mood == "sleep":
                threading.Event().wait(moods.sleep_seconds)
            self.send_response(503 if mood == "fail" else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def finish(self) -> None:
            if self.connection.fileno() >= 0:
                super().finish()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    server = _Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
