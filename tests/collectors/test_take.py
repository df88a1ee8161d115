"""``Publisher.take``: what a door has said yes to is in the spool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from collectors.ledger import MemoryLedger
from collectors.pending import Limits
from collectors.publish import Publisher
from collectors.sidecar.spool import Spool
from governance.bus.connect import open_bus
from governance.component.key import ComponentKey
from governance.errors import Full
from governance.event import Column, LabelBatch, MessageType
from tests.collectors.events import arrived, batch, events_in, ids

if TYPE_CHECKING:
    from pathlib import Path

LOANS = ComponentKey("bank", "loans")
NEVER = Limits(linger_seconds=3_600)


def labels(n: int) -> LabelBatch:
    ids_ = np.frombuffer(bytes(16 * n), dtype="V16")
    favourable = Column(np.ones(n, dtype=np.int8))
    return LabelBatch(n, {"event_id": Column(ids_), "favourable": favourable})


def test_what_was_taken_outlives_the_process(tmp_path: Path) -> None:
    """On return the messages are in files; another process sends them, whatever became of us."""
    nowhere = open_bus("kafka://127.0.0.1:1")
    first = Publisher(nowhere, "door/1", spool=Spool(tmp_path / "spool", memory_bytes=0))
    first.take(LOANS, [batch(0, 2), batch(2, 3)])
    found = [path for path in (tmp_path / "spool").glob("*.segment") if path.stat().st_size]
    assert found  # and the first publisher is left as kill -9 would leave it
    bus = open_bus(f"file:{tmp_path / 'bus'}")
    second = Publisher(bus, "door/2", spool=Spool(tmp_path / "spool", memory_bytes=0))
    assert second.close(10)
    sent = events_in(arrived(bus))
    assert [number for events in sent for number in ids(events)] == [0, 1, 2, 3, 4]
    first.close(0)
    bus.close()


def test_batches_of_one_kind_share_a_message(tmp_path: Path) -> None:
    """A hundred requests with one event each are one message, at once."""
    bus = open_bus(f"file:{tmp_path / 'bus'}")
    publisher = Publisher(bus, "door/1", limits=NEVER)
    publisher.connect()
    publisher.take(LOANS, [batch(number) for number in range(100)])
    (events,) = events_in(arrived(bus, enough=lambda found: bool(events_in(found))))
    assert ids(events) == list(range(100))
    publisher.close(10)
    bus.close()


def test_labels_are_sent_and_are_not_counted_as_events(tmp_path: Path) -> None:
    """The counts of a source are events: what is accepted minus what arrived must be zero."""
    bus = open_bus(f"file:{tmp_path / 'bus'}")
    publisher = Publisher(bus, "door/1")
    publisher.take(LOANS, [batch(0, 2), labels(5)])
    publisher.publish(LOANS, labels(3))
    assert publisher.close(10)
    messages = arrived(bus)
    sent = [m.batch.n for m in messages if m.stamp.type is MessageType.LABELS and m.batch]
    assert sent == [5, 3]
    assert messages[-1].stamp.counts == {"accepted": 2, "spooled": 0}
    bus.close()


def test_over_the_bound_nothing_is_taken(tmp_path: Path) -> None:
    """Full: not one of the batches, and nothing counted."""
    bus, ledger = open_bus(f"file:{tmp_path / 'bus'}"), MemoryLedger()
    publisher = Publisher(bus, "door/1", ledger=ledger, spool=Spool(None, memory_bytes=100))
    with pytest.raises(Full, match="try again"):
        publisher.take(LOANS, [batch(0), batch(1, 100)])
    assert ledger.totals == {}
    publisher.close(1)
    bus.close()
