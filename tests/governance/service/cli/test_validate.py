"""``evenhand validate``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance.service.cli.main import main
from tests.governance.service.cli.recorded import write_component, write_rows

EXAMPLES = Path(__file__).parents[4] / "examples"

COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: credit}
spec:
  model: {name: m, version: "1", modality: [tabular]}
  actions: [{do: notify, webhook: team}]
"""


def test_valid_files_are_zero(capsys: pytest.CaptureFixture[str]) -> None:
    """Notices do not make a file invalid."""
    assert main(["validate", str(EXAMPLES)]) == 0
    out = capsys.readouterr().out
    assert "spec.webComponent: accepted, not acted on yet" in out
    assert "valid" in out.splitlines()[-1]


def test_invalid_files_are_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every problem is printed with its place."""
    path = tmp_path / "c.yaml"
    path.write_text(COMPONENT.replace("actions", "action"))
    assert main(["validate", str(path)]) == 1
    assert f"{path}:6: spec.action: unknown key (did you mean 'actions'?)" in (
        capsys.readouterr().out
    )


def test_json_has_places_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts read file, line, path and message as fields."""
    path = tmp_path / "c.yaml"
    path.write_text(COMPONENT.replace("actions", "action"))
    assert main(["validate", "--json", str(path)]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["valid"] is False
    assert [(p["line"], p["path"]) for p in report["problems"]] == [(6, "spec.action")]


@pytest.mark.parametrize("arguments", [[], ["nowhere.yaml"], ["--config", "nowhere.yaml"]])
def test_nothing_to_check_is_two(arguments: list[str]) -> None:
    """No path, or a path that is not there, is wrong usage."""
    assert main(["validate", *arguments]) == 2


def test_settings_are_checked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A settings file alone, located like a component."""
    settings = tmp_path / "settings.yaml"
    settings.write_text("bus:\n  client: confluence\n")
    assert main(["validate", "--config", str(settings)]) == 1
    assert f"{settings}:2: bus.client: found 'confluence', allowed: auto" in capsys.readouterr().out


def test_an_action_needs_the_webhook_that_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With settings at hand, names that do not meet are found before an alert is lost."""
    path, settings = tmp_path / "c.yaml", tmp_path / "settings.yaml"
    path.write_text(COMPONENT)
    settings.write_text("alerting: {webhooks: {teams: {url: 'https://a', secretFile: s}}}\n")
    assert main(["validate", str(path), "--config", str(settings)]) == 1
    assert "no webhook 'team' (did you mean 'teams'?)" in capsys.readouterr().out


def test_a_profile_that_was_cut_for_other_windows_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who changes the windows needs a new profile; an unchanged one is fine."""
    component = write_component(tmp_path)
    rows = write_rows(tmp_path, "reference.csv", n=20_000)
    profile = tmp_path / "credit.profile"
    main(["baseline", str(rows), "--component", str(component), "-o", str(profile)])
    declared = {"baseline: {ordered: true}": "baseline: {uri: credit.profile}"}
    assert main(["validate", str(write_component(tmp_path, **declared))]) == 0
    declared["{events: 1000}"] = "{events: 500}"
    assert main(["validate", str(write_component(tmp_path, **declared))]) == 1
    out = capsys.readouterr().out
    assert "cut for windows of events: 1000, the component declares events: 500: build it" in out


def test_a_reference_that_was_changed_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hash is checked where the file is there; a file that is elsewhere is no problem."""
    declared = {"baseline: {ordered: true}": f"baseline: {{uri: r.csv, sha256: {'a' * 64}}}"}
    component = write_component(tmp_path, **declared)
    assert main(["validate", str(component)]) == 0
    write_rows(tmp_path, "r.csv", n=10)
    assert main(["validate", str(component)]) == 1
    assert "but spec.baseline.sha256 is aaaa" in capsys.readouterr().out
