"""Performance through ``replay`` and ``baseline``: errors of numbers, and what became worse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from governance.service.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

N = 2_000
REGRESSION: dict[str, Any] = {}
CLASSIFICATION = {"favourable": {"in": ["1"]}, "score": "column:score"}


def write_component(
    folder: Path, signals: dict[str, Any], label: str | None, **limits: float
) -> Path:
    """A component that counts windows of 1,000 events."""
    metrics = [{"name": name, "threshold": limit} for name, limit in limits.items()]
    spec = {
        "model": {"name": "m", "version": "7", "modality": ["tabular"]},
        "signals": signals | ({"label": f"column:{label}"} if label else {}),
        "monitoring": {"windows": {"events": 1_000}},
        "release": {"rolloutMetrics": metrics},
    }
    document = {
        "apiVersion": "apexlogic.io/v1alpha1",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": "prices"},
        "spec": spec,
    }
    path = folder / "component.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def write_csv(path: Path, **columns: NDArray[Any]) -> Path:
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    lines = [",".join(columns), *(",".join(map(repr, row)) for row in rows)]
    path.write_text("\n".join(lines).replace("'", "") + "\n")
    return path


def prices(seed: int, sd: float = 2.0) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    truth = rng.gamma(4, 30, N)
    predicted = truth + rng.normal(0.5, sd, N)
    return {"x": rng.normal(size=N), "prediction": predicted, "price": truth}


def loans(seed: int, skill: float = 1.0) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    score = rng.random(N)
    repaid = (rng.random(N) < 0.5 + (score - 0.5) * skill).astype(int)
    predicted = (score > 0.5).astype(int)
    return {"x": rng.normal(size=N), "prediction": predicted, "score": score, "repaid": repaid}


def findings(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    """The last revision of each finding."""
    assert main(["replay", *map(str, arguments), "--json"]) in {0, 1}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return list({line["id"]: line for line in lines}.values())


def of(lines: list[dict[str, Any]], check: str, subject: str = "") -> list[dict[str, Any]]:
    return [f for f in lines if (f["check"], f["subject"]) == (check, subject)]


def test_errors_of_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a favourable outcome, errors are shown in the unit of the label."""
    component = write_component(tmp_path, REGRESSION, "price", root_mean_squared_error=1.5)
    columns = prices(1)
    rows = write_csv(tmp_path / "rows.csv", **columns)
    lines = findings(capsys, rows, "--component", component)
    error = (columns["prediction"] - columns["price"])[:1_000]
    expected = {
        "mean_absolute_error": (np.abs(error).mean(), "ok"),
        "mean_error": (abs(error.mean()), "ok"),
        "root_mean_squared_error": (np.sqrt((error**2).mean()), "breach"),
    }
    for check, (value, status) in expected.items():
        first = of(lines, check)[0]
        assert first["value"] == pytest.approx(value, rel=3e-3)
        assert (first["status"], first["labels"]) == (status, 1_000)


def test_labels_of_a_file_are_numbers_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--labels`` gives the same findings as a column of labels."""
    columns = prices(2) | {"id": np.arange(N)}
    together = write_csv(tmp_path / "rows.csv", **columns)
    labels = write_csv(tmp_path / "labels.csv", id=columns["id"], label=columns.pop("price"))
    apart = write_csv(tmp_path / "apart.csv", **columns)
    limits = {"mean_absolute_error": 5.0}
    component = write_component(tmp_path, {"id": "column:id"}, "price", **limits)
    one = findings(capsys, together, "--component", component)
    component = write_component(tmp_path, {"id": "column:id"}, None, **limits)
    other = findings(capsys, apart, "--component", component, "--labels", labels)
    check = "mean_absolute_error"
    assert [f["value"] for f in of(one, check)] == [f["value"] for f in of(other, check)]
    assert len(of(other, check)) == 2


def test_worse_than_the_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A profile of labelled rows tells how much worse traffic is: by share, or by part."""
    limits = {"accuracy": 0.5, "log_loss": 2.0, "degradation": 0.04}
    component = write_component(tmp_path, CLASSIFICATION, "repaid", **limits)
    reference = write_csv(tmp_path / "reference.csv", **loans(3))
    profile = tmp_path / "profile.json"
    assert main(["baseline", *map(str, [reference, "--component", component, "-o", profile])]) == 0
    capsys.readouterr()
    said = {}
    for name, skill in (("same", 1.0), ("worse", 0.0)):
        rows = write_csv(tmp_path / f"{name}.csv", **loans(4, skill))
        lines = findings(capsys, rows, "--component", component, "--reference", profile)
        said[name] = [of(lines, "degradation", subject)[0] for subject in ("accuracy", "log_loss")]
    assert {f["status"] for f in said["same"]} == {"ok"}
    assert {f["status"] for f in said["worse"]} == {"breach"}
    for finding in said["same"]:
        assert finding["lower"] < 0 < finding["upper"]
        assert "reference: " in finding["reason"]
    accuracy, log_loss = said["worse"]
    assert accuracy["value"] > 0.1
    assert log_loss["value"] > 0.5  # half as much again
    assert accuracy["raw"] == of(lines, "accuracy")[0]["value"]


def test_a_reference_without_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what to build, and its profile is what it was before there were labels."""
    component = write_component(tmp_path, CLASSIFICATION, "repaid", degradation=0.05)
    columns = loans(5)
    rows = write_csv(tmp_path / "rows.csv", **columns)
    columns.pop("repaid")
    bare, profile = write_csv(tmp_path / "bare.csv", **columns), tmp_path / "profile.json"
    assert main(["baseline", *map(str, [bare, "--component", component, "-o", profile])]) == 0
    capsys.readouterr()
    assert '"performance"' not in profile.read_text()
    lines = findings(capsys, rows, "--component", component, "--reference", profile)
    finding = of(lines, "degradation", "accuracy")[0]
    assert finding["status"] == "insufficient"
    assert "evenhand baseline" in finding["reason"]


@pytest.mark.parametrize(
    ("name", "limit", "words"),
    [
        ("log_loss", 1.7, ""),
        ("mean_absolute_error", 250.0, ""),
        ("mean_absolute_error", "5%", "write a number above 0"),
        ("brier_score", 1.2, "write a share in [0, 1]"),
        ("degradation", "5%", ""),
        ("mean_error", 250.0, ""),
        ("roc_acu", 0.5, "did you mean 'roc_auc'"),
    ],
)
def test_validate_knows_the_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, limit: Any, words: str
) -> None:
    """Bounds by what a measure is; a wrong name gets the nearest one."""
    component = write_component(tmp_path, CLASSIFICATION, None, **{name: limit})
    assert main(["validate", str(component)]) == bool(words)
    captured = capsys.readouterr()
    assert words in captured.out + captured.err


@pytest.mark.parametrize(
    ("signals", "name", "words"),
    [
        (CLASSIFICATION, "mean_error", "it measures numbers"),
        (REGRESSION, "estimated_f1", "does not say what is favourable"),
        (REGRESSION, "roc_auc", "does not say what is favourable"),
        (REGRESSION, "mean_error", ""),
        (CLASSIFICATION, "log_loss", ""),
    ],
)
def test_validate_says_which_limits_are_never_judged(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    signals: dict[str, Any],
    name: str,
    words: str,
) -> None:
    """A notice, no error: the component is valid, its limit is idle."""
    component = write_component(tmp_path, signals, None, **{name: 0.5})
    assert main(["validate", str(component)]) == 0
    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert ("never judged" in said) == bool(words)
    assert words in said
