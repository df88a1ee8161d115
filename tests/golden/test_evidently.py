"""Evidently's numbers on the same samples: equal, or otherwise for a reason that is computed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.tables.evidently import FLOOR, GOLDEN, in_their_unit, raw, table, their_bins
from detectors.drift.detector import make_drift
from detectors.drift.jensen_shannon import jensen_shannon
from detectors.drift.psi import psi
from detectors.performance.family import make_performance
from detectors.reference import build_reference
from detectors.stats.ragged import Ragged
from governance.component.drift_tests import EVIDENTLY_METHODS
from governance.event import Column, EventBatch
from tests.detectors.scenes import batch, component, limiting, near, pane, view

if TYPE_CHECKING:
    from tests.testkit.evidently import WithEvidently

CASES = {case["name"]: case for case in GOLDEN["drift"]}
NUMERIC = [name for name, case in CASES.items() if case["numeric"]]
FULL = ["ordinal", "many values", "categories"]  # no bin of Evidently's is empty
GAPS = ["ordinal, a value vanished", "categories, a new one"]
ENDLESS = 2.0**40  # times as many rows, so that half a row is nothing


def shares(name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    past, window = their_bins(CASES[name])
    return past / past.sum(), window / window.sum()


def measured(statistic: Any, window: Any, p: Any) -> float:
    one = np.ones((1, 1))
    bins = Ragged((len(p),))
    return float(statistic(np.asarray(window)[None], np.asarray(p), one, one[0], bins).raw[0, 0])


def plain_psi(p: Any, q: Any) -> float:
    return float(np.sum((q - p) * np.log(q / p)))


@pytest.mark.parametrize("name", NUMERIC)
def test_wasserstein_is_theirs(name: str) -> None:
    """Over the population standard deviation of the reference, on samples whole in their bins."""
    assert raw(CASES[name], "wasserstein") == near(CASES[name]["evidently"]["wasserstein"])


@pytest.mark.parametrize("name", NUMERIC)
def test_ks_distance_gives_their_p_value(name: str) -> None:
    """They show the p-value only; it is that of our distance."""
    mine = in_their_unit(CASES[name], "ks", raw(CASES[name], "ks"))
    assert mine == pytest.approx(CASES[name]["evidently"]["ks"], rel=1e-9)


@pytest.mark.parametrize("name", FULL)
def test_psi_is_theirs_on_their_bins(name: str) -> None:
    """The formula is the same; without our half row, so is the number."""
    p, q = shares(name)
    assert measured(psi, q * ENDLESS, p) == near(CASES[name]["evidently"]["psi"])


@pytest.mark.parametrize("name", CASES)
def test_psi_differs_by_the_half_row(name: str) -> None:
    """Where both use the same bins: ours is the plain formula on smoothed shares, and no other."""
    past, window = their_bins(CASES[name])
    n, n0, size = window.sum(), past.sum(), len(past)
    p, q = (past + 0.5) / (n0 + size / 2), (window + 0.5) / (n + size / 2)
    assert measured(psi, window.astype(float), p) == near(plain_psi(p, q))


@pytest.mark.parametrize("name", GAPS)
def test_their_empty_bin_is_a_constant(name: str) -> None:
    """An empty bin counts 0.0001 whatever the size of the sample: the reason why PSI differs."""
    p, q = (np.where(side == 0, FLOOR, side) for side in shares(name))
    assert plain_psi(p, q) == near(CASES[name]["evidently"]["psi"])
    assert raw(CASES[name], "psi") != pytest.approx(CASES[name]["evidently"]["psi"], rel=0.05)


@pytest.mark.parametrize("name", CASES)
def test_jensen_shannon_is_theirs_in_nats(name: str) -> None:
    """On the same bins theirs is ours times the root of ln 2, empty bins or not.

    Our reference has no empty bin; where theirs has, the two change places: it is symmetric.
    """
    p, q = shares(name)
    if (p == 0).any():
        p, q = q, p
    mine = measured(jensen_shannon, q, p) * np.sqrt(np.log(2))
    assert mine == near(CASES[name]["evidently"]["jensenshannon"])


def test_classification_is_theirs() -> None:
    """Accuracy, precision, recall, F1 and ROC AUC of the same labelled events, to 1e-9."""
    told = GOLDEN["classification"]
    score, label = (np.repeat(told[name], told["count"]) for name in ("score", "label"))
    theirs = dict(told["evidently"])
    log_loss = theirs.pop("log_loss")
    limits = dict.fromkeys([*theirs, "log_loss"], 0.5)
    detector = make_performance(component(release=limiting(**limits)), None)
    assert detector is not None
    events = batch(favourable=score >= 0.5, label=label)
    events.columns["score"] = batch(latency_ms=score).columns["latency_ms"]  # type: ignore[index]
    verdicts = detector.judge(view([pane(detector, events, events)]))
    values = {v.check: v.value for v in verdicts}
    assert {name: values[name] for name in theirs} == pytest.approx(theirs, rel=1e-9)
    assert values["log_loss"] == pytest.approx(log_loss, rel=1e-4)  # scores are read in bins


def with_missing(missing: int, n: int) -> EventBatch:
    values = np.where(np.arange(n) < missing, np.nan, np.arange(n) % 10)
    return EventBatch("1", n, {"tabular.x": Column(values)})


def test_missing_shares_are_theirs() -> None:
    """The raw gap that data quality shows is that of the two shares that they print."""
    told = GOLDEN["missing"]
    declared = component(monitoring={"windows": {"events": told["rows"]}}, signals={})
    past = with_missing(told["reference_missing"], told["reference_rows"])
    detector = make_drift(declared, build_reference(past, declared))
    window = with_missing(told["missing"], told["rows"])
    verdicts = detector.judge(view([pane(detector, window)]))
    (verdict,) = (v for v in verdicts if v.check == "data_quality")
    theirs = told["evidently"]["share"] - told["evidently"]["reference_share"]
    assert (verdict.test, verdict.raw) == ("missing_share", near(theirs))


def test_the_closed_list_is_what_is_installed() -> None:
    """Every method that a component may name is there, with these kinds and thresholds."""
    installed = GOLDEN["methods"]
    left_out = {
        "fisher_exact",
        "g_test",
        "empirical_mmd",
        "perc_text_content_drift",
        "abs_text_content_drift",
    }
    assert set(installed) == set(EVIDENTLY_METHODS) | left_out
    for name, method in EVIDENTLY_METHODS.items():
        assert installed[name] == [method.numeric, method.categorical, method.threshold]


def test_the_table_names_every_difference() -> None:
    """One row per sample and statistic; equal ones agree in all printed digits."""
    printed = table()
    assert len(printed.rows) == sum(len(case["evidently"]) for case in CASES.values())
    equal = [row for row in printed.rows if row[1] in {"wasserstein", "ks"}]
    assert equal
    assert all(row[2] == row[4] for row in equal)


@pytest.mark.slow
def test_evidently_still_says_so(with_evidently: WithEvidently) -> None:
    """The script gives the committed numbers again, in the environment that has Evidently."""
    made = with_evidently(["-m", "tests.golden.make_evidently"])
    assert made.returncode == 0, made.stderr
    again = json.loads(made.stdout)
    assert again["versions"] == GOLDEN["versions"]
    assert again["methods"] == GOLDEN["methods"]
    for mine, theirs in zip(again["drift"], GOLDEN["drift"], strict=True):
        assert mine["evidently"] == near(theirs["evidently"])
        assert {**mine, "evidently": None} == {**theirs, "evidently": None}
    for name in ("classification", "missing"):
        assert again[name]["evidently"] == near(GOLDEN[name]["evidently"])
