"""Real texts through a real sidecar: drift of their topic is found by sums of embeddings alone.

The model is vaderSentiment behind KServe's V1 protocol, the texts are tweets, then product reviews.
The folder that EVENHAND_SHARED names holds them; without it the test is skipped, saying so.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from governance.bus.connect import open_bus
from governance.event import MessageType
from governance.privacy import SMALLEST_SUM
from tests.acceptance.live import Watched, measure, watched
from tests.acceptance.program import eventually
from tests.collectors.events import arrived, events_in
from tests.detectors.scenes import shared_folder

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = 200
WINDOWS = 2  # of tweets, then of reviews
COMPONENT = f"""\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {{name: sentiment, namespace: shop}}
spec:
  model: {{name: sentiment, version: "1", modality: [text]}}
  capture: {{cpuBudget: 8}}
  baseline: {{uri: profile.json, ordered: true}}
  monitoring: {{windows: {{events: {WINDOW}}}}}
"""


def test_another_topic_is_found_live(tmp_path: Path) -> None:
    """Tweets are quiet and reviews breach, at the embedding; no text and no vector travelled."""
    tweets, reviews = (_texts(f"{name}.tsv") for name in ("tweets", "product_reviews"))
    live = tweets[2_000 : 2_000 + WINDOWS * WINDOW] + reviews[: WINDOWS * WINDOW]
    _measure(tmp_path, tweets[:2_000])
    with watched(tmp_path, COMPONENT, "tests.acceptance.sentiment_server") as component:
        _send(component.address, live)
        component.sidecar.stop()
        found = eventually(lambda: _found(component), "a verdict on every window")
    quiet, loud = found[:WINDOWS], found[WINDOWS:]
    assert {finding["status"] for finding in quiet} == {"ok"}
    assert [finding["status"] for finding in loud][-1] == "breach"
    assert loud[-1]["value"] > 3 * max(finding["value"] for finding in quiet)
    assert {finding["events"] for finding in found} == {WINDOW}
    _check_what_travelled(tmp_path / "bus", live)


def _measure(folder: Path, texts: list[str]) -> None:
    with (folder / "reference.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["content"], *([text] for text in texts)])
    declared = COMPONENT.replace(
        "  baseline", "  signals: {features: {text: column:content}}\n  baseline"
    ).replace("uri: profile.json, ", "")
    measure(folder, declared, folder / "reference.csv")


def _send(address: str, texts: list[str]) -> None:
    with httpx.Client(base_url=address, timeout=30) as client:
        for start in range(0, len(texts), 5):
            body = {"instances": texts[start : start + 5]}
            client.post("/v1/models/sentiment:predict", json=body).raise_for_status()


def _found(component: Watched) -> list[dict[str, Any]]:
    """The embedding's findings, window by window; nothing until all windows have one."""
    found = component.findings(subject="embedding")
    return found if len(found) >= 2 * WINDOWS else []


def _check_what_travelled(folder: Path, texts: list[str]) -> None:
    """Sums over 20 events or more, of all texts but fewer than 20; and no text in any record."""
    bus = open_bus(f"file:{folder}")
    batches = events_in([m for m in arrived(bus) if m.stamp.type is MessageType.EVENTS])
    bus.close()
    summed = [total.n for batch in batches for total in batch.sums.values()]
    assert sum(batch.n for batch in batches) == len(texts)
    assert min(summed) >= SMALLEST_SUM
    assert 0 <= len(texts) - sum(summed) < SMALLEST_SUM
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not [text for text in texts if len(text) > 20 and text.encode() in written]


def _texts(name: str) -> list[str]:
    path = shared_folder() / "data" / "text_sentiment" / name
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    texts = [row["text"] for row in rows]
    return [texts[place] for place in np.random.default_rng(0).permutation(len(texts))]
