"""Pictures and recordings through a real sidecar: what the bus carries is what is in the files."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from collectors.modalities.image import ImageDecoder
from collectors.modalities.voice import VoiceDecoder
from collectors.sidecar.budget import BUDGET_BYTES
from governance.bus.connect import open_bus
from governance.embeddings import SHIPPED
from governance.event import EventBatch, sum_name
from tests.collectors.events import arrived, events_in
from tests.collectors.modalities.sounds import noise, picture, sound, tone
from tests.collectors.sidecar import processes
from tests.collectors.sidecar.processes import model_server, sidecar
from tests.testkit.http import answers
from tests.testkit.ports import free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collectors.modalities.media import Decoder

COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: senses, namespace: shop}
spec:
  model: {name: senses, version: "1", modality: [image, voice]}
  governance: {dataPrivacy: {level: open}}
  capture: {cpuBudget: 8}
  monitoring: {windows: {events: 10000}}  # one sum: a part of a window holds all
"""
EACH = 30  # good pictures, and good recordings
BURST = 60
SHADES = np.random.default_rng(0).integers(0, 255, (EACH, 64, 96, 3)).astype(np.uint8)
PICTURES = [picture(shades, ("PNG", "JPEG")[n % 2]) for n, shades in enumerate(SHADES)]
SOUNDS = [
    sound(tone(200.0 + 10 * n, 0.4) + noise(0.4, seed=n), kind=("WAV", "FLAC")[n % 2])
    for n in range(EACH)
]
BROKEN_PICTURES = (PICTURES[1][:-200], b"\x89PNG\r\n\x1a\n" + bytes(50))
BROKEN_SOUNDS = (SOUNDS[1][:30], b"RIFF" + bytes(40))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    argv = [sys.executable, "-m", "tests.collectors.sidecar.media_server", "--port", str(port)]
    process = ServerProcess(argv, tmp_path_factory.mktemp("model") / "log")
    process.start(lambda: answers(f"http://127.0.0.1:{port}/ready"))
    yield port
    process.stop()


def test_media_of_two_kinds_arrive_as_features_and_sums(
    model: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each feature is that of the file; sums are of all that could be decoded; the rest counts."""
    (tmp_path / "senses.yaml").write_text(COMPONENT)
    monkeypatch.setattr(processes, "_COMPONENT", tmp_path / "senses.yaml")
    with sidecar(tmp_path, model) as running:
        with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", timeout=30) as client:
            seen = [_look(client, raw) for raw in (*PICTURES, *BROKEN_PICTURES)]
            heard = [_listen(client, raw) for raw in (*SOUNDS, *BROKEN_SOUNDS)]
        running.settle()
        reasons = running.counters.reasons()
        assert running.stop() == 0
    statuses = [200] * EACH + [422] * 2
    assert [answer.status_code for answer in (*seen, *heard)] == [*statuses, *statuses]
    bus = open_bus(running.bus_url)
    batches = events_in(arrived(bus))
    bus.close()
    events = [batch for batch in batches if batch.n]
    _check_features(events, "image", ImageDecoder(), PICTURES)
    _check_features(events, "voice", VoiceDecoder(), SOUNDS)
    assert _column(events, "status_code") == [*statuses, *statuses]
    assert _refusals(reasons, "image") == _refusals(reasons, "voice") == 2
    _check_sum(batches, "voice", VoiceDecoder(), SOUNDS)


@pytest.mark.slow
def test_a_burst_of_pictures_waits_for_its_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of sixty photographs back to back, twice what the pump may hold, nine in ten arrive.

    On a machine with a core to itself the reader takes all; a busy one may give it no turn.
    """
    (tmp_path / "senses.yaml").write_text(COMPONENT)
    monkeypatch.setattr(processes, "_COMPONENT", tmp_path / "senses.yaml")
    shades = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    photograph = picture(shades, "JPEG")
    assert BURST * len(photograph) > 2 * BUDGET_BYTES
    with model_server() as upstream, sidecar(tmp_path, upstream) as running:
        with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", timeout=30) as client:
            for _ in range(BURST):
                _look(client, photograph)
        outcomes = running.settle(60)
        assert running.stop() == 0
    bus = open_bus(running.bus_url)
    events = [batch for batch in events_in(arrived(bus)) if batch.n]
    bus.close()
    assert outcomes["published"] + outcomes["dropped_full"] == sum(outcomes.values()) == BURST
    assert outcomes["published"] >= 0.9 * BURST
    assert _column(events, "image.width") == [640.0] * outcomes["published"]


def _look(client: httpx.Client, raw: bytes) -> httpx.Response:
    instance = {"b64": base64.b64encode(raw).decode()}
    return client.post("/v1/models/digits:predict", json={"instances": [instance]})


def _listen(client: httpx.Client, raw: bytes) -> httpx.Response:
    files = {"file": ("a.wav", raw, "audio/wav")}
    return client.post("/v1/audio/transcriptions", data={"model": "w"}, files=files)


def _check_features(
    events: list[EventBatch], modality: str, decoder: Decoder, raws: list[bytes]
) -> None:
    """Beside decoding each file here, one by one."""
    expected = np.array([decoder.decode(raw)[0] for raw in raws])
    for name, wanted in zip(decoder.features, expected.T, strict=True):
        found = [value for value in _column(events, f"{modality}.{name}") if value is not None]
        assert found == pytest.approx(wanted.tolist(), rel=1e-12), name
    undecodable = [v for v in _column(events, f"{modality}.undecodable") if v is not None]
    assert undecodable == [0.0] * len(raws) + [1.0] * 2


def _check_sum(
    batches: list[EventBatch], modality: str, decoder: Decoder, raws: list[bytes]
) -> None:
    vectors = np.array([decoder.decode(raw)[1] for raw in raws], dtype=np.float32)
    name = sum_name(modality, SHIPPED[modality].hash)
    sums = [batch.sums[name] for batch in batches if name in batch.sums]
    assert sum(one.n for one in sums) == len(vectors)
    total = np.sum([one.values for one in sums], axis=0)
    assert np.array_equal(total, SHIPPED[modality].sums(vectors))


def _column(events: list[EventBatch], name: str) -> list[Any]:
    """Its values in the order in which the events began, None where they have none."""
    rows = [
        (start, value)
        for batch in events
        for start, value in zip(batch.columns["time"].values, _values(batch, name), strict=True)
    ]
    return [value for _, value in sorted(rows, key=lambda row: row[0])]


def _values(batch: EventBatch, name: str) -> list[Any]:
    if name not in batch.columns:
        return [None] * batch.n
    values = batch.columns[name].values.tolist()
    return [None if value != value else value for value in values]  # noqa: PLR0124 - NaN


def _refusals(reasons: dict[str, int], modality: str) -> int:
    named = f"undecodable:{modality}:"
    return sum(n for reason, n in reasons.items() if reason.startswith(named))
