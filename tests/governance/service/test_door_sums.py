"""Embeddings of what inference loggers send are summed at the door, as at a sidecar."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.modalities.text.trigrams import trigram_counts
from governance.clock import format_instant
from governance.embeddings import SHIPPED
from governance.event import EventBatch, sum_name
from tests.collectors.cloud_events.logged import kserve, structured
from tests.collectors.exchanges import component
from tests.governance.service.standing import EVENTS, Standing, standing

if TYPE_CHECKING:
    from pathlib import Path

    from governance.component.schema import Component

TEXT = SHIPPED["text"]
NAME = sum_name("text", TEXT.hash)
HOUR_US = 3_600_000_000
PAST_US = 490_000 * HOUR_US + HOUR_US // 2  # in the middle of an hour long ago
TEXTS = [f"ticket number {i} is open" for i in range(40)]
OWN = {"namespace": "shop", "component": "m"}


def reader(**windows: Any) -> Component:
    return component(
        model={"name": "m", "version": "1", "modality": ["text"]},
        monitoring={"windows": windows},
    )


def sums_of(door: Standing, batches: int) -> list[EventBatch]:
    found = [message.batch for message in door.arrived(batches)]
    return [batch for batch in found if isinstance(batch, EventBatch) and batch.sums]


def send(door: Standing, texts: list[str]) -> None:
    """All of one logger's exchanges in one request, an answer behind each question."""
    events = []
    for i, text in enumerate(texts):
        for side, body in (("request", {"instances": [text]}), ("response", {"predictions": [1]})):
            headers = kserve(side, f"r{i}") | {"ce-time": format_instant(PAST_US)}
            events.append(structured(headers, body))
    answer = door.post(
        EVENTS,
        json.dumps(events).encode(),
        **{"content-type": "application/cloudevents-batch+json"},
    )
    assert (answer.status_code, answer.json()["accepted"]) == (202, len(texts))


def test_a_window_in_time_has_a_sum_once_it_is_over(tmp_path: Path) -> None:
    """It says an instant in that window; the texts themselves stay here."""
    watched = reader(every="1h")
    with standing(
        tmp_path, [watched], max_body_bytes=100_000, projections={watched.key: {"text": TEXT}}
    ) as door:
        send(door, TEXTS)
        (total,) = sums_of(door, 2)
    assert total.n == 0
    assert total.sums_at_us == PAST_US + HOUR_US // 2 - 1
    assert total.sums[NAME].n == len(TEXTS)
    assert np.array_equal(total.sums[NAME].values, TEXT.sums(trigram_counts(TEXTS)))
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"ticket number 7" not in written


def test_counted_windows_have_their_sums_in_parts(tmp_path: Path) -> None:
    """A fair part at once, what is left at the end of the process."""
    watched = reader(events=200)  # an eighth of it are 25
    known = {watched.key: {"text": TEXT}}
    with standing(tmp_path, [watched], max_body_bytes=100_000, projections=known) as door:
        send(door, TEXTS)
        found = sums_of(door, 2)
    assert sum(batch.sums[NAME].n for batch in found) == len(TEXTS)
    assert {batch.sums_at_us for batch in found} == {None}


def test_few_events_are_in_no_sum_and_counted(tmp_path: Path) -> None:
    """Under 20 a sum would show too much of each."""
    watched = reader(events=200)
    known = {watched.key: {"text": TEXT}}
    with standing(tmp_path, [watched], max_body_bytes=100_000, projections=known) as door:
        send(door, TEXTS[:7])
        metrics = door
    counted = metrics.counted("evenhand_door_unsummed_total", **OWN, reason="sum_too_small")
    assert counted == 7
