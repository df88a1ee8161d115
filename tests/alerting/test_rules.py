"""The shipped rules, checked by promtool; the shipped routes, by amtool."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from governance.service.cli.main import main
from tests.testkit.alertmanager import amtool
from tests.testkit.cache import ServerMissing
from tests.testkit.prometheus import promtool

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs/examples/prometheus"
RULES = EXAMPLES / "evenhand.rules.yml"
VECTORS = Path(__file__).with_name("evenhand_rules_test.yml")


def tool(find: Callable[[], Path], *arguments: object, cwd: Path) -> str:
    """What a tool prints; AssertionError with its words where it fails."""
    try:
        program = find()
    except ServerMissing as missing:
        pytest.skip(str(missing))
    ran = subprocess.run(
        [program, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_shipped_file_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody edits it by hand."""
    for name in ("EVENHAND_ALERTING_EXTERNAL_URL", "EVENHAND_ALERTING_RUNBOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    assert main(["rules"]) == 0
    assert capsys.readouterr().out == RULES.read_text()


@pytest.mark.servers
def test_every_rule_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    """Promtool plays the series of evenhand_rules_test.yml against the shipped rules."""
    for file in (RULES, VECTORS):
        shutil.copy(file, tmp_path)
    assert "SUCCESS" in tool(promtool, "check", "rules", RULES.name, cwd=tmp_path)
    tool(promtool, "test", "rules", VECTORS.name, cwd=tmp_path)


def test_every_rule_has_vectors_and_a_runbook() -> None:
    """A rule without a test, or without a page that says what to do, is not shipped."""
    tested = {
        wanted["alertname"]
        for test in yaml.safe_load(VECTORS.read_text())["tests"]
        for wanted in test["alert_rule_test"]
        if wanted["exp_alerts"]
    }
    names = {rule["alert"] for rule in rules()}
    runbooks = {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")}
    assert tested == names == runbooks
    for rule in rules():
        assert rule["annotations"]["runbook_url"].endswith(f"/{rule['alert']}.md")


@pytest.mark.servers
def test_the_scrape_example_is_valid() -> None:
    """Promtool reads it with the rules that it names."""
    tool(promtool, "check", "config", "prometheus.yml", cwd=EXAMPLES)


@pytest.mark.servers
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "EvenhandComponent", "severity": "breach"}, "pager"),
        ({"alertname": "EvenhandComponent", "severity": "warning"}, "mail"),
        ({"alertname": "EvenhandBlind", "severity": "breach"}, "pager"),
        ({"alertname": "EvenhandDown", "severity": "breach"}, "pager"),
        ({"alertname": "EvenhandWatchdog", "severity": "none"}, "watchdog"),
        ({"alertname": "SomethingElse", "severity": "breach"}, "nobody"),
    ],
)
def test_the_routes_lead_where_they_should(labels: dict[str, str], receiver: str) -> None:
    """Amtool reads the example, and finds the receiver of each kind of alert."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    config = "--config.file=alertmanager.yml"
    tool(amtool, "check-config", "alertmanager.yml", cwd=EXAMPLES)
    found = tool(amtool, "config", "routes", "test", config, *pairs, cwd=EXAMPLES)
    assert found.split()[-1] == receiver
