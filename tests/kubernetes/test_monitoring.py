"""The chart's rules and dashboard: promtool reads them, and every metric is documented."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.make_dashboard import PANELS, dashboard
from tests.testkit.cache import ServerMissing
from tests.testkit.prometheus import promtool

ROOT = Path(__file__).parents[2]
FILES = ROOT / "helm/evenhand/files"
RULES = FILES / "operator.rules.yml"
VECTORS = Path(__file__).with_name("operator_rules_test.yml")


def _promtool(folder: Path, *arguments: str) -> str:
    try:
        program = promtool()
    except ServerMissing as missing:
        pytest.skip(str(missing))
    ran = subprocess.run(
        [str(program), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def _rules() -> list[dict[str, Any]]:
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


@pytest.mark.servers
def test_rules_of_the_operator_fire_when_they_should(tmp_path: Path) -> None:
    """Promtool plays the series of operator_rules_test.yml."""
    for file in (RULES, VECTORS):
        shutil.copy(file, tmp_path)
    _promtool(tmp_path, "check", "rules", RULES.name)
    assert "SUCCESS" in _promtool(tmp_path, "test", "rules", VECTORS.name)


def test_every_rule_has_vectors_and_a_runbook() -> None:
    """As those of the example have."""
    tests = yaml.safe_load(VECTORS.read_text())["tests"][0]["alert_rule_test"]
    tested = {test["alertname"] for test in tests if test["exp_alerts"]}
    assert tested == {rule["alert"] for rule in _rules()}
    for rule in _rules():
        page = ROOT / rule["annotations"]["runbook"]
        assert page.read_text().startswith(f"# {rule['alert']}\n")


def test_the_dashboard_is_what_the_script_makes() -> None:
    """Run python scripts/make_dashboard.py > helm/evenhand/files/dashboard.json."""
    assert json.loads((FILES / "dashboard.json").read_text()) == dashboard()


@pytest.mark.servers
def test_every_panel_asks_what_prometheus_understands(tmp_path: Path) -> None:
    """As recording rules; no Grafana was at hand to draw them."""
    rules = [
        {"record": f"panel:{i}", "expr": re.sub(r"\$\w+", ".*", expression)}
        for i, (_, expression, _, _) in enumerate(PANELS)
    ]
    document = {"groups": [{"name": "panels", "rules": rules}]}
    (tmp_path / "panels.yml").write_text(yaml.safe_dump(document))
    _promtool(tmp_path, "check", "rules", "--lint=none", "panels.yml")


def test_every_metric_of_panels_and_rules_is_documented() -> None:
    """A renamed metric cannot leave an empty panel behind."""
    asked = " ".join([*(panel[1] for panel in PANELS), *(rule["expr"] for rule in _rules())])
    known = (ROOT / "docs/metrics.md").read_text()
    assert [
        name for name in set(re.findall(r"evenhand_\w+", asked)) if f"`{name}`" not in known
    ] == []
