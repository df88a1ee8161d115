"""Tests of Evidently's where there are no raw rows, and where Evidently is not installed."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.base import Pane, WindowView
from detectors.drift.detector import make_drift
from detectors.drift.evidently_tests import _Wish
from detectors.drift.family import Terms
from detectors.evidently import REMEDY, Answer, Question
from detectors.reasons import NO_EVENTS
from detectors.reference import Reference, build_reference
from governance.errors import ConfigError
from governance.event import Column, EventBatch
from governance.finding import Status, Verdict
from tests.detectors.scenes import component

if TYPE_CHECKING:
    from governance.component.schema import Component


def declared(**drift: Any) -> Component:
    return component(monitoring={"windows": {"events": 500}, "drift": drift}, signals={})


def rows(n: int, *, shift: float = 0.0, seed: int = 0) -> EventBatch:
    rng = np.random.default_rng(seed)
    jobs = Column(rng.integers(0, 3, n).astype(np.int32), ("a", "b", "c"))
    return EventBatch("1", n, {"tabular.age": Column(rng.normal(shift, 1, n)), "tabular.job": jobs})


def reference(declaration: Component) -> Reference:
    return build_reference(rows(5_000, seed=1), declaration).for_version("1")


def judged(declaration: Component, past: Reference, *, shift: float = 0.0) -> dict[str, Verdict]:
    """The drift verdicts of one window by subject."""
    detector, window = make_drift(declaration, past), rows(500, shift=shift)
    pane = Pane(0, 0, 1, window.n, detector.add(window))
    verdicts = detector.judge(WindowView([pane], {}))
    return {v.subject: v for v in verdicts if v.check == "drift"}


def test_the_usual_test_takes_its_place_and_says_so() -> None:
    """In live traffic a feature is judged as if nothing was declared, and the reason tells."""
    usual = declared()
    wanted = declared(numeric="evidently:ks", features={"job": {"test": "evidently:psi"}})
    plain = judged(usual, reference(usual), shift=0.5)
    told = judged(wanted, reference(wanted), shift=0.5)
    for name, test in {"age": "evidently:ks", "job": "evidently:psi"}.items():
        assert told[name].reason.endswith(f"{test} needs raw rows (replay, gate)")
        assert replace(told[name], reason="") == replace(plain[name], reason="")
    assert told[""] == plain[""]


def test_a_threshold_in_evidentlys_unit_is_not_taken_for_ours() -> None:
    """A p-value's limit says nothing about a distance: live, that of all subjects counts."""
    wanted = declared(threshold=0.2, features={"age": {"test": "evidently:ks", "threshold": 0.01}})
    verdict = judged(wanted, reference(wanted))["age"]
    assert (verdict.test, verdict.threshold) == ("wasserstein", 0.2)


def test_the_declared_test_of_ours_is_next_in_line() -> None:
    """Where all numeric features have a test of ours, it takes the place of Evidently's."""
    wanted = declared(numeric="ks", features={"age": {"test": "evidently:psi"}})
    assert judged(wanted, reference(wanted))["age"].test == "ks"


def test_without_evidently_rows_at_hand_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that was asked for is never left out in silence: the remedy is named."""
    monkeypatch.setitem(sys.modules, "evidently", None)
    wanted = declared(numeric="evidently:ks")
    past = replace(reference(wanted), raw=rows(5_000))
    with pytest.raises(ConfigError, match="not installed") as raised:
        make_drift(wanted, past)
    assert REMEDY in str(raised.value)


def test_rows_change_no_reference() -> None:
    """The rows that a reference keeps are no part of what its id is the hash of."""
    past = reference(declared())
    assert replace(past, raw=rows(10)).id == past.id


def test_guards_of_all_drift_guard_these_too() -> None:
    """Too short a reference makes a warning of it; a lost share or no event leaves no verdict."""
    wish = _Wish(Question("tabular.age", "ks", 0.05), numeric=True, unfit="")
    own = Verdict("drift", "age", Status.OK, test="wasserstein", value=0.01, events=40)
    drifted = Answer(0.001, drifted=True)
    assert wish.verdict(own, drifted, "").status is Status.BREACH
    capped = wish.verdict(own, drifted, "capped: the reference spans a day")
    assert capped.status is Status.WARNING
    assert capped.reason.startswith("capped: the reference spans a day; evidently: ks p-value")
    assert wish.verdict(own, Answer(0.5, drifted=False), "capped: a day").status is Status.OK
    terms = Terms("tabular", (1,), 40, "", "", 1_000)
    rows_ = {"tabular.age": Column(np.zeros(40))}
    assert wish.gap(rows_, terms) == ""
    assert wish.gap(rows_, replace(terms, lost="lost: 9 %")) == "lost: 9 %"
    assert wish.gap(rows_, replace(terms, events=0)) == NO_EVENTS
    assert "has 24 values" in wish.gap({"tabular.age": Column(np.zeros(24))}, terms)
