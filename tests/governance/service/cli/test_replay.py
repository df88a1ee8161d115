"""``evenhand replay`` and ``evenhand baseline``, end to end on small files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from governance.service.cli.main import main
from tests.governance.service.cli.recorded import write_component, write_rows

if TYPE_CHECKING:
    from pathlib import Path


def _replay(*arguments: object) -> int:
    return main(["replay", *map(str, arguments)])


def _findings(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def _last(findings: list[dict[str, Any]], check: str, subject: str) -> list[dict[str, Any]]:
    last = {f["id"]: f for f in findings if (f["check"], f["subject"]) == (check, subject)}
    return list(last.values())


def test_quiet_traffic_is_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows like the reference: nothing breaches, and stdout holds findings only."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=20_000)
    rows = write_rows(tmp_path, "rows.csv")
    code = _replay(rows, "--component", component, "--reference", reference, "--json")
    findings = _findings(capsys)
    assert code == 0
    assert [f["window"]["number"] for f in _last(findings, "drift", "income")] == [0, 1, 2, 3]
    assert {f["status"] for f in findings} == {"ok"}


def test_drift_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A feature that moved by half a standard deviation breaches in every window, others do not."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=20_000)
    rows = write_rows(tmp_path, "rows.csv", shift=0.5)
    assert _replay(rows, "--component", component, "--reference", reference, "--json") == 1
    findings = _findings(capsys)
    assert {f["status"] for f in _last(findings, "drift", "income")} == {"breach"}
    assert {f["status"] for f in _last(findings, "drift", "job")} == {"ok"}


def test_unfairness_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The difference is that of the rates, and breaches past its limit."""
    component = write_component(tmp_path)
    rows = write_rows(tmp_path, "rows.csv", n=1_000, gap=0.5)
    assert _replay(rows, "--component", component, "--json") == 1
    (finding,) = _last(_findings(capsys), "demographic_parity_difference", "sex")
    cells = [line.split(",") for line in rows.read_text().splitlines()[1:]]
    rates = [
        np.mean([cell[4] == "1" for cell in cells if cell[3] == group]) for group in ("f", "m")
    ]
    assert finding["value"] == pytest.approx(abs(rates[0] - rates[1]), abs=1e-12)
    assert finding["status"] == "breach"


def test_without_a_reference_drift_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One finding a window, insufficient, in words."""
    component = write_component(tmp_path)
    rows = write_rows(tmp_path, "rows.csv", n=2_500)
    assert _replay(rows, "--component", component, "--json") == 0
    drift = _last(_findings(capsys), "drift", "")
    assert [(f["status"], f["window"]["partial"]) for f in drift] == [
        ("insufficient", False),
        ("insufficient", False),
        ("insufficient", True),
    ]
    assert "no reference" in drift[0]["reason"]


def test_people_get_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What breached with its interval and why, then a summary; the tally is on stderr."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=20_000)
    rows = write_rows(tmp_path, "rows.csv", shift=0.5)
    assert _replay(rows, "--component", component, "--reference", reference) == 1
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    head = ["windows", "first", "worst", "check", "subject", "status", "value", "limit", "why"]
    assert lines[0].split() == head
    (income,) = [line.split() for line in lines if line.startswith("4 of 4") and " income " in line]
    assert income[3] == "0"
    assert "breach" in income
    (calm,) = [line for line in lines if line.startswith("calm: ")]
    assert "demographic_parity_difference 4" in calm
    assert captured.err == "4,000 events\n"


def test_people_read_what_is_raised_worst_first_and_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a subject however many windows, breaches first; groups are named with rates."""
    component = write_component(tmp_path)
    rows = write_rows(tmp_path, "rows.csv", n=4_000, gap=0.5)
    assert _replay(rows, "--component", component) == 1
    lines = capsys.readouterr().out.splitlines()
    (sex,) = [line for line in lines if "breach" in line and " sex " in line]
    assert sex.startswith("4 of 4")
    assert re.search(r"[fm] 0\.\d+, [fm] 0\.\d+$", sex)


