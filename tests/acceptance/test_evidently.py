"""The real Evidently in replay, gate and report, started as a user starts it."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from tests.governance.service.cli.recorded import write_component, write_rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.testkit.evidently import WithEvidently

pytestmark = pytest.mark.slow

PROGRAM = ["-m", "governance.service.cli.main"]
TESTS = (
    "{numeric: 'evidently:ks', features: {job: {test: 'evidently:chisquare', threshold: 0.01}, "
    "prediction: {test: 'evidently:jensenshannon', threshold: 0.2}}}"
)
WANTED = {"{events: 1000}}": f"{{events: 1000}}, drift: {TESTS}}}"}
LICENCES = """
import re, sys, json
from importlib.metadata import distributions
texts = {}
for found in distributions():
    data = found.metadata
    fields = [t[:200] for f in ("License-Expression", "License") for t in data.get_all(f) or []]
    kinds = [c for c in data.get_all("Classifier") or [] if c.startswith("License")]
    texts[data["Name"]] = "; ".join([*fields, *kinds])
json.dump(texts, sys.stdout)
"""


def findings(output: str, subject: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in output.splitlines()]
    return [f for f in lines if f["check"] == "drift" and f["subject"] == subject]


def column(path: Path, name: str) -> list[str]:
    with path.open() as file:
        return [row[name] for row in csv.DictReader(file)]


def test_replay_judges_each_window_by_its_own_rows(
    tmp_path: Path, with_evidently: WithEvidently
) -> None:
    """Scores are SciPy's on the same lines of the file, and Evidently's rule decides.

    Two features and an output in one report a window; the last window is partial.
    """
    component = write_component(tmp_path, **WANTED)
    reference = write_rows(tmp_path, "reference.csv", n=12_000)
    rows = write_rows(tmp_path, "rows.csv", n=2_600, shift=0.15)
    arguments: list[str | Path] = [
        "replay",
        rows,
        "--component",
        component,
        "--reference",
        reference,
        "--json",
    ]
    done = with_evidently([*PROGRAM, *arguments])
    assert done.returncode == 1, done.stderr
    past, income = (np.array(column(p, "income"), float) for p in (reference, rows))
    told = findings(done.stdout, "income")
    assert [f["events"] for f in told] == [1_000, 1_000, 600]
    for number, finding in enumerate(told):
        window = income[1_000 * number : 1_000 * (number + 1)]
        assert finding["value"] == pytest.approx(stats.ks_2samp(past, window).pvalue, rel=1e-9)
        assert finding["status"] == ("breach" if finding["value"] <= 0.05 else "ok")
        assert (finding["test"], finding["threshold"]) == ("evidently:ks", 0.05)
        assert "outside the falseAlarmEvery promise; beside it wasserstein" in finding["reason"]
    assert {f["test"] for f in findings(done.stdout, "job")} == {"evidently:chisquare"}
    (decision, *_) = findings(done.stdout, "prediction")
    assert (decision["status"], decision["threshold"]) == ("ok", 0.2)
    assert findings(done.stdout, "")[0]["status"] == "breach"


def test_gate_fails_by_it(tmp_path: Path, with_evidently: WithEvidently) -> None:
    """A test that was declared for a feature can stop a release."""
    component = write_component(tmp_path, **WANTED)
    reference = write_rows(tmp_path, "reference.csv", n=12_000)
    rows = write_rows(tmp_path, "rows.csv", n=1_000, shift=0.15)
    arguments: list[str | Path] = ["gate", rows, "--component", component, "--reference", reference]
    done = with_evidently([*PROGRAM, *arguments])
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("default/credit: fail")
    assert "income (evidently:ks" in done.stdout


def test_what_cannot_be_asked_is_insufficient(
    tmp_path: Path, with_evidently: WithEvidently
) -> None:
    """Too few values, a test for another kind, a sample that Evidently refuses: each says so.

    One refusal leaves the other features judged.
    """
    tests = (
        "{features: {income: {test: 'evidently:wasserstein'}, job: {test: 'evidently:ks'}, "
        "rare: {test: 'evidently:ks'}, flat: {test: 'evidently:es'}}}"
    )
    component = write_component(
        tmp_path, **{"{events: 1000}}": f"{{events: 500}}, drift: {tests}}}"}
    )
    for name, n in {"reference.csv": 2_000, "rows.csv": 500}.items():
        lines = write_rows(tmp_path, name, n=n).read_text().splitlines()
        filled = [
            f"{line},{i if i < 20 else ''},{1 if i % 9 else 2}" for i, line in enumerate(lines[1:])
        ]
        (tmp_path / name).write_text("\n".join([lines[0] + ",rare,flat", *filled]) + "\n")
    files: list[str | Path] = [
        tmp_path / "rows.csv",
        "--component",
        component,
        "--reference",
        tmp_path / "reference.csv",
    ]
    done = with_evidently([*PROGRAM, "replay", *files, "--json"])
    assert done.returncode == 0, done.stderr
    reasons = {name: findings(done.stdout, name)[0] for name in ("income", "job", "rare", "flat")}
    assert reasons.pop("income")["status"] == "ok"
    assert {f["status"] for f in reasons.values()} == {"insufficient"}
    assert "it holds categories and evidently:ks needs numbers" in reasons["job"]["reason"]
    assert "has 20 values, at least 25 are needed" in reasons["rare"]["reason"]
    assert "interquartile range" in reasons["flat"]["reason"]
    assert all(f["value"] is None for f in reasons.values())


def test_the_page_is_of_the_first_window_in_breach(
    tmp_path: Path, with_evidently: WithEvidently
) -> None:
    """The page names the window and shows every column; a browser fetches nothing for it."""
    component = write_component(tmp_path, **{"signals:\n": "signals:\n    label: column:truth\n"})
    reference = write_rows(tmp_path, "reference.csv", n=4_000)
    calm = write_rows(tmp_path, "calm.csv", n=2_000).read_text().splitlines()
    moved = write_rows(tmp_path, "moved.csv", n=2_000, shift=1.0).read_text().splitlines()
    rows = tmp_path / "rows.csv"
    rows.write_text("\n".join([*calm, *moved[1:]]) + "\n")
    for path in (reference, rows):
        head, *lines = path.read_text().splitlines()
        told = [f"{line},{int(i % 3 > 0)}" for i, line in enumerate(lines)]
        path.write_text("\n".join([f"{head},truth", *told]) + "\n")
    page = tmp_path / "page.html"
    files: list[str | Path] = [
        "report",
        rows,
        "--component",
        component,
        "--reference",
        reference,
        "-o",
        page,
    ]
    done = with_evidently([*PROGRAM, *files])
    assert done.returncode == 0, done.stderr
    assert "window 2 of version 7 (the first in breach, drift" in done.stdout
    text = page.read_text()
    assert "window 2 (1,000 rows)" in text
    for name in ("income", "job", "prediction", "label is favourable", "Classification"):
        assert name in text
    assert "Accuracy" in text
    assert not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)=["']?(https?:)?//""", text)


def test_licences_of_the_extra_are_permissive(with_evidently: WithEvidently) -> None:
    """No GPL, LGPL, AGPL, BSL or ELv2 in what ``evenhand[evidently]`` brings along."""
    said = with_evidently(["-c", LICENCES])
    assert said.returncode == 0, said.stderr
    texts = json.loads(said.stdout)
    assert len(texts) > 50
    forbidden = re.compile(r"GPL|BUSL|Business Source|Elastic License|SSPL", re.IGNORECASE)
    assert not {name: text for name, text in texts.items() if forbidden.search(text)}
