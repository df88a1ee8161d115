"""Estimates without labels: right where scores are probabilities, never more than a warning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from detectors.performance.estimated import ASSUMPTION, Estimated, make_estimates
from detectors.performance.family import make_performance
from detectors.reference import Reference, build_reference
from detectors.score_bins import CENTRES
from detectors.stats.isotonic import rising_shares
from governance.component.metrics import RateCheck
from governance.finding import Status
from tests.detectors.scenes import batch, component, limiting, pane, view

ESTIMATED = tuple(check.value for check in RateCheck if check.is_estimate)


def traffic(n: int, *, power: float = 1.0, low: float = 0.3, seed: int = 0) -> dict[str, Any]:
    """Scores whose meaning is score ** power."""
    rng = np.random.default_rng(seed)
    score = low + (1 - low) * rng.beta(0.8, 1.1, n)
    return {
        "score": score,
        "favourable": (score > 0.55).astype(int),
        "label": (rng.random(n) < score**power).astype(int),
    }


def estimates(limit: float = 0.1, reference: Reference | None = None) -> Estimated:
    limits = dict.fromkeys(ESTIMATED, limit)
    made = make_estimates(component(release=limiting(**limits)), reference)
    assert made is not None
    return made


def labelled_reference(**how: Any) -> Reference:
    return build_reference(batch(**traffic(20_000, **how)), component()).for_version("1")


def measured(columns: dict[str, Any]) -> dict[str, float]:
    """What labels say, by the name of the estimate."""
    names = [name.removeprefix("estimated_") for name in ESTIMATED]
    detector = make_performance(component(release=limiting(**dict.fromkeys(names, 0.1))), None)
    assert detector is not None
    events = batch(**columns)
    verdicts = detector.judge(view([pane(detector, events, events)]))
    return {f"estimated_{v.check}": v.value or 0.0 for v in verdicts}


@pytest.mark.parametrize("weighted", [False, True])
def test_estimates_meet_what_labels_say(*, weighted: bool) -> None:
    """With calibrated scores every estimate is within noise of the measure, without a label."""
    columns = traffic(40_000)
    if weighted:
        columns["weight"] = np.random.default_rng(1).choice([1.0, 3.0], 40_000)
    truth, detector = measured(columns), estimates()
    events = batch(**{name: column for name, column in columns.items() if name != "label"})
    verdicts = detector.judge(view([pane(detector, events)]))
    assert {v.check for v in verdicts} == set(ESTIMATED)
    for verdict in verdicts:
        assert verdict.value == pytest.approx(truth[verdict.check], abs=0.012)
        assert (verdict.lower or 0) < (verdict.value or 0) < (verdict.upper or 0)
        assert verdict.reason == ASSUMPTION


def test_the_reference_teaches_what_a_score_means() -> None:
    """Scores that promise too much mislead alone, and not beside a reference with labels."""
    columns = traffic(40_000, power=2.5, seed=3)
    truth, events = measured(columns), batch(**columns)
    off = []
    for reference in (None, labelled_reference(power=2.5)):
        detector = estimates(reference=reference)
        verdicts = detector.judge(view([pane(detector, events)]))
        off.append(max(abs((v.value or 0) - truth[v.check]) for v in verdicts))
    assert off[0] > 0.1
    assert off[1] < 0.015
    assert "calibrated: on 20,000 labels of the reference, version 1" in verdicts[0].reason


def test_few_labels_teach_nothing() -> None:
    """A reference with fewer than 1,000 labels leaves scores as they are."""
    few = build_reference(batch(**traffic(900)), component()).for_version("1")
    assert (estimates(reference=few).meaning == CENTRES).all()


def test_an_estimate_is_at_most_a_warning() -> None:
    """However far below its limit."""
    detector, events = estimates(limit=0.99), batch(**traffic(5_000))
    verdicts = detector.judge(view([pane(detector, events)]))
    assert {v.status for v in verdicts} == {Status.WARNING}


def test_events_without_scores_estimate_nothing() -> None:
    """It says which signal is missing."""
    columns = traffic(500)
    detector, events = estimates(), batch(favourable=columns["favourable"])
    verdicts = detector.judge(view([pane(detector, events)]))
    assert {v.status for v in verdicts} == {Status.INSUFFICIENT}
    assert all("spec.signals.score" in v.reason for v in verdicts)


def test_rising_shares_are_the_isotonic_regression() -> None:
    """As scikit-learn fits them."""
    rng = np.random.default_rng(5)
    total = rng.integers(0, 40, 254).astype(float)
    favourable = rng.binomial(total.astype(int), CENTRES).astype(float)
    theirs = IsotonicRegression().fit_transform(
        np.arange(254), (favourable + CENTRES) / (total + 1), sample_weight=total + 1
    )
    assert rising_shares(favourable, total, CENTRES) == pytest.approx(theirs, abs=1e-12)
