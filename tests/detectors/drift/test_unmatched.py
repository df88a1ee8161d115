"""Drift settings for features that are nowhere: told by ``validate`` and by every finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.drift.detector import make_drift
from detectors.drift.unmatched import unmatched
from detectors.profile import write_profile
from detectors.reference import build_reference
from governance.event import Column, EventBatch
from governance.service.cli.main import main
from tests.detectors.scenes import component, pane, view

if TYPE_CHECKING:
    from pathlib import Path

    from governance.component.schema import Component

YAML = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: scorer}
spec:
  model: {name: scorer, version: "1", modality: [tabular]}
  baseline: {uri: profile.json}
  monitoring:
    windows: {events: 500}
    drift: {features: {incme: {threshold: 0.5}, age: {threshold: 0.2}}}
"""


def events(n: int, seed: int) -> EventBatch:
    rng = np.random.default_rng(seed)
    columns = {"tabular.age": rng.normal(40, 9, n), "tabular.income": rng.normal(3, 1, n)}
    return EventBatch("1", n, {name: Column(values) for name, values in columns.items()})


def declared(*names: str) -> Component:
    features = {name: {"threshold": 0.2} for name in names}
    return component(
        signals={}, monitoring={"windows": {"events": 500}, "drift": {"features": features}}
    )


REFERENCE = build_reference(events(2_000, 0), declared())


@pytest.mark.parametrize(
    "name", ["age", "tabular.age", "joint", "tabular.joint", "prediction", "score"]
)
def test_what_may_be_judged_is_known(name: str) -> None:
    """By its short name or its column; outputs also before they have a reference."""
    assert unmatched(declared(name), REFERENCE) == {}


@pytest.mark.parametrize("name", ["incme", "text.age", "embedding", "Age", "tabular.incme"])
def test_a_name_that_nothing_is_called_by_is_told(name: str) -> None:
    """Once in the verdict on the component, whatever its status; the others stay as they are."""
    made = make_drift(declared(name, "age"), REFERENCE)
    whole, *others = made.judge(view([pane(made, events(500, 1))]))
    assert f"not_seen: {name} of spec.monitoring.drift.features" in whole.reason
    assert not [verdict for verdict in others if "not_seen" in verdict.reason]


def test_validate_tells_it_where_the_profile_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A notice with the nearest name, and valid all the same."""
    (tmp_path / "component.yaml").write_text(YAML)
    write_profile(tmp_path / "profile.json", REFERENCE)
    assert main(["validate", str(tmp_path / "component.yaml")]) == 0
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "judges nothing" in one]
    assert "spec.monitoring.drift.features.incme" in line
    assert "income" in line


def test_validate_is_silent_without_a_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A component is often checked where its reference is not."""
    (tmp_path / "component.yaml").write_text(YAML)
    assert main(["validate", str(tmp_path / "component.yaml")]) == 0
    assert "judges nothing" not in capsys.readouterr().out
