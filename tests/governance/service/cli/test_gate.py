"""``evenhand gate``: traffic and endpoint, reports, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from governance.service.cli.main import main
from tests.governance.service.cli.recorded import write_component, write_rows
from tests.governance.service.counterfactual.serving import Reply, predictions, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    Gated = Callable[..., tuple[int, dict[str, Any]]]

EXAMPLES = Path(__file__).parents[4] / "examples" / "counterfactual"
COMPONENT = EXAMPLES / "sentiment.yaml"
GENDER = EXAMPLES / "gender.csv"


@pytest.fixture
def gated(capsys: pytest.CaptureFixture[str]) -> Gated:
    def judged(*arguments: object) -> tuple[int, dict[str, Any]]:
        """Exit code, and the object of ``--json``."""
        code = main(["gate", *map(str, arguments), "--json"])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return code, found

    return judged


def test_traffic_as_replay_judges_it(tmp_path: Path, gated: Gated) -> None:
    """Calm rows pass with 0, drifted ones fail with 1, without a reference it is inconclusive."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=20_000)
    calm, drifted = write_rows(tmp_path, "calm.csv"), write_rows(tmp_path, "d.csv", shift=0.5)
    code, verdict = gated(calm, "--component", component, "--reference", reference)
    assert (code, verdict["verdict"]) == (0, "pass")
    code, verdict = gated(drifted, "--component", component, "--reference", reference)
    assert (code, verdict["verdict"]) == (1, "fail")
    assert verdict["reasons"][0] == "breach: drift (tabular) in 4 of 4 windows"
    code, verdict = gated(calm, "--component", component)
    assert (code, verdict["verdict"]) == (1, "inconclusive")
    assert "give --reference" in verdict["reasons"][0]
    code, verdict = gated(calm, "--component", component, "--optional", "drift")
    assert (code, verdict["verdict"]) == (0, "pass")


