"""Model servers on loopback, in a thread: answers as they are wanted, also wrong ones."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATH = "/v1/models/sentiment:predict"


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as it is written: raw bytes, with the length that is claimed."""

    body: bytes
    status: int = 200
    length: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    drips: threading.Event | None = None  # a byte each 50 ms, until it is set


def tensor(name: str, datatype: str, value: Any) -> dict[str, Any]:
    """An output of a V2 answer."""
    return {"name": name, "datatype": datatype, "shape": [1], "data": [value]}


def completion(content: str) -> Reply:
    """A good answer of a chat."""
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return Reply(json.dumps({"model": "m", "choices": [choice]}).encode())


def predictions(*values: Any) -> Reply:
    """A good V1 answer."""
    return Reply(json.dumps({"predictions": list(values)}).encode())


def _text(body: dict[str, Any]) -> str:
    """The text of a V1, V2 or chat request."""
    if "instances" in body:
        return str(body["instances"][0])
    return str(
        body["inputs"][0]["data"][0] if "inputs" in body else body["messages"][-1]["content"]
    )


@dataclass(slots=True)
class Served:
    """What a server saw."""

    url: str
    texts: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that has enough of an answer is no fault."""


@contextmanager
def serving(reply: Callable[[str], Reply], path: str = PATH) -> Iterator[Served]:
    """Serve while the block runs; ``reply`` answers one text, in the server's threads."""
    served = Served("")
    lock = threading.Lock()
    under_way = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal under_way
            body = self.rfile.read(int(self.headers["content-length"]))
            text = _text(json.loads(body))
            with lock:
                under_way += 1
                served.most_at_once = max(served.most_at_once, under_way)
                served.texts.append(text)
                served.headers.append({k.lower(): v for k, v in self.headers.items()})
            try:
                answer = reply(text)
            finally:
                with lock:
                    under_way -= 1
            self._send(answer)

        def _send(self, answer: Reply) -> None:
            length = len(answer.body) if answer.length is None else answer.length
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(length))
            self.end_headers()
            if answer.drips is None:
                self.wfile.write(answer.body)
            else:
                self._drip(answer.body, answer.drips)
            self.close_connection = length != len(answer.body)

        def _drip(self, body: bytes, enough: threading.Event) -> None:
            with suppress(ConnectionError):
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    if enough.wait(0.05):
                        return

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}{path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
