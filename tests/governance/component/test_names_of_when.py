"""``spec.actions[].when``: read as ``on`` too, which YAML 1.1 takes for true where it is bare."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from governance.component.load import read_components

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: credit}
spec:
  model: {name: m, version: "1", modality: [tabular]}
  actions:
    - {KEYS, do: notify, webhook: team}
"""


def _read(folder: Path, keys: str) -> tuple[str | None, list[str]]:
    (folder / "c.yaml").write_text(textwrap.dedent(TEXT).replace("KEYS", keys))
    reading = read_components([folder / "c.yaml"])
    problems = [f"{problem.path}: {problem.message}" for problem in reading.problems]
    if not reading.components:
        return None, problems
    return reading.components[0].component.spec.actions[0].on.check, problems


@pytest.mark.parametrize("name", ["when", "on", '"on"'])
def test_both_names_are_read(tmp_path: Path, name: str) -> None:
    """Components that say on go on meaning what they say."""
    assert _read(tmp_path, f"{name}: {{check: drift}}") == ("drift", [])


@pytest.mark.parametrize("name", ["when", "on"])
def test_what_is_wrong_below_is_located_under_the_name_that_was_written(
    tmp_path: Path, name: str
) -> None:
    """An error's path can be looked up in the file."""
    _, problems = _read(tmp_path, f"{name}: {{severity: fatal}}")
    assert problems == [f"spec.actions[0].{name}.severity: found 'fatal', allowed: warning, breach"]


def test_both_at_once_are_refused(tmp_path: Path) -> None:
    """Which one counts would be a guess."""
    _, (problem,) = _read(tmp_path, "on: {check: drift}, when: {check: drift}")
    assert problem.endswith("write one of when and on: they are two names of one thing")
