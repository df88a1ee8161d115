"""The demo's webhook receiver: verifies every signature, as a pipeline that subscribes would."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """One message: which webhook it came by, whether its signature holds, and what it says."""

    webhook: str
    id: str
    verified: bool
    body: dict[str, Any]


@dataclass(slots=True)
class Receiver:
    """Messages in order of arrival, without repeats of an id."""

    url: str
    messages: list[Received] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, message: Received) -> None:
        """Keep a message; an id that was seen before is a repeated delivery of the same."""
        with self.lock:
            if all(message.id != known.id for known in self.messages):
                self.messages.append(message)


@contextmanager
def receiving(secret: str) -> Iterator[Receiver]:
    """Serve on a free loopback port while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = _handler(receiver, Webhook(secret))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(receiver: Receiver, webhook: Webhook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("content-length", "0")), MAX_BODY_BYTES)
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                webhook.verify(body, headers)
                verified = True
            except WebhookVerificationError:
                verified = False
            name, message_id = self.path.strip("/"), headers.get("webhook-id", "")
            receiver.take(Received(name, message_id, verified, json.loads(body)))
            self.send_response(204 if verified else 401)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Stay quiet: the demo tells the story."""

    return Handler
