"""Outward feeds on the bus: findings and changed alerts as JSON, for subscribers.

Nothing of ours reads them. A round is fed before its evaluation is committed, so a crash repeats
entries and never leaves one out (subscribers know findings by id and revision). Alerting never
waits for a bus that is away: what cannot be fed then is counted and stays in the database.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from governance.bus.partitioner import partition_for
from governance.bus.ports import ALERTS_TOPIC, DEFAULT_PARTITIONS, FINDINGS_TOPIC
from governance.errors import BusError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from governance.alert import Alert
    from governance.bus.ports import Bus, Delivery, Producer
    from governance.metrics import Metrics
    from governance.store.findings import StoredFinding

_WAIT_SECONDS = 2.0
_HEADERS = (("content-type", b"application/json"),)
_log = logging.getLogger("evenhand.alerting")


class Feed:
    """Feeds one round after the other."""

    def __init__(self, bus: Bus, metrics: Metrics, *, partitions: int = DEFAULT_PARTITIONS) -> None:
        self._bus = bus
        self._partitions = partitions
        self._producer: Producer | None = None
        self._missed = metrics.counter(
            "evenhand_feed_missed_total", "Entries that the bus did not take", ("topic",)
        )

    def feed(self, findings: Sequence[StoredFinding], changed: Iterable[Alert]) -> None:
        """Send everything and wait a little; never raises for what the bus does."""
        entries = [
            (FINDINGS_TOPIC, str(row.component).encode(), row.body.encode()) for row in findings
        ]
        entries += [
            (ALERTS_TOPIC, str(alert.key.component).encode(), msgspec.json.encode(alert))
            for alert in changed
        ]
        if not entries:
            return
        try:
            deliveries = [(topic, self._send(topic, key, body)) for topic, key, body in entries]
        except (BusError, PermanentError) as error:
            self._miss(error, [topic for topic, *_ in entries])
            return
        missed = [topic for topic, delivery in deliveries if not _arrived(delivery)]
        if missed:
            self._miss(BusError("not acknowledged in time"), missed)

    def close(self) -> None:
        """Give up what was not acknowledged."""
        if self._producer is not None:
            self._producer.close()
            self._producer = None

    def _send(self, topic: str, key: bytes, body: bytes) -> Delivery:
        producer = self._reach()
        partition = partition_for(key, self._partitions)
        return producer.send(
            topic, partition, key=key, value=body, headers=_HEADERS, timeout_seconds=_WAIT_SECONDS
        )

    def _reach(self) -> Producer:
        if self._producer is None:
            for topic in (FINDINGS_TOPIC, ALERTS_TOPIC):
                self._partitions = self._bus.ensure_topic(topic, self._partitions)
            self._producer = self._bus.producer()
        return self._producer

    def _miss(self, error: Exception, topics: Iterable[str]) -> None:
        _log.warning("subscribers miss entries, the database has them: %s", error)
        for topic in topics:
            self._missed.labels(topic).inc()


def _arrived(delivery: Delivery) -> bool:
    try:
        delivery.result(_WAIT_SECONDS)
    except (BusError, PermanentError):
        return False
    return True
