"""Answers that break their JSON Schema, through ``evenhand replay``: a limit, and a change."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.service.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = 400
COMPONENT = f"""\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {{name: sorter}}
spec:
  model: {{name: sorter, version: "1", modality: [text]}}
  signals:
    features: {{text: column:question}}
    responseSchema: answer.json
  release: {{rolloutMetrics: [{{name: schema_violation_rate, threshold: 5%}}]}}
  baseline: {{ordered: true}}
  monitoring: {{windows: {{events: {WINDOW}}}}}
"""
SCHEMA = {"type": "object", "required": ["queue"], "properties": {"queue": {"enum": ["a", "b"]}}}


def _write(path: Path, rows: int, broken: float, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    with path.open("a", newline="") as file:
        lines = csv.writer(file)
        if not file.tell():
            lines.writerow(["question", "completion"])
        for _ in range(rows):
            answer = json.dumps({"queue": str(rng.choice(["a", "b"]))})
            if rng.random() < broken:
                answer = f"Sure, here it is: {answer}"
            lines.writerow([f"Where does ticket {rng.integers(1_000)} belong?", answer])
    return path


def test_broken_answers_breach_their_limit_and_drift(tmp_path: Path) -> None:
    """1 % of answers are broken, as in the reference, then 20 %: the share and its drift breach."""
    (tmp_path / "answer.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "component.yaml").write_text(COMPONENT)
    reference = _write(tmp_path / "reference.csv", 4_000, 0.01, seed=1)
    rows = _write(tmp_path / "rows.csv", 2 * WINDOW, 0.01, seed=2)
    _write(rows, WINDOW, 0.2, seed=3)
    findings = _replayed(tmp_path, rows, reference)
    rates = [one for one in findings if one["check"] == "schema_violation_rate"]
    assert [one["status"] for one in rates] == ["ok", "ok", "breach"]
    assert abs(rates[-1]["value"] - 0.2) < 0.08
    drift = [
        one["status"]
        for one in findings
        if (one["check"], one["subject"]) == ("drift", "response_schema_valid")
    ]
    assert drift == ["ok", "ok", "breach"]


def _replayed(folder: Path, rows: Path, reference: Path) -> list[dict[str, Any]]:
    out = io.StringIO()
    component = folder / "component.yaml"
    arguments = ["replay", rows, "--component", component, "--reference", reference, "--json"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        main([*map(str, arguments)])
    return [json.loads(line) for line in out.getvalue().splitlines()]
