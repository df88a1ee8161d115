"""Damaged CloudEvents: read, refused or undecodable, never a crash, always accounted for."""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collectors.cloud_events.event import read_cloud_events
from collectors.cloud_events.listening import Listening, half_of
from collectors.cloud_events.whose import Owners
from collectors.json_rows import InvalidRows
from governance.errors import CaptureError
from tests.collectors.cloud_events.logged import (
    V1_REQUEST,
    V1_RESPONSE,
    kserve,
    seldon,
    structured,
)
from tests.collectors.exchanges import KEYED, component

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = {
    "inputs": [
        {"name": "x", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}
    ]
}
BODIES = (
    V1_REQUEST,
    V1_RESPONSE,
    gzip.compress(V1_RESPONSE),
    json.dumps(HEAD).encode() + np.array([1], "<f4").tobytes(),
    b'{"outputs": [{"name": "y", "shape": [1], "datatype": "INT64", "data": [1]}]}',
    b'{"messages": [{"role": "user", "content": "hi"}]}',
    b'data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: [DONE]\n\n',
    b'{"input": [[1, 2]]}',
    b"[" * 5_000,
    b'{"instances": [1e999, -1e999, NaN, null, "\\ud800"]}',
)


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut or doubled; sometimes none."""
    changed = bytearray(raw)
    for _ in range(chance.choice((0, 0, 1, 3))):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    cut = chance.choice((len(changed), len(changed), chance.randrange(len(changed) + 1)))
    return bytes(changed[:cut]) * chance.choice((1, 1, 1, 2))


def headers(side: str, chance: random.Random) -> dict[str, str]:
    logger: Callable[[str, str], dict[str, str]] = chance.choice((kserve, seldon))
    found = logger(side, str(chance.randrange(400)))
    if chance.random() < 0.2:
        name = chance.choice(sorted(found))
        found[name] = damaged(found[name].encode("latin-1"), chance).decode("latin-1")
    return found


@pytest.mark.parametrize("modality", ["tabular", "text"])
def test_damaged_events_harm_nobody(modality: str) -> None:
    """1,500 requests of all modes: refusals are of two kinds, and every half is accounted for."""
    chance = random.Random(11)
    model = {"name": "m", "version": "1", "modality": [modality]}
    watched = component(model=model, signals={"favourable": {"in": ["1"]}})
    to, owners, refused, taken = Listening(watched, KEYED), Owners([watched]), 0, 0
    for _ in range(1_500):
        said = headers(chance.choice(("request", "response")), chance)
        body = damaged(chance.choice(BODIES), chance)
        if chance.random() < 0.3:
            event = structured(said, body.decode("latin-1"))
            body = damaged(json.dumps([event, event]).encode(), chance)
            said = {"content-type": "application/cloudevents-batch+json"}
        try:
            events = read_cloud_events(body, said)
        except (CaptureError, InvalidRows):
            refused += 1
            continue
        assert {owners.of(event) for event in events} <= {None, watched.key}
        halves = [half for event in events if (half := half_of(event, 0.0, 0)) is not None]
        taken += len(halves)
        whole = to.halves.offer(halves)
        read = to.read(whole)
        assert sum(read.counts.values()) == len(whole)
        to.halves.confirm(whole)
    alone = to.halves.due(float("inf"))
    to.read(alone)
    to.halves.confirm(alone)
    counts = to.halves.counts
    ended = counts["again"] + counts["request_alone"] + counts["response_alone"]
    assert counts["taken"] == taken == 2 * counts["paired"] + ended
    assert refused > 50
    assert counts["paired"] > 100
