"""Pictures and recordings in one chat message, watched live: a new speaker, then a bad camera.

Recordings are spoken digits of the folder that EVENHAND_SHARED names, without which the test is
skipped, saying so; pictures are scikit-learn's handwritten digits. The bad camera is too bright, as
much as Hendrycks & Dietterich's severity 5 for small pictures.
"""

from __future__ import annotations

import base64
import csv
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import numpy as np
from sklearn.datasets import load_digits

from collectors.modalities.voice import VoiceDecoder
from collectors.sidecar.counters import Counters, Reader
from governance.bus.connect import open_bus
from governance.embeddings import SHIPPED
from governance.privacy import SMALLEST_SUM
from tests.acceptance.live import Watched, measure, watched
from tests.acceptance.program import eventually
from tests.collectors.events import arrived, events_in
from tests.collectors.modalities.sounds import picture
from tests.detectors.scenes import shared_folder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from governance.event import BatchSum, EventBatch

WINDOW = 80
CALM = 2  # windows of usual speakers and a good camera; then one more of another speaker
WINDOWS = CALM + 2  # in the last one the camera is bad as well
ROWS = 240  # of the reference
NEW_SPEAKER = "theo"
BRIGHTER = 0.3  # of white
COMPONENT = f"""\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {{name: senses, namespace: shop}}
spec:
  model: {{name: senses, version: "1", modality: [image, voice]}}
  capture: {{cpuBudget: 8}}
  baseline: {{uri: profile.json, ordered: true}}
  monitoring: {{windows: {{events: {WINDOW}}}}}
"""


class Message(NamedTuple):
    """What one user sends."""

    picture: bytes
    recording: bytes


def test_a_new_voice_and_a_bad_camera_are_found_live(tmp_path: Path) -> None:
    """Each breaches in its own modality when it comes, and not before."""
    reference, live = _messages()
    _measure(tmp_path, reference)
    with watched(tmp_path, COMPONENT, "tests.collectors.sidecar.media_server") as component:
        for window in range(WINDOWS):
            _send(component, live[: (window + 1) * WINDOW], window * WINDOW)
        component.sidecar.stop()
        voice = eventually(lambda: _found(component, "voice"), "verdicts on recordings")
        image = eventually(lambda: _found(component, "image"), "verdicts on pictures")
    assert [one["status"] for one in voice] == ["ok"] * CALM + ["breach"] * 2
    assert [one["status"] for one in image] == ["ok"] * (CALM + 1) + ["breach"]
    assert {one["events"] for one in (*voice, *image)} == {WINDOW}
    _check_sums(tmp_path / "bus", live)


def _messages() -> tuple[list[Message], list[Message]]:
    """Of the reference, and live; live recordings of usual speakers were in the reference, too."""
    folder = shared_folder() / "data" / "voice_digits"
    with (folder / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    rng = np.random.default_rng(0)
    clips = [rows[place] for place in rng.permutation(len(rows))]
    usual = [row["file"] for row in clips if row["speaker"] != NEW_SPEAKER]
    others = [row["file"] for row in clips if row["speaker"] == NEW_SPEAKER]
    voices = [*usual[:ROWS], *usual[-CALM * WINDOW :], *others[:WINDOW], *others[-WINDOW:]]
    pixels = rng.permutation(load_digits().images)[: len(voices)] / 16.0
    pixels[-WINDOW:] += BRIGHTER
    messages = [
        Message(_picture(shown), (folder / "wav" / voice).read_bytes())
        for shown, voice in zip(pixels, voices, strict=True)
    ]
    return messages[:ROWS], messages[ROWS:]


def _picture(pixels: NDArray[np.float64]) -> bytes:
    """A PNG, eight times as large."""
    large = np.kron(np.clip(pixels, 0, 1), np.ones((8, 8)))
    return picture(np.round(255 * large).astype(np.uint8))


def _measure(folder: Path, messages: list[Message]) -> None:
    """Of files: what a team has before it goes live."""
    names = []
    for n, message in enumerate(messages):
        names.append((f"{n}.png", f"{n}.wav"))
        for name, raw in zip(names[-1], message, strict=True):
            (folder / name).write_bytes(raw)
    with (folder / "reference.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["picture", "clip"], *names])
    places = "signals: {features: {image: column:picture, voice: column:clip}}"
    declared = COMPONENT.replace("  baseline", f"  {places}\n  baseline")
    measure(folder, declared.replace("uri: profile.json, ", ""), folder / "reference.csv")


def _send(component: Watched, messages: list[Message], start: int) -> None:
    """Those from ``start`` on, and wait until their events are made: no sum is of two windows."""
    with httpx.Client(base_url=component.address, timeout=30) as client:
        for message in messages[start:]:
            shown, said = (base64.b64encode(raw).decode() for raw in message)
            parts = [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{shown}"}},
                {"type": "input_audio", "input_audio": {"data": said, "format": "wav"}},
            ]
            body = {"model": "m", "messages": [{"role": "user", "content": parts}]}
            client.post("/v1/chat/completions", json=body).raise_for_status()
    counters = Counters.open(component.folder / "state" / "counters")
    seen = partial(counters.reader, Reader.CAPTURED_REQUESTS)
    eventually(lambda: seen() == len(messages), "an event of every message")


def _found(component: Watched, modality: str) -> list[dict[str, Any]]:
    """Drift of the modality as a whole, window by window; nothing until all have a verdict."""
    found = component.findings(modality=modality, check="drift", subject="")
    return found if len(found) >= WINDOWS else []


def _check_sums(folder: Path, messages: list[Message]) -> None:
    """Both embeddings travelled as sums, but for a rest too small; the voice's are of the files."""
    bus = open_bus(f"file:{folder}")
    batches: list[EventBatch] = events_in(arrived(bus))
    bus.close()
    assert sum(batch.n for batch in batches) == len(messages)
    image, voice = (_sums(batches, modality) for modality in ("image", "voice"))
    summed = sum(one.n for one in voice)
    assert sum(one.n for one in image) == summed
    assert 0 <= len(messages) - summed < SMALLEST_SUM
    decode = VoiceDecoder().decode
    vectors = np.array([decode(one.recording)[1] for one in messages[:summed]], dtype=np.float32)
    total = np.sum([one.values for one in voice], axis=0)
    assert np.array_equal(total, SHIPPED["voice"].sums(vectors))


def _sums(batches: list[EventBatch], modality: str) -> list[BatchSum]:
    named = f"{modality}.fourier."
    return [one for batch in batches for name, one in batch.sums.items() if name.startswith(named)]
