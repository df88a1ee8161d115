"""Tests of Evidently's in a component: which exist, what fits together, what is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest

from governance.component.drift_tests import (
    EVIDENTLY_METHODS,
    PREFIX,
    CategoricalTest,
    DriftTest,
    NumericTest,
)
from governance.component.load import read_components

if TYPE_CHECKING:
    from pathlib import Path

    from governance.component.load import Reading

DOCUMENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {{name: credit}}
spec:
  model: {{name: m, version: "7", modality: [tabular]}}
  signals: {{features: {{tabular: {{from: "column:*", categorical: [job]}}}}}}
  monitoring: {{drift: {drift}}}
"""


def read(folder: Path, drift: str) -> Reading:
    (folder / "c.yaml").write_text(DOCUMENT.format(drift=drift))
    return read_components([folder])


def of_evidently(annotation: Any) -> set[str]:
    names = get_args(annotation)
    return {name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)}


def test_the_lists_are_those_of_the_methods() -> None:
    """What may be written is what is known of each method, by the kind of feature."""
    methods = EVIDENTLY_METHODS.values()
    assert of_evidently(NumericTest) == {m.name for m in methods if m.numeric}
    assert of_evidently(CategoricalTest) == {m.name for m in methods if m.categorical}
    assert of_evidently(DriftTest) == set(EVIDENTLY_METHODS)


def test_every_place_is_noticed(tmp_path: Path) -> None:
    """Each test that live traffic cannot run is named with its path; nothing is a problem."""
    drift = "{numeric: 'evidently:ks', categorical: psi, features: {job: {test: 'evidently:z'}}}"
    reading = read(tmp_path, drift)
    assert not reading.problems
    assert [notice.path for notice in reading.notices] == [
        "spec.monitoring.drift.numeric",
        "spec.monitoring.drift.features.job.test",
    ]
    assert all("replay and gate" in notice.message for notice in reading.notices)


@pytest.mark.parametrize(
    ("drift", "path", "words"),
    [
        ("{numeric: 'evidently:kss'}", "numeric", "did you mean 'evidently:ks'"),
        ("{categorical: 'evidently:ks'}", "categorical", "allowed: "),
        ("{numeric: 'evidently:g_test'}", "numeric", "allowed: "),
        ("{features: {job: {test: 'evidently:ks'}}}", "features.job.test", "needs numbers"),
        (
            "{features: {age: {test: 'evidently:ks', threshold: 5}}}",
            "features.age.threshold",
            "a number below 1",
        ),
    ],
)
def test_what_cannot_be_is_located(tmp_path: Path, drift: str, path: str, words: str) -> None:
    """A wrong name, a test for another kind, a p-value of five: path and remedy."""
    (problem,) = read(tmp_path, drift).problems
    assert problem.path == f"spec.monitoring.drift.{path}"
    assert words in problem.message


@pytest.mark.parametrize("name", ["joint", "tabular.joint"])
def test_joint_has_a_test_of_its_own(tmp_path: Path, name: str) -> None:
    """Its threshold may be declared, its test may not."""
    assert not read(tmp_path, f"{{features: {{{name}: {{threshold: 0.2}}}}}}").problems
    (problem,) = read(tmp_path, f"{{features: {{{name}: {{test: psi}}}}}}").problems
    assert problem.path == f"spec.monitoring.drift.features.{name}.test"
    assert "joint is judged by correlations: leave test out" in str(problem)
