"""Metrics: the one home of prometheus_client.

Names, units and labels are those of DESIGN 7: prefix ``evenhand_``, base units, ``_total`` on
counters only, never an id or user text as a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True)
class Family:
    """All series of one metric at the time of a scrape: label values, then the value."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    samples: tuple[tuple[tuple[str, ...], float], ...]
    counts: bool = False  # a counter, whose name ends in ``_total``; else a gauge


class Metrics:
    """The metrics of one process; each stage makes its own counters in it, once."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    def counter(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
        """A counter; ``name`` ends in ``_total``."""
        return Counter(name, meaning, labels, registry=self.registry)

    def gauge(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
        """A gauge, in base units."""
        return Gauge(name, meaning, labels, registry=self.registry)

    def publish(self, read: Callable[[], Iterable[Family]]) -> None:
        """Ask ``read`` at every scrape; its series vanish as soon as it leaves them out."""
        self.registry.register(_Reader(read))

    def render(self) -> bytes:
        """The text exposition that a scrape returns."""
        return generate_latest(self.registry)

    def serve(self, host: str, port: int) -> tuple[int, Callable[[], None]]:
        """Answer scrapes on a thread; returns the port that was bound and a function to stop.

        Raises
        ------
        ConfigError
            If the address cannot be bound.
        """
        try:
            server, thread = start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            raise ConfigError(
                f"cannot answer scrapes on {host}:{port}: {error.strerror}; set http.metrics or "
                "EVENHAND_HTTP_METRICS to another HOST:PORT (port 0 = any free one)"
            ) from None

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return server.server_port, stop


class _Reader(Collector):
    def __init__(self, read: Callable[[], Iterable[Family]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return ()  # known only at the scrape; an empty answer keeps registration from asking

    def collect(self) -> Iterable[Metric]:
        for family in self._read():
            kind = CounterMetricFamily if family.counts else GaugeMetricFamily
            metric = kind(family.name, family.meaning, labels=family.labels)
            for values, number in family.samples:
                metric.add_metric(values, number)
            yield metric
