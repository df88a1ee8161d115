"""On Apache Kafka: everything arrives, an outage loses nothing, the pair stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.sidecar.counters import Reader
from governance.bus.connect import open_bus
from governance.event import MessageType
from tests.collectors.events import arrived, events_in
from tests.collectors.sidecar.processes import ask, model_server, resident, sidecar, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from governance.wire.message import Message
    from tests.testkit.kafka import KafkaBroker


def test_an_outage_of_kafka_loses_nothing(kafka: KafkaBroker, tmp_path: Path) -> None:
    """Requests before, during and after kill -9 of the broker are all there, in order, once."""
    with model_server() as model, sidecar(tmp_path, model, "--bus", kafka.url) as running:
        ask(running.port, 50)
        wait_for(lambda: running.counters.reader(Reader.PUBLISHED) == 50)
        kafka.kill()
        ask(running.port, 50)
        wait_for(lambda: running.counters.reader(Reader.SPOOLED) == 50)
        kafka.restart()
        ask(running.port, 50)
        outcomes = running.settle(60)
        reader = running.reader_pid
        assert reader is not None
        pump_kb, reader_kb = resident(running.process.pid), resident(reader)
        source = running.counters.source
        assert running.stop() == 0
    assert outcomes["published"] == sum(outcomes.values()) == 150

    def said_bye(messages: list[Message]) -> bool:
        types = [m.stamp.type for m in messages if m.stamp.source == source]
        return MessageType.BYE in types

    bus = open_bus(kafka.url)
    own = [m for m in arrived(bus, said_bye) if m.stamp.source == source]
    bus.close()
    assert sorted({m.stamp.sequence for m in own}) == list(range(own[-1].stamp.sequence + 1))
    assert own[-1].stamp.type is MessageType.BYE
    pseudonyms = [batch.columns["event_id"].values.tobytes() for batch in events_in(own)]
    assert len({raw[i : i + 16] for raw in pseudonyms for i in range(0, len(raw), 16)}) == 150
    assert pump_kb <= 30 * 1024
    # While the broker is away its client and the spool hold more than in calm (test_sidecar.py).
    assert reader_kb <= 80 * 1024
