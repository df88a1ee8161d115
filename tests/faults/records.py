"""Faults in the log: records that come twice, too late, in disorder, or make no sense."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from governance.clock import SystemClock
from governance.event import MessageType
from governance.wire.headers import Stamp, encode_stamp
from tests.faults.scene import WHOLE, total
from tests.faults.traffic import KEY, PARTITIONS

if TYPE_CHECKING:
    from governance.bus.ports import Headers
    from tests.faults.scene import Row, Scene

RESENT = 8  # batches
POISONED = 5  # records
HUGE = 800_000  # bytes: just below what our producers send


def delivered_twice(scene: Scene) -> Row:
    """Every fifth batch comes twice at once, some a second time much later."""
    with scene.worker() as program:
        scene.traffic.send(WHOLE, again=True)
        scene.until_windows()
        for number in range(RESENT):
            scene.traffic.batch(number)
        scene.traffic.send(WHOLE)
        scene.until_windows()
        twice = total(program, "evenhand_detector_events_total", 'outcome="duplicate"')
    return scene.finish(f"{twice} duplicates counted")


def in_disorder(scene: Scene) -> Row:
    """Batches of one source arrive newest first."""
    with scene.worker():
        scene.traffic.send(WHOLE)
        scene.traffic.send_out_of_order(WHOLE)
        scene.until_windows()
    return scene.finish()


def poison(scene: Scene) -> Row:
    """Random bytes, a wrong type of number, another version, the wrong partition, a huge record."""
    good = headers(scene)
    with scene.worker() as program:
        scene.traffic.send(WHOLE)
        scene.traffic.raw(os.urandom(200), good)
        scene.traffic.raw(b"\x81\xa1v\xcd\x03\xe7", good)
        scene.traffic.raw(b"", ())
        scene.traffic.raw(bytes(HUGE), good)
        wrong = (scene.traffic.partition + 1) % PARTITIONS
        scene.traffic.raw(b"{}", good, partition=wrong)
        scene.traffic.send(WHOLE)
        scene.until_windows()
        letters = total(program, "evenhand_dead_letters_total")
    row = scene.finish(f"{letters} dead letters")
    return row if letters >= POISONED else replace(row, equal=False)


def clock_off(scene: Scene) -> Row:
    """The pod's clock is an hour off (see the catalog for which way)."""
    with scene.worker() as program:
        scene.traffic.send(2 * WHOLE)
        scene.until_windows()
        skewed = total(program, "evenhand_clock_skew_batches_total")
    row = scene.finish(f"{skewed} skewed messages counted")
    return row if skewed else replace(row, equal=False)


def headers(scene: Scene) -> Headers:
    """Those of the next message of a source of its own."""
    now = SystemClock().now_us()
    stamp = Stamp(MessageType.EVENTS, KEY, "stranger", scene.traffic.sequence, now, now)
    return encode_stamp(stamp)
