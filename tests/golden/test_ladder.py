"""Verdicts over ladders of trailing windows, compared with an independent program."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.drift.measure import Measure
from detectors.drift.yardstick import Yardstick
from detectors.ladder import (
    FEWEST_REFERENCE_ROWS,
    Climb,
    Hold,
    Readings,
    Ruling,
    climb,
    hold,
    rule,
)
from detectors.stats.overdispersion import LENGTHS, Block
from tests.detectors.scenes import near

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from governance.component.drift_tests import OwnTest

GOLDEN = json.loads(Path(__file__).with_name("ladder.json").read_text())
CASES = {case["name"]: case for case in GOLDEN["cases"]}
TESTS: dict[str, OwnTest] = {
    "js": "jensenshannon",
    "psi": "psi",
    "ks": "ks",
    "wasserstein": "wasserstein",
}


@dataclass(frozen=True)
class Played:
    """A case as the rule saw it."""

    lengths: list[int]
    readings: Readings
    climb: Climb
    holds: list[Hold | None]
    ruling: Ruling
    divisors: NDArray[np.float64]

    def reason(self, feature: int) -> str | None:
        held = self.holds[feature]
        if held is not None:
            return held.value
        return "capped" if self.ruling.capped[feature] else None


def yardstick(feature: dict[str, Any]) -> Yardstick:
    return Yardstick(
        fine=np.array(feature["fine"]),
        fold=np.array(feature["fold"]),
        tail=np.array(feature["tail"]),
        ordered=feature["ordered"],
        width_over_sd=np.array(feature["width_over_sd"] or []),
        null_constant=feature["c_w"] or 0.0,
        ladder=tuple(Block(b["k"], b["block_rows"], b["rho"]) for b in feature["rho"] or ()),
        test=TESTS[feature["kind"]],
        threshold=feature["threshold"],
    )


@cache
def measure(library: str) -> Measure:
    return Measure([yardstick(feature) for feature in GOLDEN["libraries"][library]])


def windows(
    case: dict[str, Any], lengths: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts scaled to n, and n, of the trailing windows."""
    names = [feature["name"] for feature in GOLDEN["libraries"][case["library"]]]
    panes = [np.concatenate([pane["counts"][name] for name in names]) for pane in case["panes"]]
    counts = np.array([np.sum(panes[-k:], axis=0) for k in lengths], dtype=float)
    rows = [pane["rows"] for pane in case["panes"]]
    weights = [pane.get("sum_w", pane["rows"]) for pane in case["panes"]]
    squares = [pane.get("sum_w2", pane["rows"]) for pane in case["panes"]]
    total = np.array([sum(weights[-k:]) for k in lengths], dtype=float)
    squared = np.array([sum(squares[-k:]) for k in lengths], dtype=float)
    some = np.array([sum(rows[-k:]) > 0 for k in lengths])
    n = np.where(some, total**2 / np.where(some, squared, 1.0), 0.0)
    return counts * (n / np.where(some, total, 1.0))[:, None], n


@cache
def play(name: str) -> Played:
    case = CASES[name]
    gauge = measure(case["library"])
    lengths = [k for k in LENGTHS if k <= len(case["panes"])]
    counts, n = windows(case, lengths)
    readings = gauge.readings(counts, n)
    climbed = climb(readings, gauge.thresholds, gauge.lengths)
    holds = [
        hold(
            no_events=n[0] == 0,
            lost=case["lost_share"] > case["maxLoss"],
            unfit=rows < FEWEST_REFERENCE_ROWS,
            small=bool(small),
        )
        for rows, small in zip(gauge.rows, climbed.small, strict=True)
    ]
    span = case["reference_span_days"]
    capped = span is not None and span < 7 and not case["coversRhythm"]
    ruling = rule(climbed, holds, case["falseAlarmEvery"], capped=capped)
    return Played(lengths, readings, climbed, holds, ruling, gauge.lengths)


def features(name: str) -> list[tuple[int, dict[str, Any]]]:
    return list(enumerate(CASES[name]["expect"]["features"].values()))


@pytest.mark.parametrize("name", CASES)
def test_statuses_and_reasons(name: str) -> None:
    """Family size, both j of e-BH, and every feature's status and reason."""
    expected, played = CASES[name]["expect"], play(name)
    ruling = played.ruling
    assert (ruling.family, ruling.breaches, ruling.warnings) == (
        expected["F"],
        expected["j_breach"],
        expected["j_warning"],
    )
    for feature, wanted in features(name):
        assert ruling.statuses[feature].value == wanted["status"]
        assert played.reason(feature) == wanted["reason"]


@pytest.mark.parametrize("name", CASES)
def test_evidence_and_shown_window(name: str) -> None:
    """E over the ladder with its divisor, and which window is shown."""
    played = play(name)
    for feature, wanted in features(name):
        if wanted["status"] == "insufficient":
            continue
        evidence = float(played.climb.evidence[feature])
        assert played.divisors[feature] == wanted["divisor"]
        assert played.lengths[played.climb.shown[feature]] == wanted["shown"]
        assert (math.log10(evidence) if evidence else None) == (
            None if wanted["log10_E"] is None else near(wanted["log10_E"])
        )


@pytest.mark.parametrize("name", CASES)
def test_every_window(name: str) -> None:
    """Which windows can be read and count, and everything measured in each."""
    played = play(name)
    readings, effect = played.readings, played.readings.effect
    for feature, wanted in features(name):
        if wanted["status"] == "insufficient":
            continue
        rows = np.flatnonzero(readings.usable[:, feature])
        assert [played.lengths[row] for row in rows] == [w["k"] for w in wanted["windows"]]
        for row, window in zip(rows, wanted["windows"], strict=True):
            found = {
                "n": readings.n[row],
                "rho": readings.rho[row, feature],
                "m": readings.m[row, feature],
                "log_e": readings.log_e[row, feature],
                "raw": effect.raw[row, feature],
                "debiased": effect.value[row, feature],
                "lower": effect.lower[row, feature],
                "upper": effect.upper[row, feature],
            }
            assert {key: float(value) for key, value in found.items()} == {
                key: near(window[key]) for key in found
            }
            assert bool(played.climb.counted[row, feature]) == window["counted"]