def test_the_findings_are_those_of_replay(
    tmp_path: Path, gated: Gated, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each case shows a finding that ``replay --json`` printed, byte for byte."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=20_000)
    rows = write_rows(tmp_path, "rows.csv", gap=0.2)
    arguments = (rows, "--component", component, "--reference", reference)
    main(["replay", *map(str, arguments), "--json"])
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    _, verdict = gated(*arguments)
    assert verdict["cases"]
    for case in verdict["cases"]:
        assert case["finding"] in printed
    subjects = {(f["check"], f["subject"], f["test"]) for f in printed}
    assert len(verdict["cases"]) == len(subjects)


def test_reports_for_ci(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JUnit and Markdown are written, and a person reads the verdict in the first line."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=20_000)
    rows = write_rows(tmp_path, "rows.csv", gap=0.5)
    junit, markdown = tmp_path / "gate.xml", tmp_path / "gate.md"
    files = (rows, "--component", component, "--reference", reference)
    reports = ("--junit", junit, "--markdown", markdown)
    assert main(["gate", *map(str, (*files, *reports))]) == 1
    said = capsys.readouterr()
    assert re.match(r"default/credit: fail: 1 of \d+ checks breached\n", said.out)
    failures = [failure.attrib["message"] for failure in ET.parse(junit).iter("failure")]
    assert len(failures) == 1
    assert failures[0].startswith("0.4")
    assert markdown.read_text().startswith("### ❌ Evenhand gate: fail: 1 of")
    assert "4,000 events" in said.err


def test_no_rows_are_inconclusive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty export must not open the gate, and its report says so."""
    rows, junit = tmp_path / "rows.csv", tmp_path / "gate.xml"
    rows.write_text("id,income,job,sex,decision,at\n")
    component = write_component(tmp_path)
    arguments = ["gate", str(rows), "--component", str(component), "--junit", str(junit)]
    assert main(arguments) == 1
    said = capsys.readouterr().out
    assert said.startswith("default/credit: inconclusive: nothing judged")
    assert f"no_rows: {rows}: holds no row that can be replayed" in said
    assert len(list(ET.parse(junit).iter("error"))) == 1


def test_an_empty_file_beside_equal_variants_is_no_pass(tmp_path: Path, gated: Gated) -> None:
    """The endpoint was asked and is fair, but the traffic that was named is not there."""
    rows = tmp_path / "rows.csv"
    rows.write_text("label,score\n")
    component = tmp_path / "c.yaml"
    windows = "  monitoring: { windows: { events: 100 } }\n"
    component.write_text(COMPONENT.read_text().replace("output:", "column:") + windows)
    arguments = (rows, "--component", component, "--counterfactual", GENDER)
    with serving(lambda _: predictions({"label": "positive", "score": 0.7})) as served:
        code, verdict = gated(*arguments, "--endpoint", served.url)
    assert (code, verdict["verdict"]) == (1, "inconclusive")
    assert verdict["reasons"][0].startswith("no_rows: ")


def test_a_file_that_is_mostly_unreadable_is_no_pass(tmp_path: Path, gated: Gated) -> None:
    """More rows left out than maxLoss: what is judged of the rest says too little."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=20_000)
    rows = write_rows(tmp_path, "rows.csv", n=2_000)
    with rows.open("a") as file:
        file.write("broken\n" * 200)
    code, verdict = gated(rows, "--component", component, "--reference", reference)
    assert (code, verdict["verdict"]) == (1, "inconclusive")
    assert verdict["reasons"][0].startswith("unread: 0.0909 of the rows of")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to judge: name a FILE of recorded traffic, or --counterfactual"),
        (("--words", "w.csv"), "nothing to judge"),
        (("none.csv",), "none.csv: cannot be read"),
        (("none.csv", "--words", "w.csv"), "--words goes with --counterfactual"),
        (("none.csv", "--junit", "no/such/gate.xml"), "there is no folder"),
        (("--counterfactual", "none.csv"), "none.csv: cannot be read"),
        (("--counterfactual", GENDER, "--endpoint", "x"), "is no http(s) URL"),
        (("--counterfactual", "x.csv", "--reference", "r.csv"), "go with a FILE"),
        (("--counterfactual", "x.csv", "--concurrency", "0"), "--concurrency is at least 1"),
        (("--counterfactual", "x.csv", "--score-range", "1", "0"), "LOW must be below HIGH"),
    ],
)
def test_wrong_usage_is_two(
    arguments: tuple[object, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said at once, with what to write."""
    assert main(["gate", *map(str, arguments), "--component", str(COMPONENT)]) == 2
    assert words in capsys.readouterr().err


def test_an_invalid_component_is_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in every command but ``validate``."""
    component = write_component(tmp_path, monitoring="monitorng")
    rows = write_rows(tmp_path, "rows.csv", n=10)
    assert main(["gate", str(rows), "--component", str(component)]) == 2
    assert "did you mean 'monitoring'?" in capsys.readouterr().err


def test_a_component_that_declares_no_limit_is_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who asks for the check is told what to declare."""
    component = write_component(tmp_path)
    assert main(["gate", "--counterfactual", str(GENDER), "--component", str(component)]) == 2
    assert "for example counterfactual_fairness_difference: 0.1" in capsys.readouterr().err


def test_traffic_and_endpoint_in_one_verdict(tmp_path: Path, gated: Gated) -> None:
    """Both kinds of evidence, one gate: drift unknown and variants equal is not yet a pass."""
    rows = tmp_path / "rows.csv"
    rows.write_text("label,score\n" + "positive,0.7\n" * 100)
    component = tmp_path / "both.yaml"
    windows = "  monitoring: { windows: { events: 100 } }\n"
    component.write_text(COMPONENT.read_text().replace("output:", "column:") + windows)
    both = (rows, "--component", component, "--counterfactual", GENDER)
    with serving(lambda _: predictions({"label": "positive", "score": 0.7})) as served:
        code, verdict = gated(*both, "--endpoint", served.url)
        assert (code, verdict["verdict"]) == (1, "inconclusive")
        code, verdict = gated(*both, "--endpoint", served.url, "--optional", "drift")
    assert (code, verdict["verdict"]) == (0, "pass")
    checks = {case["finding"]["check"] for case in verdict["cases"]}
    assert checks >= {"counterfactual_fairness_difference", "drift"}


@pytest.mark.parametrize("reply", [Reply(b"{}", 404), Reply(b"{}"), Reply(b"busy", 503)])
def test_a_server_that_errs_leaves_it_open(reply: Reply, gated: Gated) -> None:
    """Wrong path, wrong answer, overload: 1, inconclusive, with what came back."""
    arguments = ("--counterfactual", GENDER, "--component", COMPONENT)
    with serving(lambda _: reply) as served:
        code, verdict = gated(*arguments, "--endpoint", served.url)
    assert (code, verdict["verdict"]) == (1, "inconclusive")
    name = f"http_{reply.status}" if reply.status != 200 else "unreadable_no_outputs"
    assert name in verdict["reasons"][0]
    assert verdict["cases"][0]["finding"]["lost"][name] > 0
