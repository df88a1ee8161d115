"""``evenhand report`` and tests of Evidently's without Evidently: what is said, and how it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from detectors.evidently import REMEDY
from governance.service.cli.flags import one_component
from governance.service.cli.main import main
from governance.service.references import read_reference
from governance.service.replay import Replay
from tests.governance.service.cli.recorded import write_component, write_rows

if TYPE_CHECKING:
    from pathlib import Path

WANTED = {"{events: 1000}}": "{events: 1000}, drift: {numeric: 'evidently:ks'}}"}


@pytest.fixture(autouse=True)
def _no_evidently(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is not installed."""
    monkeypatch.setitem(sys.modules, "evidently", None)


def report(folder: Path, reference: Path | None, *more: object) -> int:
    rows = write_rows(folder, "rows.csv", n=1_000)
    arguments = ["report", rows, "--component", write_component(folder), *more]
    arguments += [] if reference is None else ["--reference", reference]
    if "-o" not in more:
        arguments += ["-o", folder / "page.html"]
    return main([*map(str, arguments)])


@pytest.mark.parametrize("command", ["replay", "gate"])
def test_a_declared_test_needs_the_extra(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Exit code 2 with the remedy: no feature is judged by another test in silence."""
    reference = write_rows(tmp_path, "reference.csv", n=2_000)
    rows = write_rows(tmp_path, "rows.csv", n=1_000)
    component = write_component(tmp_path, **WANTED)
    arguments = [command, rows, "--component", component, "--reference", reference]
    assert main([*map(str, arguments)]) == 2
    said = capsys.readouterr().err
    assert REMEDY in said
    assert "5 to 15 s to load" in said


def test_a_profile_has_no_rows_and_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Evenhand's own test judges in its place, so nothing needs the extra."""
    reference = write_rows(tmp_path, "reference.csv", n=2_000)
    rows = write_rows(tmp_path, "rows.csv", n=1_000)
    component, profile = write_component(tmp_path, **WANTED), tmp_path / "p.json"
    main(["baseline", str(reference), "--component", str(component), "-o", str(profile)])
    arguments = ["replay", rows, "--component", component, "--reference", profile]
    assert main([*map(str, arguments)]) == 0
    assert "the reference is a profile and has no rows" in capsys.readouterr().err


def test_the_bar_moves_with_every_window(tmp_path: Path) -> None:
    """Where a window may take seconds the file is read window by window."""
    component = one_component(write_component(tmp_path, **WANTED)).component
    reference = read_reference(write_rows(tmp_path, "reference.csv", n=2_000), component)
    steps: list[float] = []
    rows = write_rows(tmp_path, "rows.csv", n=4_000)
    list(Replay(component, rows, reference).findings(steps.append))
    assert len(steps) >= 4


def test_a_page_needs_the_extra(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 with the remedy, before any long work, and nothing is written."""
    assert report(tmp_path, write_rows(tmp_path, "reference.csv", n=2_000)) == 2
    assert REMEDY in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_a_page_needs_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A profile holds counts: the error says which file to name."""
    reference, profile = write_rows(tmp_path, "reference.csv", n=2_000), tmp_path / "p.json"
    component = write_component(tmp_path)
    main(["baseline", str(reference), "--component", str(component), "-o", str(profile)])
    assert report(tmp_path, profile) == 2
    assert "holds counts and no rows" in capsys.readouterr().err


def test_a_page_needs_a_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without one there is nothing to compare with."""
    assert report(tmp_path, None) == 2
    assert "--reference" in capsys.readouterr().err


def test_a_page_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said before any long work."""
    reference = write_rows(tmp_path, "reference.csv", n=2_000)
    assert report(tmp_path, reference, "-o", tmp_path / "no" / "page.html") == 2
    assert "there is no folder" in capsys.readouterr().err
