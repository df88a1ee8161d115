"""Performance measures against scikit-learn, their limits and their caps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn

from detectors.performance.family import Performance, make_performance
from governance.errors import ConfigError
from governance.finding import Status
from tests.detectors.scenes import batch, component, empty_pane, limiting, near, pane, view

FUNCTIONS = {
    "accuracy": sklearn.accuracy_score,
    "precision": sklearn.precision_score,
    "recall": sklearn.recall_score,
    "f1": sklearn.f1_score,
}


def made(**limits: float | str) -> Performance:
    detector = make_performance(component(release=limiting(**limits)), None)
    assert detector is not None
    return detector


def outcomes(n: int = 1_000, right: float = 0.8) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    label = rng.random(n) < 0.4
    return {"label": label, "favourable": np.where(np.arange(n) < right * n, label, ~label)}


@pytest.mark.parametrize("sampled", [False, True])
def test_values_are_scikit_learns(*, sampled: bool) -> None:
    """Accuracy, precision, recall and F1 are scikit-learn's, sampled or not."""
    columns = outcomes()
    weight = np.random.default_rng(4).choice([1.0, 4.0], 1_000) if sampled else np.ones(1_000)
    events, detector = batch(weight=weight, **columns), made(**dict.fromkeys(FUNCTIONS, 0.1))
    verdicts = detector.judge(view([pane(detector, events, events)]))
    for verdict in verdicts:
        truth, prediction = columns["label"], columns["favourable"]
        theirs = FUNCTIONS[verdict.check](truth, prediction, sample_weight=weight)
        assert verdict.value == pytest.approx(float(theirs), abs=1e-9)
        assert (verdict.lower or 0) < (verdict.value or 0) < (verdict.upper or 0)


@pytest.mark.parametrize("check", FUNCTIONS)
def test_below_the_limit_is_a_breach(check: str) -> None:
    """A measure that is surely below its limit breaches, one above it is ok."""
    events = batch(**outcomes(right=0.7))
    reached = []
    for limit in (0.2, 0.95):
        detector = made(**{check: limit})
        verdict = next(
            v for v in detector.judge(view([pane(detector, events, events)])) if v.check == check
        )
        reached.append((verdict.status, verdict.threshold))
    assert reached == [(Status.OK, 0.2), (Status.BREACH, 0.95)]


def test_accuracy_is_shown_where_labels_are_declared() -> None:
    """Without a limit accuracy is shown, ok, "no threshold", if labels are declared."""
    detector = made()
    events = batch(**outcomes())
    (verdict,) = detector.judge(view([pane(detector, events, events)]))
    assert (verdict.check, verdict.status, verdict.reason) == (
        "accuracy",
        Status.OK,
        "no threshold",
    )
    assert (verdict.value, verdict.labels) == (near(0.8), 1_000)


def test_nothing_declared_makes_no_detector() -> None:
    """Neither labels nor limits: nothing is shown."""
    bare = component(signals={"favourable": {"in": ["1"]}})
    assert make_performance(bare, None) is None


def test_few_labels_cap_at_warning() -> None:
    """While less than 90 % of the events are labelled a breach is only a warning."""
    detector, columns = made(accuracy=0.95), outcomes()
    events = batch(**columns)
    labelled = events.take(np.arange(1_000) % 10 != 0).take(np.arange(890))
    (verdict,) = detector.judge(view([pane(detector, events, labelled)]))
    assert verdict.status is Status.WARNING
    assert verdict.reason.startswith("capped: ")
    assert "labels_missing: 110 " in verdict.reason


def test_labels_still_awaited() -> None:
    """Until labels are mature the status is insufficient, with value and bounds."""
    detector, events = made(accuracy=0.95), batch(**outcomes())
    (verdict,) = detector.judge(view([pane(detector, events, events)], labels_mature=False))
    assert (verdict.status, verdict.value) == (Status.INSUFFICIENT, near(0.8))
    assert verdict.reason == "provisional until 2026-01-08T00:00:00Z"


def test_no_labels() -> None:
    """A window without labels is insufficient and says what is missing."""
    detector, events = made(precision=0.5), batch(**outcomes())
    verdicts = detector.judge(view([pane(detector, events)]))
    assert [v.reason for v in verdicts] == [
        "no_labels: the window holds no labelled events",
        "no_labels: the window holds no labelled events predicted favourable",
    ]


def test_no_events() -> None:
    """A pane without events is insufficient."""
    (verdict,) = made(accuracy=0.5).judge(view([empty_pane()]))
    assert verdict.reason == "no_events: the window holds no event"


def test_favourable_not_declared() -> None:
    """A limit on accuracy without signals.favourable names the key to add."""
    detector = make_performance(component(signals={}, release=limiting(accuracy=0.9)), None)
    assert detector is not None
    events = batch(**outcomes())
    (verdict,) = detector.judge(view([pane(detector, events, events)]))
    assert verdict.reason.startswith("favourable_not_declared: ")


def test_a_limit_that_is_no_share_is_refused() -> None:
    """A limit outside [0, 1] is an error that says what to write."""
    with pytest.raises(ConfigError, match=r"limit 85 of accuracy.*\[0, 1\]"):
        made(accuracy=85)
