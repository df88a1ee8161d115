"""The outward feeds, on the embedded bus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from governance.bus.connect import open_bus
from governance.bus.partitioner import partition_for
from governance.bus.ports import ALERTS_TOPIC, FINDINGS_TOPIC
from governance.clock import SystemClock
from governance.config import Settings
from governance.finding import Status
from governance.metrics import Metrics
from governance.service.build import build_alert_worker
from tests.alerting.stored import COMPONENT, finding, open_migrated, spec, write

if TYPE_CHECKING:
    from pathlib import Path

    from governance.bus.ports import Bus, Record


def fed(bus: Bus, topic: str) -> list[Record]:
    consumer = bus.consumer("subscriber")
    consumer.subscribe(topic, lambda partitions: dict.fromkeys(partitions, 0), lambda _: None)
    records: list[Record] = []
    while found := consumer.poll(100, 0.5):
        records += found
    consumer.close()
    return records


def test_subscribers_read_findings_and_changed_alerts(tmp_path: Path) -> None:
    """Each finding once as the API prints it, each change of an alert, in the component's place."""
    store, bus = open_migrated(tmp_path), open_bus(f"file:{tmp_path / 'bus'}")
    write(store, [finding(i, Status.BREACH) for i in range(2)], spec())
    worker = build_alert_worker(Settings(), store, SystemClock(), Metrics(), bus)
    while worker.work():
        pass
    findings, alerts = fed(bus, FINDINGS_TOPIC), fed(bus, ALERTS_TOPIC)
    expected = [finding(i, Status.BREACH).to_json() for i in range(2)]
    assert [json.loads(record.value) for record in findings] == expected
    assert [json.loads(record.value)["state"] for record in alerts] == ["pending", "firing"]
    assert {r.partition for r in findings + alerts} == {partition_for(COMPONENT, 48)}
    bus.close()
    store.engine.dispose()


def test_a_bus_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    """Alerting goes on, and what subscribers miss is counted."""
    store = open_migrated(tmp_path)
    (tmp_path / "bus").write_text("a file where the bus's folder should be")
    metrics = Metrics()
    bus = open_bus(f"file:{tmp_path / 'bus'}")
    write(store, [finding(0, Status.BREACH)], spec())
    worker = build_alert_worker(Settings(), store, SystemClock(), metrics, bus)
    while worker.work():
        pass
    assert len(store.alerts.find()) == 1
    assert b'evenhand_feed_missed_total{topic="evenhand.findings"} 1.0' in metrics.render()
    store.engine.dispose()
