"""Real texts through a real sidecar: drift of their topic is found by sums of embeddings alone.

The model is vaderSentiment behind KServe's V1 protocol, the texts are tweets, then product reviews.
The folder that EVENHAND_SHARED names holds them; without it the test is skipped, saying so.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from governance.bus.connect import open_bus
from governance.event import MessageType
from governance.privacy import SMALLEST_SUM
from tests.acceptance.program import Program, evenhand, eventually
from tests.collectors.events import arrived, events_in
from tests.detectors.scenes import shared_folder
from tests.testkit.http import answers
from tests.testkit.ports import free_port
from tests.testkit.processes import ServerProcess

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
  baseline: {{uri: profile.json, ordered: true}}
  monitoring: {{windows: {{events: {WINDOW}}}}}
"""


def test_another_topic_is_found_live(tmp_path: Path) -> None:
    """Tweets are quiet and reviews breach, at the embedding; no text and no vector travelled."""
    tweets, reviews = (_texts(f"{name}.tsv") for name in ("tweets", "product_reviews"))
    live = tweets[2_000 : 2_000 + WINDOWS * WINDOW] + reviews[: WINDOWS * WINDOW]
    (tmp_path / "component.yaml").write_text(COMPONENT)
    _measure(tmp_path, tweets[:2_000])
    bus, database = f"file:{tmp_path / 'bus'}", tmp_path / "state.sqlite"
    common = ("--bus", bus, "--components", tmp_path / "component.yaml")
    with ExitStack() as stack:
        upstream = stack.enter_context(_Model(tmp_path))
        (tmp_path / "keys").mkdir()
        (tmp_path / "keys" / "shop.key").write_text("0f" * 32)
        _run(tmp_path, "migrate", "--database", f"sqlite:///{database}")
        port = free_port()
        sidecar = _start(
            stack, tmp_path, "collect", "--upstream", upstream, "--port", port, "--admin-port",
            free_port(), "--drain-seconds", 0.1, "--state-dir", tmp_path / "state", *common,
        )  # fmt: skip
        _start(stack, tmp_path, "detect", *common, "--database", f"sqlite:///{database}")
        _send(f"http://127.0.0.1:{port}", live)
        sidecar.stop()
        found = eventually(lambda: _found(database), "a verdict on every window")
    quiet, loud = found[:WINDOWS], found[WINDOWS:]
    assert {finding["status"] for finding in quiet} == {"ok"}
    assert [finding["status"] for finding in loud][-1] == "breach"
    assert loud[-1]["value"] > 3 * max(finding["value"] for finding in quiet)
    assert {finding["events"] for finding in found} == {WINDOW}
    _check_what_travelled(tmp_path / "bus", live)


class _Model:
    """The model server, while the block runs; gives HOST:PORT."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        argv = [sys.executable, "-m", "tests.acceptance.sentiment_server", "--port", self._port]
        self._process = ServerProcess([*map(str, argv)], folder / "model.log")

    def __enter__(self) -> str:
        self._process.start(lambda: answers(f"http://127.0.0.1:{self._port}/ready"))
        return f"127.0.0.1:{self._port}"

    def __exit__(self, *_: object) -> None:
        self._process.stop()


def _start(stack: ExitStack, folder: Path, *arguments: object) -> Program:
    keys = ("--config", _settings(folder))
    return stack.enter_context(evenhand(folder, str(arguments[0]), *arguments, *keys))


def _settings(folder: Path) -> Path:
    path = folder / "settings.yaml"
    path.write_text(f"privacy: {{keyDirectory: {folder / 'keys'}}}\n")
    return path


def _run(folder: Path, *arguments: object) -> None:
    argv = [sys.executable, "-m", "governance.service.cli.main", *map(str, arguments)]
    subprocess.run(argv, check=True, capture_output=True, cwd=folder)


def _measure(folder: Path, texts: list[str]) -> None:
    with (folder / "reference.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["content"], *([text] for text in texts)])
    declared = COMPONENT.replace(
        "  baseline", "  signals: {features: {text: column:content}}\n  baseline"
    ).replace("uri: profile.json, ", "")
    (folder / "offline.yaml").write_text(declared)
    _run(folder, "baseline", "reference.csv", "--component", "offline.yaml", "-o", "profile.json")


def _send(address: str, texts: list[str]) -> None:
    with httpx.Client(base_url=address, timeout=30) as client:
        for start in range(0, len(texts), 5):
            body = {"instances": texts[start : start + 5]}
            client.post("/v1/models/sentiment:predict", json=body).raise_for_status()


def _found(database: Path) -> list[dict[str, Any]]:
    """The embedding's findings, window by window; nothing until all windows have one."""
    query = "SELECT body FROM findings WHERE subject = 'embedding' ORDER BY window_number, revision"
    with closing(sqlite3.connect(database)) as connection:
        bodies = [json.loads(body) for (body,) in connection.execute(query)]
    newest = {body["window"]["number"]: body for body in bodies}
    return [newest[number] for number in sorted(newest)] if len(newest) >= 2 * WINDOWS else []


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
