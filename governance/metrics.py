"""Metrics: the one home of prometheus_client.

Names, units and labels are those of DESIGN 7: prefix ``evenhand_``, base units, ``_total`` on
counters only, never an id or user text as a label.
"""

from __future__ import annotations

import zlib
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from governance.errors import ConfigError
from governance.metrics_text import Family as Family  # noqa: PLC0414 - its name here
from governance.metrics_text import Rendered, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

CONTENT_TYPE = CONTENT_TYPE_LATEST
_GZIP = 16 + zlib.MAX_WBITS  # what zlib calls the gzip format
_SILENT_SECONDS = 60.0  # a client that says nothing for so long is let go


class Metrics:
    """The metrics of one process; each stage makes its own counters in it, once."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()  # everything
        self._counted = CollectorRegistry()  # without what is read at a scrape
        self._readers: list[Callable[[], Iterable[Family | Rendered]]] = []

    def counter(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
        """A counter; ``name`` ends in ``_total``."""
        made = Counter(name, meaning, labels, registry=self.registry)
        self._counted.register(made)
        return made

    def gauge(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
        """A gauge, in base units."""
        made = Gauge(name, meaning, labels, registry=self.registry)
        self._counted.register(made)
        return made

    def publish(self, read: Callable[[], Iterable[Family | Rendered]]) -> None:
        """Ask ``read`` at every scrape; its series vanish as soon as it leaves them out."""
        self._readers.append(read)
        self.registry.register(_Reader(read))

    def render(self) -> bytes:
        """The text exposition that a scrape returns."""
        parts = (part for read in self._readers for part in read())
        return generate_latest(self._counted) + text_of(parts)

    def serve(self, host: str, port: int) -> tuple[int, Callable[[], None]]:
        """Answer scrapes on a thread; returns the port that was bound and a function to stop.

        Raises
        ------
        ConfigError
            If the address cannot be bound.
        """
        try:
            server = ThreadingHTTPServer((host, port), _handler(self.render))
        except OSError as error:
            raise ConfigError(
                f"cannot answer scrapes on {host}:{port}: {error.strerror}; set http.metrics or "
                "EVENHAND_HTTP_METRICS to another HOST:PORT (port 0 = any free one)"
            ) from None
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return server.server_port, stop


def _handler(render: Callable[[], bytes]) -> type[BaseHTTPRequestHandler]:
    class Scrape(BaseHTTPRequestHandler):
        timeout = _SILENT_SECONDS

        def do_GET(self) -> None:
            if self.path.partition("?")[0].rstrip("/") not in ("", "/metrics"):
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body = render()
            self.send_response(HTTPStatus.OK)
            self.send_header("content-type", CONTENT_TYPE)
            if "gzip" in self.headers.get("accept-encoding", ""):
                self.send_header("content-encoding", "gzip")
                body = _packed(body)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """A scrape is nothing to tell."""

    return Scrape


def _packed(body: bytes) -> bytes:
    """Gzip, quickly: 18 MB of series take 0.2 s at level 1 and 2 s at the default."""
    packer = zlib.compressobj(level=1, wbits=_GZIP)
    return packer.compress(body) + packer.flush()


class _Reader(Collector):
    """The same for whoever asks the registry; what was rendered before is left out."""

    def __init__(self, read: Callable[[], Iterable[Family | Rendered]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return ()  # known only at the scrape; an empty answer keeps registration from asking

    def collect(self) -> Iterable[Metric]:
        for family in self._read():
            if isinstance(family, Rendered):
                continue
            kind = CounterMetricFamily if family.counts else GaugeMetricFamily
            metric = kind(family.name, family.meaning, labels=family.labels)
            for values, number in family.samples:
                metric.add_metric(values, number)
            yield metric
