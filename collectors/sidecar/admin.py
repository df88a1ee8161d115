"""Health and metrics of the pump, on a port of their own.

``/livez`` the loop turns; ``/readyz`` the sidecar takes traffic and the upstream accepts
connections; ``/metrics`` the counters, as Prometheus reads them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from collectors.sidecar.counters import Pump, Reader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from collectors.sidecar.counters import Counters

_REQUEST_SECONDS = 5.0
_PROBE_SECONDS = 1.0
_TEXT = "text/plain; version=0.0.4; charset=utf-8"

_OPAQUE = {
    "tls": Pump.OPAQUE_TLS,
    "http2": Pump.OPAQUE_HTTP2,
    "upgrade": Pump.OPAQUE_UPGRADE,
    "malformed": Pump.OPAQUE_MALFORMED,
}
_UPSTREAM = {
    "refused": Pump.UPSTREAM_REFUSED,
    "timeout": Pump.UPSTREAM_TIMEOUT,
    "gone": Pump.UPSTREAM_GONE,
}


class Admin:
    """Answers GET on the admin port; ``ready`` says whether the sidecar wants traffic."""

    def __init__(
        self, counters: Counters, component: Callable[[], str], ready: Callable[[], Awaitable[bool]]
    ) -> None:
        self._counters = counters
        self._component = component
        self._ready = ready

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer, one connection."""
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            status, text = await self._answer(head.split(b" ", 2)[1].partition(b"?")[0])
            body = text.encode()
            writer.write(
                f"HTTP/1.1 {status}\r\ncontent-type: {_TEXT}\r\ncontent-length: {len(body)}\r\n"
                "connection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (TimeoutError, OSError, EOFError, ValueError, IndexError):
            pass  # whoever asks like this gets no answer
        finally:
            writer.close()

    async def _answer(self, path: bytes) -> tuple[str, str]:
        if path == b"/livez":
            return "200 OK", "ok\n"
        if path == b"/readyz":
            ready = await self._ready()
            return ("200 OK", "ok\n") if ready else ("503 Service Unavailable", "not ready\n")
        if path == b"/metrics":
            return "200 OK", exposition(self._counters, self._component())
        return "404 Not Found", "known paths: /livez /readyz /metrics\n"


async def accepts(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (TimeoutError, OSError):
        return False
    writer.close()
    return True


def exposition(counters: Counters, component: str) -> str:
    """All counters in Prometheus' text format."""
    namespace, _, name = component.partition("/")
    own = {"namespace": namespace, "component": name}
    pump = counters.pump
    return "".join(
        (
            *_family(
                "evenhand_collector_events_total",
                "Events by outcome; their sum is what was accepted. spooled falls as it drains.",
                {"outcome": counters.outcomes()},
                own,
            ),
            *_family(
                "evenhand_collector_refusals_total",
                "Requests without one reading, and events in no sum (sum_...), by reason.",
                {"reason": counters.reasons()},
                own,
            ),
            *_family(
                "evenhand_collector_requests_total",
                "Requests that went through.",
                {"": {"": pump[Pump.BEGUN]}},
                own,
            ),
            *_family(
                "evenhand_collector_connections_total",
                "Client connections.",
                {"": {"": pump[Pump.CONNECTIONS]}},
                own,
            ),
            *_family(
                "evenhand_collector_opaque_connections_total",
                "Connections that passed unread, by reason.",
                {"reason": _opaque(counters)},
                own,
            ),
            *_family(
                "evenhand_collector_upstream_errors_total",
                "Connections that were answered 502, by reason.",
                {"reason": {reason: pump[cell] for reason, cell in _UPSTREAM.items()}},
                own,
            ),
            *_family(
                "evenhand_collector_reader_starts_total",
                "Starts of the reader; more than one per start of the sidecar are restarts.",
                {"": {"": pump[Pump.READER_STARTS]}},
                own,
            ),
            *_family(
                "evenhand_collector_spool_bytes",
                "Bytes of messages that wait for the bus, of 4 MiB in memory and 256 MiB on disk.",
                {"": {"": counters.reader(Reader.SPOOL_BYTES)}},
                own,
                "gauge",
            ),
            *_family(
                "evenhand_collector_reader_cpu_seconds_total",
                "CPU time of the reader, within 5 seconds.",
                {"": {"": counters.reader(Reader.CPU_MS) / 1_000}},
                own,
            ),
            *_family(
                "evenhand_collector_contents_ratio",
                "Share of events whose contents there is time to look into (cpuBudget).",
                {"": {"": 1 / max(1, counters.reader(Reader.CONTENTS_WEIGHT))}},
                own,
                "gauge",
            ),
        )
    )


def _opaque(counters: Counters) -> dict[str, int]:
    passed = {reason: counters.pump[cell] for reason, cell in _OPAQUE.items()}
    passed["http2"] += counters.reader(Reader.HTTP2_GIVEN_UP)
    return passed


def _family(
    name: str,
    words: str,
    series: Mapping[str, Mapping[str, float]],
    own: Mapping[str, str],
    kind: str = "counter",
) -> Iterator[str]:
    yield f"# HELP {name} {words}\n# TYPE {name} {kind}\n"
    for label, values in series.items():
        for value, n in values.items():
            labels = {**own, label: value} if label else own
            written = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
            yield f"{name}{{{written}}} {n}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
