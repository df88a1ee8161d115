"""Calibration within groups, against a counter that goes event by event."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.fairness.calibration import largest_square
from detectors.fairness.family import Fairness, make_fairness
from detectors.fairness.score_cells import SCORE_BINS
from governance.finding import Status
from tests.detectors.scenes import VOCABULARY, batch, component, judging, merged, pane, view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from governance.event import EventBatch
    from governance.finding import Verdict

METRIC = "calibration_within_groups_difference"


def made(**bias: object) -> Fairness:
    detector = make_fairness(component(governance=judging(**bias)), None)
    assert detector is not None
    return detector


def scored(n: int = 3_000, *, off: float = 0.0, sampled: bool = False) -> EventBatch:
    """Scores of three races, of which the last is favoured by ``off`` less than scores say."""
    rng = np.random.default_rng(12)
    race = rng.integers(0, 3, n)
    score = (rng.integers(0, 100, n) + 0.5) / 100
    label = rng.random(n) < np.clip(score - off * (race == 2), 0, 1)
    weight = rng.choice([1.0, 2.0, 8.0], n) if sampled else np.ones(n)
    return batch(race=race, score=score, label=label, favourable=score >= 0.5, weight=weight)


def judged(detector: Fairness, events: EventBatch) -> Verdict:
    (verdict,) = detector.judge(view([pane(detector, events, events)]))
    return verdict


def slow(events: EventBatch) -> list[list[tuple[float, float]]]:
    """Per bin and race: favourable share less mean score by weight, and the share's variance."""
    race, score, label, weight = (
        events.columns[name].values for name in ("group.race", "score", "label", "weight")
    )
    bins: list[list[tuple[float, float]]] = []
    for number in range(SCORE_BINS):
        inside = (score >= number / SCORE_BINS) & (score < (number + 1) / SCORE_BINS)
        gaps = []
        for code in range(3):
            rows = inside & (race == code)
            w, y = weight[rows], label[rows]
            share = float((w * y).sum() / w.sum())
            gap = share - float((w * score[rows]).sum() / w.sum())
            gaps.append((gap, share * (1 - share) / (rows.sum() - 1)))
        bins.append(gaps)
    return bins


@pytest.mark.parametrize("sampled", [False, True])
def test_the_raw_value_is_the_largest_gap_of_two_groups_in_one_bin(*, sampled: bool) -> None:
    """Sampled or not, raw equals what counting event by event gives."""
    events = scored(off=0.2, sampled=sampled)
    verdict = judged(made(metrics=[METRIC], groups=["race"]), events)
    gaps = [[gap for gap, _ in groups] for groups in slow(events)]
    assert verdict.raw == pytest.approx(max(max(g) - min(g) for g in gaps), abs=1e-6)


def test_the_value_has_the_noise_of_both_groups_taken_out() -> None:
    """value^2 is the largest D^2 - c Var(D) over pairs and bins; of 15 squares c is at its cap."""
    events = scored(off=0.2)
    verdict = judged(made(metrics=[METRIC], groups=["race"]), events)
    squared = [
        (a - b) ** 2 - 1.96**2 * (va + vb)
        for groups in slow(events)
        for (a, va), (b, vb) in permutations(groups, 2)
    ]
    assert verdict.value == pytest.approx(np.sqrt(max(squared)), abs=1e-6)
    assert 0.1 < (verdict.value or 0) < (verdict.raw or 0)


def test_a_group_that_scores_promise_too_much_is_a_breach() -> None:
    """Three tenths off in one group breach a limit of .1, and the finding shows that group."""
    verdict = judged(made(thresholds={METRIC: 0.1}, groups=["race"]), scored(6_000, off=0.4))
    assert verdict.status is Status.BREACH
    assert "worst_rate: score" in verdict.reason
    rates = {group.group: group.rate or 0.0 for group in verdict.groups}
    assert rates["white"] < -0.2 < min(rates["asian"], rates["black"])


def test_all_off_alike_is_no_difference() -> None:
    """Scores that promise too much to everyone are unfair to nobody."""
    rng = np.random.default_rng(2)
    score = (rng.integers(30, 100, 6_000) + 0.5) / 100
    race = rng.integers(0, 3, 6_000)
    label = rng.random(6_000) < score - 0.25
    events = batch(race=race, score=score, label=label, favourable=score > 0.5)
    verdict = judged(made(thresholds={METRIC: 0.1}, groups=["race"]), events)
    assert verdict.status is Status.OK
    assert (verdict.value or 0) < 0.08


