"""Measures of scores against scikit-learn, and each interval against what it must keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics as sklearn

from detectors.performance.family import make_performance
from governance.component.metrics import LimitKind, RateCheck
from governance.finding import Status
from tests.detectors.scenes import batch, component, limiting, pane, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from governance.event import EventBatch
    from governance.finding import Verdict

LOSSES = ("log_loss", "brier_score", "expected_calibration_error")
SCORED = ("roc_auc", *LOSSES)


def calibration(label: NDArray[Any], score: NDArray[Any], weight: NDArray[Any]) -> float:
    """The textbook sum over ten bins, one by one."""
    tenth, total = np.minimum((score * 10).astype(int), 9), 0.0
    for k in range(10):
        rows = tenth == k
        if rows.any():
            gap = np.average(label[rows], weights=weight[rows])
            gap -= np.average(score[rows], weights=weight[rows])
            total += weight[rows].sum() * abs(gap)
    return float(total / weight.sum())


PEERS: dict[str, Callable[[Any, Any, Any], float]] = {
    "balanced_accuracy": lambda y, s, w: sklearn.balanced_accuracy_score(
        y, s > 0.5, sample_weight=w
    ),
    "roc_auc": lambda y, s, w: sklearn.roc_auc_score(y, s, sample_weight=w),
    "log_loss": lambda y, s, w: sklearn.log_loss(y, s, sample_weight=w),
    "brier_score": lambda y, s, w: sklearn.brier_score_loss(y, s, sample_weight=w),
    "expected_calibration_error": calibration,
}


def traffic(
    n: int = 5_000, shape: tuple[float, float] = (1.2, 0.9), seed: int = 0
) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    score = rng.beta(*shape, n)
    return {
        "score": score,
        "label": (rng.random(n) < score**1.5).astype(int),
        "favourable": (score > 0.5).astype(int),
        "weight": rng.choice([1.0, 5.0], n),
    }


def verdict_of(check: str, limit: float, labelled: EventBatch, **events: Any) -> Verdict:
    detector = make_performance(component(release=limiting(**{check: limit})), None)
    assert detector is not None
    seen = events.get("events", labelled)
    verdicts = detector.judge(view([pane(detector, seen, labelled)]))
    return next(v for v in verdicts if v.check == check)


@pytest.mark.parametrize("shape", [(1.2, 0.9), (0.3, 5.0), (0.2, 0.2)])
@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("check", PEERS)
def test_values_are_scikit_learns(check: str, shape: tuple[float, float], *, sampled: bool) -> None:
    """To 0.2 % of the value (2 % for what bins of a tenth leave small), weighted or not."""
    columns = traffic(shape=shape)
    if not sampled:
        columns["weight"] = np.ones(5_000)
    verdict = verdict_of(check, 0.5, batch(**columns))
    theirs = PEERS[check](columns["label"], columns["score"], columns["weight"])
    found = verdict.raw if verdict.raw is not None else verdict.value
    tolerance = 0.02 if check == "expected_calibration_error" else 2e-3
    assert found == pytest.approx(theirs, rel=tolerance)
    assert (verdict.lower or 0) <= (verdict.value or 0) <= (verdict.upper or 0)


@pytest.mark.parametrize("check", PEERS)
def test_the_side_that_breaches(check: str) -> None:
    """Losses breach above their limit, the others below; beyond it on the good side is ok."""
    events = batch(**traffic())
    value = verdict_of(check, 0.5, events).value or 0.0
    far = 0.05 if check == "expected_calibration_error" else 0.1
    low, high = (
        verdict_of(check, min(max(value + by, 1e-3), 1), events).status for by in (-far, far)
    )
    expected = (Status.OK, Status.BREACH)
    assert (low, high) == (expected[::-1] if check in LOSSES else expected)


@pytest.mark.parametrize("check", SCORED)
def test_scores_that_are_no_probabilities(check: str) -> None:
    """They count for nothing and are named; where there are no others, nothing is said."""
    columns = traffic()
    odd = {**columns, "score": np.where(np.arange(5_000) < 100, [7.0], columns["score"])}
    assert "scores_unusable: 100 " in verdict_of(check, 0.5, batch(**odd)).reason
    none = verdict_of(check, 0.5, batch(**{**columns, "score": np.full(5_000, -3.0)}))
    assert (none.status, none.value) == (Status.INSUFFICIENT, None)
    assert "score in [0, 1]" in none.reason


@pytest.mark.parametrize("check", ["roc_auc", "balanced_accuracy"])
def test_one_kind_of_label_is_not_enough(check: str) -> None:
    """What compares both outcomes needs both."""
    columns = traffic()
    only = verdict_of(check, 0.5, batch(**{**columns, "label": np.ones(5_000)}))
    assert only.status is Status.INSUFFICIENT
    assert only.reason.startswith("no_labels: the window holds no labelled events of both outcomes")


def test_labels_that_come_by_decision_cap_the_area() -> None:
    """ROC AUC survives labels that come by truth, not labels that come by prediction."""
    columns = traffic()
    events = batch(**columns)
    some = np.flatnonzero((columns["favourable"] == 1) | (np.arange(5_000) % 3 > 0))
    verdict = verdict_of("roc_auc", 0.99, events.take(some), events=events)
    assert verdict.status is Status.WARNING
    assert "capped: label coverage" in verdict.reason
    assert "labels_missing: " in verdict.reason


def test_equal_losses_do_not_prove_more_than_they_are() -> None:
    """Few labels with one and the same loss are no breach of a limit just below it."""
    few = batch(label=np.ones(8), score=np.full(8, 0.502), favourable=np.ones(8))
    assert verdict_of("brier_score", 0.24, few).status is Status.INSUFFICIENT


def test_every_number_of_a_single_label_is_finite() -> None:
    """What nothing bounds is absent."""
    one = batch(label=[1], score=[0.4], favourable=[0])
    for check in ("log_loss", "brier_score"):
        verdict = verdict_of(check, 0.1, one)
        assert verdict.upper is None
        assert verdict.status is Status.INSUFFICIENT
        assert verdict.reason.startswith("small: 1 effective events may lie on either side")


@pytest.mark.parametrize("check", list(RateCheck))
def test_limits_are_checked_by_kind(check: RateCheck) -> None:
    """A loss may be above 1, a share may not; nothing may be infinite."""
    assert bool(check.problem(3.0)) == (check.kind is LimitKind.SHARE)
    assert check.problem(float("inf"))
