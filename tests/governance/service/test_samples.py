"""Raw rows for Evidently: the lines of the file, by the roles that the component gives columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from governance.service.cli.flags import one_component
from governance.service.references import measure_rows
from governance.service.samples import PREDICTED, TARGET, read_sample, roles_of, values_of

if TYPE_CHECKING:
    from pathlib import Path

COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: credit}
spec:
  model: {name: m, version: "7", modality: [tabular, text]}
  signals:
    time: column:at
    prediction: column:decision
    favourable: {in: ["1"]}
    label: column:truth
    features:
      tabular: {from: "column:*", exclude: [secret], categorical: [job]}
      text: column:note
  monitoring:
    windows: {events: 1000}
    drift: {features: {job: {test: "evidently:chisquare", threshold: 0.01}}}
"""
HEAD = "at,age,job,secret,decision,truth,note"


def write(folder: Path, name: str, n: int, *, timeless: int = 0) -> tuple[Path, list[str]]:
    """``n`` rows, the first ``timeless`` without a time."""
    lines = [
        f"{'' if i < timeless else i},{i * 0.5},{i % 3},{i},{i % 2},{int(i % 4 > 1)},note {i}"
        for i in range(n)
    ]
    path = folder / name
    path.write_text("\n".join([HEAD, *lines]) + "\n")
    return path, lines


def test_a_sample_is_lines_of_the_file(tmp_path: Path) -> None:
    """Rows of a window that lie in several blocks of the file come back, and only they."""
    (tmp_path / "c.yaml").write_text(COMPONENT)
    component = one_component(tmp_path / "c.yaml").component
    past_file, _ = write(tmp_path, "past.csv", 1_200, timeless=7)
    reference = measure_rows(past_file, component)
    file, lines = write(tmp_path, "rows.csv", 9_000)
    rows = np.array([0, 17, 4_095, 4_096, 8_999])
    window = read_sample(file, component, reference, rows)
    past = read_sample(past_file, component, reference)
    roles, sources = roles_of(component, reference, window, past)
    values = values_of(window, roles, sources)
    told = [lines[row].split(",") for row in rows]
    assert values["age"].tolist() == [float(line[1]) for line in told]
    assert values["job"].tolist() == [line[2] for line in told]
    assert values["note"].tolist() == [line[6] for line in told]
    assert values[TARGET].tolist() == ["yes" if line[5] == "1" else "no" for line in told]
    assert values[PREDICTED].tolist() == ["yes" if line[4] == "1" else "no" for line in told]
    assert {len(column) for column in values_of(past, roles, sources).values()} == {1_200 - 7}


def test_roles_come_from_the_component(tmp_path: Path) -> None:
    """Declared categories, derived features, texts, a classification; what is excluded is not."""
    (tmp_path / "c.yaml").write_text(COMPONENT)
    component = one_component(tmp_path / "c.yaml").component
    file, _ = write(tmp_path, "past.csv", 1_200)
    reference = measure_rows(file, component)
    sample = read_sample(file, component, reference)
    roles, _ = roles_of(component, reference, sample, sample)
    assert {"age", "text.characters", "text.words"} <= set(roles.numeric)
    derived = {"text.script", "text.language", "text.pii_kind"}
    assert set(roles.categorical) == {"job", "prediction", TARGET, PREDICTED} | derived
    assert roles.text == ("note",)
    assert "secret" not in (*roles.numeric, *roles.categorical)
    assert (roles.target, roles.prediction, roles.positive) == (TARGET, PREDICTED, "yes")
    (question,) = roles.questions
    assert (question.column, question.method, question.threshold) == ("job", "chisquare", 0.01)


def test_without_labels_in_the_reference_there_is_no_classification(tmp_path: Path) -> None:
    """Half of a comparison is none; everything else is there."""
    (tmp_path / "c.yaml").write_text(COMPONENT)
    component = one_component(tmp_path / "c.yaml").component
    file, _ = write(tmp_path, "rows.csv", 1_200)
    bare = tmp_path / "bare.csv"
    bare.write_text(file.read_text().replace("truth", "unknown"))
    reference = measure_rows(bare, component)
    window, past = (
        read_sample(path, component, reference, rows)
        for path, rows in ((file, np.arange(50)), (bare, None))
    )
    roles, _ = roles_of(component, reference, window, past)
    assert (roles.target, roles.prediction) == ("", "")
    assert "prediction" in roles.categorical
