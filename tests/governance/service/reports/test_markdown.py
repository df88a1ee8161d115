"""The comment of a gate on a pull request."""

from __future__ import annotations

from governance.finding import Status
from governance.service.gate import decide
from governance.service.reports.markdown import markdown
from tests.governance.service.verdicts import breach, finding, insufficient


def test_verdict_first_worst_first() -> None:
    """The heading says it; loud rows stand in the open, quiet ones are folded away."""
    text = markdown(
        decide([finding(subject="age"), breach(), finding(Status.WARNING, subject="race")]),
        "prod/credit",
    )
    lines = text.splitlines()
    assert lines[0] == "### ❌ Evenhand gate: fail: 1 of 3 checks breached"
    rows = [line.split(" | ") for line in lines if line.startswith("| ") and "status" not in line]
    assert [row[0] for row in rows] == ["| ❌ breach", "| \N{WARNING SIGN} warning", "| ✅ ok"]
    assert rows[0][1:5] == [
        "demographic parity difference (tabular)",
        "sex",
        "0.5 [0.4, 0.6]",
        "0.1",
    ]
    assert text.index("❌ breach") < text.index("<details>") < text.index("✅ ok")


def test_a_footnote_for_what_was_not_judged() -> None:
    """The mark in the row leads to what to do."""
    text = markdown(decide([finding(), insufficient(subject="race")]), "prod/credit")
    assert text.startswith("### ❔ Evenhand gate: inconclusive: 1 of 2 checks could not be judged")
    assert "| ❔ not judged ¹ |" in text
    assert text.splitlines()[-1].startswith("¹ Not judged is not passed.")


def test_nothing_at_all_says_why() -> None:
    """Without a finding there is no table, but a reason."""
    text = markdown(decide([]), "prod/credit")
    assert "nothing was judged: there is no finding, because there was no event" in text
    assert "|---|" not in text


def test_names_from_traffic_are_no_markup() -> None:
    """A group called like a table, a link, a tag or a person changes no table and pings nobody."""
    odd = breach(subject="a|b\n| [x](http://h) <img> @team `c`", reason="x" * 1_000)
    (row,) = [
        line for line in markdown(decide([odd]), "prod/credit").splitlines() if "❌ breach" in line
    ]
    assert row.replace("\\|", "").count("|") == 7
    assert "<img>" not in row
    assert "@" not in row
    assert r"\[x\](http" in row
    assert len(row) < 700


def test_many_rows_fit_into_a_comment() -> None:
    """1,000 breaches with long reasons stay below the 65,536 characters of a comment."""
    many = [breach(subject=f"feature {i}", reason="r" * 500) for i in range(1_000)]
    text = markdown(decide(many), "prod/credit")
    assert len(text) < 65_536
    assert "and 900 more" in text
