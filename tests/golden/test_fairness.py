"""Fairness, limits, weighted rates and confidence sequences against an independent program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.fairness.difference import Difference, lower_bound, upper_bound
from detectors.fairness.group_rates import GroupRates
from detectors.fairness.parity import Form, Rule, Window, compare, parity
from detectors.fairness.ratio import Ratio
from detectors.stats.limits import confidence_sequence, effective_counts, limits
from detectors.trailing import LENGTHS, error_levels
from tests.detectors.scenes import near

GOLDEN = json.loads(Path(__file__).with_name("fairness.json").read_text())
CASES = {case["name"]: case for case in GOLDEN["cases"]}
FORMS: dict[str, Form] = {
    "difference": Difference(),
    "ratio": Ratio(),
    "equalized_odds": Difference(),
}


def rates(case: dict[str, Any], panes: list[dict[str, Any]]) -> tuple[GroupRates, ...]:
    """The case's cells summed over panes, as successes and sizes per group."""
    groups = sorted({group for pane in case["panes"] for group in pane})
    zero = np.zeros(np.shape(next(iter(case["panes"][0].values()))))
    cells = np.array([sum((np.array(p.get(g, zero), float) for p in panes), zero) for g in groups])
    if case["metric"] == "equalized_odds":
        return tuple(GroupRates(cells[:, rate, 0], cells[:, rate, 1]) for rate in (0, 1))
    if case["cells"] == "s,n":
        return (GroupRates(cells[:, 0], cells[:, 1]),)
    n, w, wy, w2, w2y = cells.T
    return (GroupRates(*effective_counts(n, (w, wy), (w2, w2y))),)


def ladder(case: dict[str, Any]) -> list[Window]:
    panes = case["panes"]
    return [Window(k, rates(case, panes[-k:])) for k in LENGTHS if k <= len(panes)]


def levels(case: dict[str, Any]) -> tuple[float, float]:
    return error_levels(case["falseAlarmEvery"], case["judged_pairs"])


@pytest.mark.parametrize("name", CASES)
def test_status_and_shown_length(name: str) -> None:
    """The rule gives the status and the shown length of every case."""
    case = CASES[name]
    breach, warning = levels(case)
    form, minimum = FORMS[case["metric"]], case["minimumGroupSize"]
    found = parity(ladder(case), Rule(form, case["threshold"], minimum, breach, warning))
    shown = None if found.shown is None else found.shown.panes
    assert (found.status.value, shown) == (case["expect"]["status"], case["expect"]["shown"])


@pytest.mark.parametrize("name", CASES)
def test_bounds_of_every_length(name: str) -> None:
    """Point, display bounds and the bounds of both verdicts agree to 1e-9 at every length."""
    case = CASES[name]
    form, (breach, warning) = FORMS[case["metric"]], levels(case)
    by_length = {window.panes: window for window in ladder(case)}
    for expected in case["expect"]["lengths"]:
        found = compare(by_length[expected["k"]], case["minimumGroupSize"])
        assert found is not None
        assert found.point(form) == near(expected["point"])
        assert found.bounds(form) == (near(expected["lower"]), near(expected["upper"]))
        assert found.claim(form, breach) == near(expected["breach_bound"])
        assert found.claim(form, warning) == near(expected["warning_bound"])


def test_limits() -> None:
    """Clopper-Pearson limits agree for counts and fractions, at their ends too."""
    for row in GOLDEN["limits"]:
        lower, upper = limits(row["s"], row["n"], row["a"])
        assert (float(lower), float(upper)) == (near(row["lower"]), near(row["upper"]))


def test_effective_counts() -> None:
    """Effective sizes of weighted rates agree."""
    for row in GOLDEN["weights"]:
        weight, squared = (row["sum_w"], row["sum_wy"]), (row["sum_w2"], row["sum_w2y"])
        successes, size = effective_counts(row["N"], weight, squared)
        assert (float(successes), float(size)) == (near(row["s"]), near(row["n"]))


def test_confidence_sequence() -> None:
    """Limits of "since rollout" agree for every group."""
    for row in GOLDEN["since_rollout"]["groups"]:
        lower, upper = confidence_sequence(row["s"], row["f"])
        assert (float(lower), float(upper)) == (near(row["lower"]), near(row["upper"]))


def test_difference_since_rollout() -> None:
    """The pair formula over confidence sequences gives the difference since rollout."""
    for row in GOLDEN["since_rollout"]["differences"]:
        s, f = (np.array([group[key] for group in row["groups"]], float) for key in ("s", "f"))
        low, high = confidence_sequence(s, f)
        lower, upper = (bound(s / (s + f), low, high) for bound in (lower_bound, upper_bound))
        assert (max(0, lower), min(1, upper)) == (near(row["lower"]), near(row["upper"]))