def test_people_get_fairness_since_rollout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the end of the report stands how groups were treated over all windows, with bounds."""
    component = write_component(tmp_path)
    rows = write_rows(tmp_path, "rows.csv", n=4_000)
    assert _replay(rows, "--component", component) == 0
    out = capsys.readouterr().out
    head, line, last = out.splitlines()[-3:]
    assert head.split()[:2] == ["since", "rollout"]
    assert line.split()[:3] == ["demographic_parity_difference", "7", "sex"]
    assert line.endswith(": 4 windows")
    assert last.startswith("bounds hold at every time at once (95 %)")
    assert "_since_rollout" not in out


def test_labels_of_a_file_of_their_own_are_joined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels in another order; the last revision has them, the first is provisional."""
    component = write_component(tmp_path, demographic_parity="equal_opportunity")
    rows = write_rows(tmp_path, "rows.csv", n=1_000)
    labels = tmp_path / "labels.csv"
    labels.write_text("id,repaid\n" + "".join(f"{i},1\n" for i in reversed(range(900))) + "x,1\n")
    assert _replay(rows, "--component", component, "--labels", labels, "--json") == 0
    captured = capsys.readouterr()
    findings = [json.loads(line) for line in captured.out.splitlines()]
    (last,) = _last(findings, "equal_opportunity_difference", "sex")
    assert last["labels"] == 900
    assert findings[0]["revision"] == 0
    assert "900 labels joined, 1 labels met no event" in captured.err


def test_a_replay_repeats_itself_byte_for_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Same file, same findings."""
    component = write_component(tmp_path)
    rows = write_rows(tmp_path, "rows.csv", gap=0.2)
    outputs = []
    for _ in range(2):
        _replay(rows, "--component", component, "--json")
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != ""


def test_windows_by_time_need_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without ``signals.time`` an hour cannot be told; with it windows are those of the clock."""
    rows = write_rows(tmp_path, "rows.csv", n=300)
    component = write_component(tmp_path, **{"{events: 1000}": "{every: 1h}"})
    assert _replay(rows, "--component", component) == 2
    assert "spec.signals.time, or count events" in capsys.readouterr().err
    component = write_component(
        tmp_path,
        **{
            "{events: 1000}": "{every: 1h}",
            "prediction: column:decision": ("prediction: column:decision\n    time: column:at"),
        },
    )
    assert _replay(rows, "--component", component, "--json") == 0
    windows = [f["window"] for f in _last(_findings(capsys), "drift", "")]
    assert [(w["start"], w["partial"]) for w in windows] == [
        ("1970-01-01T00:00:00Z", False),
        ("1970-01-01T01:00:00Z", False),
        ("1970-01-01T02:00:00Z", False),
        ("1970-01-01T03:00:00Z", False),
        ("1970-01-01T04:00:00Z", True),
    ]


