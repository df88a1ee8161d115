"""A component that hears and reads, through ``evenhand replay``: the voice drifts, texts are calm.

Real recordings and tweets of the folder that EVENHAND_SHARED names; skipped, saying so, without it.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from alerting.evaluate import observations
from governance.finding import Status
from governance.service.cli.main import main
from tests.detectors.scenes import shared_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: assistant}
spec:
  model: {name: m, version: "1", modality: [text, voice]}
  signals:
    features: {text: column:text, voice: column:clip}
  baseline: {ordered: true}
  monitoring: {windows: {events: 25}}
"""
NEW_SPEAKER = "theo"
ROWS = 300  # of the reference
USUAL, NEW = 50, 75


def test_a_voice_that_drifts_while_texts_are_calm(tmp_path: Path) -> None:
    """Every verdict says exactly that, and one alert is fed by it, that of the voice."""
    findings = _replayed(tmp_path)
    wholes = [f for f in findings if not f["modality"] and not f["subject"]]
    voices = [f for f in findings if f["modality"] == "voice" and not f["subject"]]
    texts = [f for f in findings if f["modality"] == "text" and f["subject"] in {"", "embedding"}]
    before = USUAL // 25
    assert [f["status"] for f in wholes[:before]] == ["ok"] * before
    assert {f["status"] for f in texts} == {"ok"}
    assert wholes[-1]["status"] == voices[-1]["status"] == "breach"
    assert wholes[-1]["reason"].startswith("changed: voice (")
    assert "embedding: recordings as a whole, MMD 0." in wholes[-1]["reason"]
    assert wholes[-1]["reason"].endswith("); calm: text")
    names = Counter(
        (f["modality"], f["check"], f["subject"], f["window"]["number"]) for f in findings
    )
    assert set(names.values()) == {1}
    raised = {
        key.modality
        for key, seen in observations(findings)
        if any(judgement.status is Status.BREACH for judgement in seen.judgements)
    }
    assert raised == {"voice"}


def _replayed(folder: Path) -> list[dict[str, Any]]:
    clips = _clips()
    usual = [path for speaker, path in clips if speaker != NEW_SPEAKER]
    others = [path for speaker, path in clips if speaker == NEW_SPEAKER]
    texts = _texts()
    heard = [*usual[:ROWS], *usual[: ROWS // 2]][:ROWS]
    reference = _write(folder / "reference.csv", texts[:ROWS], heard)
    rows = _write(
        folder / "rows.csv",
        texts[ROWS : ROWS + USUAL + NEW],
        [*usual[ROWS // 2 : ROWS // 2 + USUAL], *others[:NEW]],
    )
    component = folder / "component.yaml"
    component.write_text(COMPONENT)
    out = io.StringIO()
    arguments = ["replay", rows, "--component", component, "--reference", reference, "--json"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        assert main([*map(str, arguments)]) == 1
    return [json.loads(line) for line in out.getvalue().splitlines()]


def _clips() -> list[tuple[str, str]]:
    folder = shared_folder() / "data" / "voice_digits"
    with (folder / "index.csv").open() as file:
        rows = [(row["speaker"], str(folder / "wav" / row["file"])) for row in csv.DictReader(file)]
    return [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]


def _texts() -> list[str]:
    lines = (shared_folder() / "data" / "text_sentiment" / "tweets.tsv").read_text().split("\n")
    texts = [line.split("\t")[2] for line in lines[1:] if line]
    return [texts[place] for place in np.random.default_rng(1).permutation(len(texts))]


def _write(path: Path, texts: Sequence[str], clips: Sequence[str]) -> Path:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "clip"])
        rows.writerows(zip(texts, clips, strict=True))
    return path
