"""Documents say what the code does: names of metrics and commands, paths that are linked."""

from __future__ import annotations

import re
from pathlib import Path

from governance.service.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("governance", "collectors", "detectors", "alerting")
_METRIC = re.compile(r"\"(evenhand_[a-z_0-9]+)\"")
_DOCUMENTED = re.compile(r"^\| `(evenhand_[a-z_0-9]+)`", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")
_NOT_METRICS = {"evenhand_snapshot"}  # a SQLAlchemy execution option


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    """docs/metrics.md and the code name the same metrics."""
    code = {
        name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in _METRIC.findall(path.read_text())
    }
    documented = set(_DOCUMENTED.findall((ROOT / "docs/metrics.md").read_text()))
    assert code - _NOT_METRICS == documented


def test_every_command_is_in_the_readme() -> None:
    """A newcomer finds each command in the first file."""
    text = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if f"evenhand {name}" not in text] == []


def test_links_lead_somewhere() -> None:
    """Relative links in documents point to files that are there."""
    broken = [
        f"{document.relative_to(ROOT)}: {link}"
        for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for link in _LINK.findall(document.read_text())
        if not (document.parent / link).exists()
    ]
    assert broken == []
