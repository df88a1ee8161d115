"""Rates against a limit, compared with an independent program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detectors.limit import LimitRule, Share, against_limit
from detectors.trailing import LENGTHS, error_levels
from tests.detectors.scenes import near

CASES = {
    case["name"]: case
    for case in json.loads(Path(__file__).with_name("rates.json").read_text())["limits"]
}


def ladder(case: dict[str, Any]) -> list[Share]:
    lengths = [k for k in LENGTHS if k <= len(case["panes"])]
    return [Share(k, *map(sum, zip(*case["panes"][-k:], strict=True))) for k in lengths]


def rule(case: dict[str, Any]) -> LimitRule:
    levels = error_levels(case["falseAlarmEvery"], case["judged"])
    return LimitRule(case["limit"], case["breach_when"] == "above", *levels)


@pytest.mark.parametrize("name", CASES)
def test_status_and_shown_length(name: str) -> None:
    """The rule gives the status and the shown length of every case."""
    expected = CASES[name]["expect"]
    found = against_limit(ladder(CASES[name]), rule(CASES[name]))
    shown = None if found.shown is None else found.shown.panes
    assert (found.status.value, shown) == (expected["status"], expected["shown"])


@pytest.mark.parametrize("name", CASES)
def test_bounds_of_every_length(name: str) -> None:
    """Value, display bounds and the bounds of both verdicts agree to 1e-9 at every length."""
    judged, by_length = rule(CASES[name]), {share.panes: share for share in ladder(CASES[name])}
    for expected in CASES[name]["expect"]["lengths"]:
        share = by_length[expected["k"]]
        assert share.value == near(expected["value"])
        assert share.bounds() == (near(expected["lower"]), near(expected["upper"]))
        assert judged.claim(share, judged.breach_error) == near(expected["breach_bound"])
        assert judged.claim(share, judged.warning_error) == near(expected["warning_bound"])