def test_rows_that_come_too_late_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Later than ``lateness`` in the file is in no window, and counted."""
    path = tmp_path / "rows.csv"
    lines = [f"{i},0,a,f,1,{60 * i}\n" for i in range(120)]
    path.write_text("id,income,job,sex,decision,at\n" + "".join(lines) + "late,0,a,f,1,5\n")
    component = write_component(
        tmp_path,
        **{
            "{events: 1000}": "{every: 1h}",
            "prediction: column:decision": ("prediction: column:decision\n    time: column:at"),
        },
    )
    assert _replay(path, "--component", component, "--json") == 0
    assert capsys.readouterr().err == "121 events, 1 late\n"


def test_ids_that_come_twice_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows count as events; labels meet the newest."""
    path = write_rows(tmp_path, "rows.csv", n=1_000)
    text = path.read_text().splitlines()
    path.write_text("\n".join([*text, *text[1:11]]) + "\n")
    component = write_component(tmp_path, demographic_parity="equal_opportunity")
    _replay(path, "--component", component)
    assert "10 with an id used before" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("id,income,job,sex,decision\n", "holds no row that can be replayed"),
        ("id,income,job,sex\n1,2,a,f\n", "has no column 'decision'"),
        ("id,income,job,sex,decision\n1\n2\n", "holds no row that can be replayed"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    """Nothing is judged, so nothing is fine."""
    path = tmp_path / "rows.csv"
    path.write_text(content)
    assert _replay(path, "--component", write_component(tmp_path)) == 2
    assert message in capsys.readouterr().err


def test_a_column_that_the_reference_has_and_the_file_has_not_is_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A feature that is called otherwise in the traffic is named, with the nearest column."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=2_000)
    rows = write_rows(tmp_path, "rows.csv", n=100)
    rows.write_text(rows.read_text().replace("income", "incomes", 1))
    assert _replay(rows, "--component", component, "--reference", reference) == 2
    assert "has no feature column 'income' (did you mean 'incomes'?)" in capsys.readouterr().err


def test_an_invalid_component_is_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Invalid is 1 for validate only."""
    component = write_component(tmp_path, monitoring="monitorng")
    assert _replay(write_rows(tmp_path, "rows.csv", n=10), "--component", component) == 2
    assert "spec.monitorng: unknown key (did you mean 'monitoring'?)" in capsys.readouterr().err


def test_ragged_rows_are_said_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest is judged; what was left out is named with its line."""
    path = write_rows(tmp_path, "rows.csv", n=100)
    with path.open("a") as file:
        file.write("broken\n")
    assert _replay(path, "--component", write_component(tmp_path), "--json") == 0
    err = capsys.readouterr().err
    assert "1 rows left out, ragged: line 102 has 1 cells, not 6" in err


def test_a_profile_replays_like_its_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``baseline`` once, or rows each time: the same findings."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=20_000)
    rows = write_rows(tmp_path, "rows.csv", shift=0.1)
    profile = tmp_path / "credit.profile"
    arguments = ["baseline", str(reference), "--component", str(component), "-o", str(profile)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "20,000 rows, in time order, cut for windows of events: 1000" in said
    outputs = []
    for given in (reference, profile):
        _replay(rows, "--component", component, "--reference", given, "--json")
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != ""


def test_baseline_says_what_the_component_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line it prints, pasted into the component, names the file and verifies it."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=2_000)
    profile = tmp_path / "credit.profile"
    main(["baseline", str(reference), "--component", str(component), "-o", str(profile)])
    block = capsys.readouterr().out.splitlines()[-1].removeprefix("spec.")
    component = write_component(tmp_path, **{"baseline: {ordered: true}": block})
    rows = write_rows(tmp_path, "rows.csv", n=1_000)
    assert _replay(rows, "--component", component, "--json") == 0
    findings = _findings(capsys)
    assert all(finding["reference"] for finding in findings)


def test_a_reference_that_is_too_small_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """999 rows make a profile, and the operator hears that drift is not judged by it."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=999)
    profile = tmp_path / "credit.profile"
    assert (
        main(["baseline", str(reference), "--component", str(component), "-o", str(profile)]) == 0
    )
    assert "too few rows to judge drift by: at least 1,000 are needed" in capsys.readouterr().err


def test_a_profile_that_cannot_be_written_is_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the file."""
    component = write_component(tmp_path)
    reference = write_rows(tmp_path, "reference.csv", n=2_000)
    profile = tmp_path / "no" / "credit.profile"
    arguments = ["baseline", str(reference), "--component", str(component), "-o", str(profile)]
    assert main(arguments) == 2
    assert f"{profile}: cannot be written: No such file or directory" in capsys.readouterr().err


def test_a_feature_that_the_reference_lacks_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody should take a column for watched that nothing is compared with."""
    component = write_component(tmp_path)
    rows = write_rows(tmp_path, "rows.csv")
    whole = write_rows(tmp_path, "reference.csv", n=20_000).read_text().splitlines()
    at = whole[0].split(",").index("income")
    narrow = [",".join(c for i, c in enumerate(line.split(",")) if i != at) for line in whole]
    reference = tmp_path / "narrow.csv"
    reference.write_text("\n".join(narrow))
    assert _replay(rows, "--component", component, "--reference", reference, "--json") == 0
    assert "no drift of income: the reference does not have it" in capsys.readouterr().err
