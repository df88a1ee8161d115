"""The admission webhooks over TLS: one small ASGI application, and a server that rereads its key.

Every replica answers. A pod is decided from two reads of the API server, its component and the
Services of its namespace, so an answer is never older than the objects it speaks of.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from collectors.injection.base import COMPONENT_LABEL, Placement, Refusal
from collectors.injection.manifests import label
from governance.component.crd import GROUP, PLURAL, VERSION
from governance.errors import ConfigError
from governance.service.operator.admission import (
    Injector,
    allowed,
    answer_component,
    answer_pod,
)
from governance.service.operator.api import Cluster, ClusterError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from governance.service.operator.telemetry import Telemetry

    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

INJECT_PATH: Final = "/inject"
VALIDATE_PATH: Final = "/validate"
HEALTH_PATH: Final = "/readyz"

_MOST_BYTES = 8 * 1024 * 1024  # an object of etcd has 1.5 MiB at most, a review holds two
_ROTATION_SECONDS = 30.0

_log = logging.getLogger(__name__)


class Webhooks:
    """The ASGI application."""

    def __init__(self, cluster: Cluster, injector: Injector, telemetry: Telemetry) -> None:
        self._cluster = cluster
        self._injector = injector
        self._telemetry = telemetry

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == HEALTH_PATH:
            await _send(send, 200, b'{"ready": true}')
        elif scope["method"] != "POST" or path not in {INJECT_PATH, VALIDATE_PATH}:
            await _send(send, 404, b'{"error": "POST /inject, POST /validate"}')
        else:
            body = await _body(receive)
            try:
                request = json.loads(body or b"")["request"]
                answer = await self._answer(path, request)
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("%s: not an AdmissionReview: %r", path, error)
                await _send(send, 400, b'{"error": "not an AdmissionReview"}')
            else:
                await _send(send, 200, json.dumps(answer).encode())

    async def _answer(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        if path == VALIDATE_PATH:
            return answer_component(request)
        began = time.perf_counter()
        try:
            answer, outcome = await self._inject(request)
        except ClusterError as error:
            # The pod starts as it is; the operator sees that it has no sidecar, and says so.
            _log.warning("a pod of %s is not looked at: %s", request.get("namespace"), error)
            answer, outcome = allowed(request, f"evenhand: {error}"), "undecided"
        self._telemetry.admitted(outcome, time.perf_counter() - began)
        return answer

    async def _inject(self, request: dict[str, Any]) -> tuple[dict[str, Any], str]:
        pod, namespace = request["object"], request["namespace"]
        name = label(pod, COMPONENT_LABEL)
        components = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
        component, services = await asyncio.gather(
            self._cluster.get(f"{components}/{name}"),
            self._cluster.list(f"/api/v1/namespaces/{namespace}/services"),
        )
        after, decision = self._injector.decide(pod, services, component)
        _log.info("pod of %s/%s: %s", namespace, name, decision)
        return answer_pod(request, after, decision), _outcome(decision)


def _outcome(decision: Placement | Refusal) -> str:
    return "injected" if isinstance(decision, Placement) else decision.code


async def _body(receive: Receive) -> bytes | None:
    """The request's body; None if it is too long."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if size > _MOST_BYTES:
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class TlsServer:
    """Serves an application with ``tls.crt`` and ``tls.key`` of a folder, and rereads them."""

    def __init__(self, app: Webhooks, folder: Path, host: str, port: int) -> None:
        self._certificate, self._key = folder / "tls.crt", folder / "tls.key"
        for file in (self._certificate, self._key):
            if not file.is_file():
                raise ConfigError(f"{file} is not there: --tls-directory names the Secret's mount")
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            ssl_certfile=str(self._certificate),
            ssl_keyfile=str(self._key),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        config.load()
        self._context: ssl.SSLContext | None = config.ssl
        self._server = uvicorn.Server(config)

    async def run(self) -> None:
        """Serve until ``stop``."""
        rotation = asyncio.create_task(self._rotate())
        try:
            await self._server._serve()  # noqa: SLF001 - serve() would take the signal handlers
        finally:
            rotation.cancel()

    def stop(self) -> None:
        """Let what is asked be answered, then end."""
        self._server.should_exit = True

    async def _rotate(self) -> None:
        """New connections use the key that the folder holds now."""
        seen = self._changed_at()
        while True:
            await asyncio.sleep(_ROTATION_SECONDS)
            now = self._changed_at()
            if now != seen and self._context is not None:
                self._context.load_cert_chain(self._certificate, self._key)
                _log.info("the webhook's certificate was renewed")
                seen = now

    def _changed_at(self) -> tuple[int, int]:
        return self._certificate.stat().st_mtime_ns, self._key.stat().st_mtime_ns
