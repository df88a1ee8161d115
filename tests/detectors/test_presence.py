"""What a checkpoint says of who sends."""

from __future__ import annotations

from detectors.sources import Sources
from governance.clock import SECOND_US
from governance.component.key import ComponentKey
from governance.event import MessageType
from governance.wire.headers import Stamp

KEY = ComponentKey("shop", "m")


def stamp(source: str, sequence: int = 0, watermark_us: int | None = None) -> Stamp:
    return Stamp(
        MessageType.EVENTS, KEY, source=source, sequence=sequence, watermark_us=watermark_us
    )


def beat(sources: Sources, source: str, now_us: int, sequence: int = 0) -> None:
    said = stamp(source, sequence, watermark_us=now_us)
    sources.register(said, now_us, ("1", 1))
    sources.progress(said)


def test_the_latest_beat_of_those_who_stay_counts() -> None:
    """Who said goodbye is not waited for, who fell silent is."""
    sources = Sources(600 * SECOND_US, 86_400 * SECOND_US)
    assert sources.last_heard(0) == (None, False)
    beat(sources, "a", 10)
    beat(sources, "b", 20)
    assert sources.last_heard(30) == (20, True)
    sources.bye("b")
    assert sources.last_heard(30) == (10, True)
    sources.bye("a")
    assert sources.last_heard(30) == (None, False)


def test_a_producer_without_heartbeats_is_expected_for_a_while_only() -> None:
    """Its silence means nothing: it may have nothing to say."""
    sources = Sources(600, 1_000)
    sources.register(None, 100, ("1", 1))
    assert sources.last_heard(500) == (100, False)
    assert sources.last_heard(1_200) == (None, False)
