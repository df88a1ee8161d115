"""The words that all reports of a gate share."""

from __future__ import annotations

import pytest

from governance.finding import Finding, GroupRate, Status
from governance.service.gate import decide
from governance.service.reports.ends import ends
from governance.service.reports.junit import junit
from governance.service.reports.markdown import markdown
from governance.service.reports.text import lines
from tests.governance.service.verdicts import breach, finding

GROUPS = (
    GroupRate("middle", 900.0, 0.4, 0.35, 0.45),
    GroupRate("old", 100.0, 0.61, 0.52, 0.7),
    GroupRate("young", 500.0, 0.28, 0.24, 0.32),
    GroupRate("unseen", 0.0, None, None, None),
)
PAIR = "young 0.28 [0.24, 0.32], old 0.61 [0.52, 0.7]"


def test_every_report_names_the_pair_of_a_breach() -> None:
    """Text, Markdown and JUnit say which two groups, with rates and intervals."""
    verdict = decide([breach(groups=GROUPS, reason="capped: labels")])
    told = "\n".join(lines(verdict, "prod/credit"))
    assert f"{PAIR}; capped: labels" in told
    assert PAIR.replace("[", "\\[").replace("]", "\\]") in markdown(verdict, "prod/credit")
    assert f"limit 0.1; {PAIR}; capped: labels" in junit(verdict, "prod/credit", 0)


@pytest.mark.parametrize("quiet", [finding(groups=GROUPS), finding(Status.BREACH, check="drift")])
def test_nobody_is_named_without_cause(quiet: Finding) -> None:
    """What is ok names no group, and a breach without groups has none to name."""
    assert "young" not in "\n".join(lines(decide([quiet]), "prod/credit"))


def test_the_ends_of_groups() -> None:
    """Groups without a rate are no end; one alone is its own."""
    assert [group.group for group in ends(GROUPS)] == ["young", "old"]
    assert [group.group for group in ends(GROUPS[:1])] == ["middle"]
    assert ends(GROUPS[3:]) == ()
