"""Dead letters are durable before an offset is, and bodies leave only where that is allowed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from detectors.dead_letters import DeadLetters
from governance.bus.connect import open_bus
from governance.bus.ports import DEAD_LETTERS_TOPIC, Record
from governance.errors import BusError, PermanentError

if TYPE_CHECKING:
    from pathlib import Path

    from governance.bus.ports import Bus

POISON = Record("evenhand.events", 3, 17, 0, b"k", (), b"who knows")
ERROR = PermanentError("malformed", "not a map")


def _read(bus: Bus) -> list[Record]:
    consumer = bus.consumer("test")
    consumer.subscribe(DEAD_LETTERS_TOPIC, lambda ps: dict.fromkeys(ps, 0), lambda _: None)
    records = consumer.poll(10, 1.0)
    consumer.close()
    return records


@pytest.mark.parametrize(("is_open", "body"), [(True, b"who knows"), (False, b"")])
def test_a_letter_says_what_and_where(tmp_path: Path, is_open: bool, body: bytes) -> None:  # noqa: FBT001
    """Headers name stage, reason, place, size and hash; the body only at privacy ``open``."""
    bus = open_bus(f"file:{tmp_path}")
    letters = DeadLetters(bus.producer(), bus.ensure_topic(DEAD_LETTERS_TOPIC, 2))
    letters.write(POISON, ERROR, is_open=is_open)
    letters.flush()
    (record,) = _read(bus)
    assert record.value == body
    names = ("stage", "reason", "topic", "partition", "offset", "size", "sha256")
    assert [record.header(name) for name in names] == [
        "detect",
        "malformed",
        "evenhand.events",
        "3",
        "17",
        "9",
        hashlib.sha256(b"who knows").hexdigest(),
    ]


def test_letters_wait_for_a_bus_that_is_away(tmp_path: Path) -> None:
    """``flush`` fails until they are durable, and none is lost."""
    bus = open_bus(f"file:{tmp_path}")
    producer = bus.producer()
    letters = DeadLetters(producer, 2)  # the topic is not there yet: nothing can be appended
    send, away = producer.send, True

    def sometimes(*arguments: object, **more: object) -> object:
        if away:
            raise BusError("full")
        return send(*arguments, **more)  # type: ignore[arg-type]

    producer.send = sometimes  # type: ignore[method-assign, assignment]
    letters.write(POISON, ERROR, is_open=False)
    with pytest.raises(BusError, match="1 dead letters wait"):
        letters.flush()
    bus.ensure_topic(DEAD_LETTERS_TOPIC, 2)
    away = False
    letters.flush()
    assert len(_read(bus)) == 1
