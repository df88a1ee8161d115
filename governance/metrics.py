"""Self-metrics: the one home of prometheus_client.

Names, units and labels are those of DESIGN 7: prefix ``evenhand_``, base units, ``_total`` on
counters only, never an id or user text as a label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTENT_TYPE = CONTENT_TYPE_LATEST


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

    def render(self) -> bytes:
        """The text exposition that a scrape returns."""
        return generate_latest(self.registry)