def ends_of_one_bin() -> EventBatch:
    """All women score .61 and all men .79, and that part of each is favourable."""
    n = 1_000
    score = np.repeat([0.61, 0.79], n)
    label = np.concatenate([np.arange(n) < 610, np.arange(n) < 790])
    return batch(sex=np.repeat([0, 1], n), score=score, label=label, favourable=label)


def test_groups_at_different_ends_of_a_bin_are_calibrated() -> None:
    """What a bin holds is compared with the scores in it, not with its centre."""
    verdict = judged(made(thresholds={METRIC: 0.05}, groups=["sex"]), ends_of_one_bin())
    assert verdict.status is Status.OK
    assert verdict.raw == pytest.approx(0, abs=1e-6)


def test_bins_that_hold_one_group_are_left_out() -> None:
    """Only bins in which two groups are large enough are compared; one is enough."""
    extra = batch(sex=[0] * 50, score=[0.1] * 50, label=[0] * 50, favourable=[0] * 50)
    both = ends_of_one_bin()
    detector = made(metrics=[METRIC], groups=["sex"])
    panes = [pane(detector, part, part) for part in (both, extra)]
    (verdict,) = detector.judge(view([merged(panes)]))
    assert verdict.raw == pytest.approx(0, abs=1e-6)
    assert [group.events for group in verdict.groups] == [1_000, 1_000]


@pytest.mark.parametrize("scores", [[np.nan] * 200, [1.5] * 200, [-0.1] * 200])
def test_without_scores_it_says_where_to_declare_them(scores: Sequence[float]) -> None:
    """Scores that are missing or outside [0, 1] are insufficient, with the remedy."""
    ones = np.ones(200)
    events = batch(sex=np.arange(200) % 2, score=scores, label=ones, favourable=ones)
    verdict = judged(made(thresholds={METRIC: 0.1}, groups=["sex"]), events)
    assert verdict.status is Status.INSUFFICIENT
    assert "scores_missing" in verdict.reason
    assert "spec.signals.score" in verdict.reason


def test_without_labels_it_says_that_groups_are_too_small() -> None:
    """Scores without any label: no bin has labelled events."""
    events = scored()
    detector = made(thresholds={METRIC: 0.1}, groups=["race"])
    (verdict,) = detector.judge(view([pane(detector, events)]))
    assert verdict.status is Status.INSUFFICIENT
    assert verdict.reason.startswith("groups_too_small: fewer than two groups have 30 labelled")


def test_a_breach_is_capped_while_labels_are_missing() -> None:
    """Labels of seven tenths of the events: at most a warning, and how many are missing."""
    events = scored(8_000, off=0.4)
    detector = made(thresholds={METRIC: 0.1}, groups=["race"])
    (verdict,) = detector.judge(view([pane(detector, events, events.take(np.arange(5_600)))]))
    assert verdict.status is Status.WARNING
    assert "capped: a breach needs labels for 90 %" in verdict.reason
    assert "labels_missing: 2400" in verdict.reason


def test_parts_add_up() -> None:
    """Labels in any order and in parts give the same finding."""
    events = scored(off=0.2, sampled=True)
    detector = made(metrics=[METRIC], groups=["race"], intersections=[["race", "sex"]])
    order = np.random.default_rng(1).permutation(events.n)
    parts = [pane(detector, events.take(p), events.take(p)) for p in np.split(order, 6)]
    whole = detector.judge(view([pane(detector, events, events)]))
    assert detector.judge(view([merged(parts)])) == whole


def test_what_nobody_asks_for_is_not_counted() -> None:
    """Without the metric there are no arrays of scores."""
    events = scored()
    sums = made(thresholds={"accuracy_score_difference": 0.1}).add_outcomes(events)
    assert not [name for name in sums if name.endswith((".calibration", ".scores"))]


def test_cells_are_bounded() -> None:
    """A group takes five bins, whatever the scores: 20 numbers."""
    sums = made(metrics=[METRIC], groups=["race"]).add_outcomes(scored())
    kept = {name: a for name, a in sums.items() if name.endswith((".calibration", ".scores"))}
    groups = len(VOCABULARY["race"]) + 2
    assert sum(array.size for array in kept.values()) == groups * SCORE_BINS * 4


def test_the_largest_of_many_squares_is_what_it_is_by_chance() -> None:
    """The mean of the largest of five or eight chi-squares within a tenth; one is exact."""
    squares = np.random.default_rng(3).normal(size=(20_000, 8)) ** 2
    for count in (1, 5, 8):
        drawn = squares[:, :count].max(axis=1).mean()
        assert largest_square(count) == pytest.approx(drawn, rel=0.1)
    assert largest_square(1) == 1
    assert largest_square(10_000) == 1.96**2
