"""Detector events per second of one core from Apache Kafka, beside a loop and beside reading alone.

A real broker holds the log (``benchmarks.detector_log``). Each side reads it whole in a process of
its own, by turns; the best of a few rounds counts, for the machine is shared and noise only adds.
``--events``, ``--window`` and ``--rounds`` change the sizes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from benchmarks import detector_log
from benchmarks.detector_log import MESSAGE, Sent
from governance.bus.kafka import KafkaBus
from governance.bus.ports import EVENTS_TOPIC
from tests.testkit.kafka import start_kafka

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.testkit.kafka import KafkaBroker

EVENTS, WINDOW, ROUNDS = 1_000_000, 100_000, 3
NAIVE_SHARE = 20  # the loop reads one event in so many: it takes long enough
OURS = ("kafka-python", "confluent")
JSON_TOPIC = "bench.json"
WORDS = {
    "bare": "kafka-python reads the bytes, no more",
    "naive": "kafka-python + orjson, an event a step",
    "kafka-python": "Evenhand through kafka-python",
    "confluent": "Evenhand through confluent-kafka",
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--window", type=int, default=WINDOW)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(arguments or [])
    events = options.events // MESSAGE * MESSAGE
    with start_kafka() as broker:
        sizes = {
            "log": fill(broker, EVENTS_TOPIC, detector_log.messages(events)),
            "json": fill(broker, JSON_TOPIC, _wrapped(events // NAIVE_SHARE)),
        }
        found = [measure(broker, sizes, options.window) for _ in range(options.rounds)]
    show(events, best(found), sizes)


def fill(broker: KafkaBroker, topic: str, messages: Iterable[Sent]) -> tuple[int, int]:
    """Write a log of one partition; returns its messages and bytes."""
    bus = KafkaBus((broker.bootstrap,))
    bus.ensure_topic(topic, 1)
    producer, count, size = bus.producer(), 0, 0
    key = detector_log.component(MESSAGE).key
    for sent in messages:
        producer.send(
            topic,
            0,
            key=str(key).encode(),
            value=sent.value,
            headers=sent.headers,
            timeout_seconds=60,
        )
        count, size = count + 1, size + len(sent.value)
    producer.flush(120)
    producer.close()
    return count, size


def measure(broker: KafkaBroker, sizes: dict[str, Any], window: int) -> dict[str, dict[str, Any]]:
    """One round: every side once."""
    log, other = (EVENTS_TOPIC, sizes["log"][0]), (JSON_TOPIC, sizes["json"][0])
    topics = {"bare": log, "naive": other, **dict.fromkeys(OURS, log)}
    return {
        side: _side(side, broker.bootstrap, topic, count, window)
        for side, (topic, count) in topics.items()
    }


def best(rounds: list[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Of each side the round that took the least of the processor."""
    return {side: min((r[side] for r in rounds), key=lambda s: s["cpu"]) for side in rounds[0]}


def show(events: int, found: dict[str, dict[str, Any]], sizes: dict[str, Any]) -> None:
    rates = {side: events / each["cpu"] for side, each in found.items()}
    rates["naive"] /= NAIVE_SHARE
    print(
        f"events {events:,}, {sizes['log'][1] / events:.0f} bytes each; windows counted, labels of"
    )
    print("every tenth event joined, checkpoints into SQLite; events per second of one core\n")
    print(f"{'':<44}{'events/s':>12}{'of bare':>10}{'x loop':>8}{'MB':>6}")
    for side, words in WORDS.items():
        share, times = rates[side] / rates["bare"], rates[side] / rates["naive"]
        peak = found[side]["peak_mb"]
        print(f"{words:<44}{rates[side]:>12,.0f}{share:>10.2f}{times:>8.1f}{peak:>6}")
    for side in OURS:
        joined = found[side]["labels_joined"]
        if found[side]["events"] != events or not joined:
            raise RuntimeError(f"{side} counted {found[side]}: the benchmark measures nothing")


def _side(side: str, bootstrap: str, topic: str, count: int, window: int) -> dict[str, Any]:
    argv = [sys.executable, "-m", "benchmarks.detector_sides", side, bootstrap, topic]
    done = subprocess.run(
        [*argv, str(count), str(window)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _wrapped(events: int) -> Iterable[Sent]:
    for value in detector_log.as_json(events):
        yield Sent((), value)


if __name__ == "__main__":
    main(sys.argv[1:])
