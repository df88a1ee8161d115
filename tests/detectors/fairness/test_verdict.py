"""What a fairness finding says, and when it says that it cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.fairness.family import Fairness, make_fairness
from governance.errors import ConfigError
from governance.finding import Status
from tests.detectors.scenes import batch, component, empty_pane, judging, near, pane, view

if TYPE_CHECKING:
    from governance.event import EventBatch
    from governance.finding import Verdict

PARITY, OPPORTUNITY = "demographic_parity_difference", "equal_opportunity_difference"
PREDICTIVE = "predictive_parity_difference"


def made(**bias: Any) -> Fairness:
    detector = make_fairness(component(governance=judging(**bias)), None)
    assert detector is not None
    return detector


def people(*cells: tuple[int, int, int, int]) -> EventBatch:
    """Events by (sex, favourable, label, how many)."""
    sex, favourable, label, repeat = zip(*cells, strict=True)
    return batch(
        sex=np.repeat(sex, repeat),
        favourable=np.repeat(favourable, repeat),
        label=np.repeat(label, repeat),
    )


def rates(female: float, male: float, n: int = 400) -> EventBatch:
    """Women and men, n each, of whom these shares are predicted favourable; labels are 1."""
    yes = [round(share * n) for share in (female, male)]
    return people(
        (0, 1, 1, yes[0]), (0, 0, 1, n - yes[0]), (1, 1, 1, yes[1]), (1, 0, 1, n - yes[1])
    )


def judged(detector: Fairness, *events: EventBatch, **looked: Any) -> Verdict:
    panes = [pane(detector, e, e, number=i) for i, e in enumerate(events)]
    (verdict,) = detector.judge(view(panes, **looked))
    return verdict


def test_equal_groups_are_ok() -> None:
    """Groups treated alike give ok without a reason, with every group's rate and interval."""
    verdict = judged(made(thresholds={PARITY: 0.1}, groups=["sex"]), rates(0.5, 0.5))
    assert (verdict.status, verdict.reason, verdict.value) == (Status.OK, "", 0)
    assert [(g.group, g.events, g.rate) for g in verdict.groups] == [
        ("female", 400, 0.5),
        ("male", 400, 0.5),
    ]
    assert all((g.lower or 0) < 0.5 < (g.upper or 0) for g in verdict.groups)


def test_a_large_difference_is_a_breach() -> None:
    """A difference well above its threshold breaches in one window."""
    verdict = judged(made(thresholds={PARITY: 0.1}, groups=["sex"]), rates(0.2, 0.7))
    assert (verdict.status, verdict.value) == (Status.BREACH, near(0.5))
    assert (verdict.events, verdict.effective_events, verdict.panes) == (800, 800, 1)


def test_a_small_one_needs_more_panes() -> None:
    """A difference that one pane cannot prove breaches over several, and says over how many."""
    detector = made(thresholds={PARITY: 0.1}, groups=["sex"])
    assert judged(detector, rates(0.41, 0.59)).status is not Status.BREACH
    verdict = judged(detector, *[rates(0.41, 0.59)] * 8)
    assert (verdict.status, verdict.panes, verdict.events) == (Status.BREACH, 4, 800)


def test_more_judged_pairs_ask_for_more_evidence() -> None:
    """The false-alarm budget is shared by all (attribute, metric) pairs of the version."""
    alone = made(thresholds={PARITY: 0.1}, groups=["sex"])
    together = made(thresholds={PARITY: 0.1, OPPORTUNITY: 0.1}, intersections=[["sex", "race"]])
    budgets = [detector.questions[0].rule.breach_error for detector in (alone, together)]
    assert budgets[0] == pytest.approx(6 * budgets[1])
    assert budgets[0] == pytest.approx(1 / 7_000)


def test_without_a_threshold_it_is_shown_and_never_judged() -> None:
    """A metric without a threshold is ok with the reason "no threshold", however unfair."""
    verdict = judged(made(metrics=[PARITY], groups=["sex"]), rates(0.1, 0.9))
    assert (verdict.status, verdict.reason) == (Status.OK, "no threshold")
    assert (verdict.threshold, verdict.value) == (None, near(0.8))


def test_judged_metrics_are_not_shown_twice() -> None:
    """A metric that is both judged and listed gives one verdict, judged."""
    verdict = judged(made(thresholds={PARITY: 0.1}, metrics=[PARITY], groups=["sex"]), rates(0, 1))
    assert verdict.status is Status.BREACH


def test_nothing_declared_makes_no_detector() -> None:
    """A component without fairness metrics has no fairness detector."""
    assert make_fairness(component(), None) is None


def test_favourable_not_declared() -> None:
    """Without signals.favourable every question is insufficient and names the key to add."""
    undeclared = component(
        signals={"groups": {"sex": "column:sex"}}, governance=judging(thresholds={PARITY: 0.1})
    )
    detector = make_fairness(undeclared, None)
    assert detector is not None
    verdict = judged(detector, rates(0.1, 0.9))
    assert verdict.status is Status.INSUFFICIENT
    assert verdict.reason.startswith("favourable_not_declared: ")
    assert "spec.signals.favourable" in verdict.reason


def test_groups_not_declared() -> None:
    """Thresholds without groups give one insufficient finding per metric, naming the key."""
    undeclared = component(
        signals={"favourable": {"in": ["1"]}},
        governance=judging(thresholds={PARITY: 0.1, OPPORTUNITY: 0.1}, metrics=[PREDICTIVE]),
    )
    detector = make_fairness(undeclared, None)
    assert detector is not None
    verdicts = detector.judge(view([pane(detector, rates(0.1, 0.9))]))
    assert [(v.check, v.subject, v.status) for v in verdicts] == [
        (name, "", Status.INSUFFICIENT) for name in (PARITY, OPPORTUNITY, PREDICTIVE)
    ]
    assert "spec.signals.groups" in verdicts[0].reason


def test_labels_still_awaited() -> None:
    """A label-based check is provisional, with value and bounds, until its labels are mature."""
    detector = made(thresholds={OPPORTUNITY: 0.1}, groups=["sex"])
    verdict = judged(detector, rates(0.1, 0.9), labels_mature=False)
    assert verdict.status is Status.INSUFFICIENT
    assert verdict.reason == "provisional until 2026-01-08T00:00:00Z"
    assert (verdict.value, verdict.lower is not None) == (near(0.8), True)


def test_label_free_checks_do_not_wait() -> None:
    """Demographic parity is judged at once, labels or not."""
    detector = made(thresholds={PARITY: 0.1}, groups=["sex"])
    verdict = judged(detector, rates(0.1, 0.9), labels_mature=False)
    assert (verdict.status, verdict.labels) == (Status.BREACH, None)


def test_lost_telemetry() -> None:
    """A newest pane that lost more than maxLoss is insufficient; exactly maxLoss is not."""
    detector, events = made(thresholds={PARITY: 0.1}, groups=["sex"]), rates(0.1, 0.9)
    statuses = {}
    for share in (0.05, 0.051):
        (verdict,) = detector.judge(view([pane(detector, events, lost_share=share)]))
        statuses[share] = verdict.status, verdict.reason.partition(":")[0]
    assert statuses == {0.05: (Status.BREACH, ""), 0.051: (Status.INSUFFICIENT, "lost")}


def test_no_events() -> None:
    """A pane without events is insufficient, though older panes are full."""
    detector = made(thresholds={PARITY: 0.1}, groups=["sex"])
    panes = [pane(detector, rates(0.1, 0.9)), empty_pane(1)]
    (verdict,) = detector.judge(view(panes))
    assert (verdict.status, verdict.reason) == (
        Status.INSUFFICIENT,
        "no_events: the window holds no event",
    )


def test_too_small_groups_are_named() -> None:
    """Where fewer than two groups are large enough, the reason names their sizes."""
    events = people((0, 1, 1, 500), (1, 0, 1, 12))
    verdict = judged(made(thresholds={PARITY: 0.1}, groups=["sex"]), events)
    assert verdict.status is Status.INSUFFICIENT
    assert verdict.reason == (
        "groups_too_small: fewer than two groups have 30 events with a prediction "
        "(female 500, male 12)"
    )


def test_the_minimum_is_of_the_denominator() -> None:
    """For equal opportunity a group needs 30 labelled positives, not 30 events."""
    events = people((0, 1, 1, 500), (1, 1, 0, 500), (1, 1, 1, 29))
    verdict = judged(made(thresholds={OPPORTUNITY: 0.1}, groups=["sex"]), events)
    assert verdict.reason.startswith("groups_too_small: fewer than two groups have 30 events label")


def test_missing_labels_are_counted_and_bounded() -> None:
    """The finding says how many labels are missing and the value if all were 0 or 1."""
    detector = made(thresholds={OPPORTUNITY: 0.2}, groups=["sex"])
    events = people((0, 1, 1, 100), (0, 0, 1, 100), (1, 1, 1, 100), (1, 0, 1, 100))
    labelled = people((0, 1, 1, 90), (0, 0, 1, 90), (1, 1, 1, 90), (1, 0, 1, 90))
    (verdict,) = detector.judge(view([pane(detector, events, labelled)]))
    assert verdict.reason == "labels_missing: 40 (value 0 if all were 0, 0 if all were 1)"
    assert (verdict.labels, verdict.label_coverage) == (360, near(0.9))


def test_labels_that_follow_decisions_cap_equal_opportunity() -> None:
    """Coverage that differs by more than .1 between a group's predictions caps at warning."""
    detector = made(thresholds={OPPORTUNITY: 0.1}, groups=["sex"])
    events, labelled = rates(0.2, 0.8), people((0, 1, 1, 80), (0, 0, 1, 256), (1, 1, 1, 320))
    labelled_all = people((0, 1, 1, 80), (0, 0, 1, 320), (1, 1, 1, 320), (1, 0, 1, 80))
    reached = {}
    for name, label in (("some", labelled), ("all", labelled_all)):
        (verdict,) = detector.judge(view([pane(detector, events, label)]))
        reached[name] = verdict.status, "capped: label coverage differs" in verdict.reason
    assert reached == {"some": (Status.WARNING, True), "all": (Status.BREACH, False)}


def test_incomplete_labels_cap_predictive_parity() -> None:
    """Predictive parity is capped at warning while a kept group's coverage is below 90 %."""
    detector = made(thresholds={PREDICTIVE: 0.1}, groups=["sex"])
    events = people((0, 1, 1, 400), (0, 0, 1, 400), (1, 1, 0, 400), (1, 0, 0, 400))
    reached = {}
    for keep in (350, 370):
        labelled = people((0, 1, 1, keep), (0, 0, 1, keep), (1, 1, 0, keep), (1, 0, 0, keep))
        (verdict,) = detector.judge(view([pane(detector, events, labelled)]))
        reached[keep] = verdict.status
    assert reached == {350: Status.WARNING, 370: Status.BREACH}


def test_equalised_odds_says_which_rate_is_worse() -> None:
    """The value of equalised odds is the worse rate's, which the reason names."""
    events = people(
        (0, 1, 1, 100), (0, 0, 1, 100), (1, 1, 1, 110), (1, 0, 1, 90),
        (0, 1, 0, 20), (0, 0, 0, 180), (1, 1, 0, 60), (1, 0, 0, 140),
    )  # fmt: skip
    verdict = judged(made(metrics=["equalized_odds_difference"], groups=["sex"]), events)
    assert verdict.value == pytest.approx(0.2)
    assert verdict.reason == "no threshold; worst_rate: false_positive"
    assert [g.rate for g in verdict.groups] == [pytest.approx(0.1), pytest.approx(0.3)]


def test_intersections_are_subjects() -> None:
    """An intersection is a subject of its own, named by its attributes."""
    detector = made(metrics=[PARITY], intersections=[["sex", "race"]])
    subjects = [question.subject for question in detector.questions]
    assert subjects == ["sex", "race", "sex \N{MULTIPLICATION SIGN} race"]


def test_unknown_metrics_are_refused() -> None:
    """A metric that does not exist is an error that lists those that do."""
    with pytest.raises(ConfigError, match=r"'parity'.*demographic_parity_difference"):
        made(thresholds={"parity": 0.1})


def test_unknown_attributes_are_refused() -> None:
    """An attribute that no signal declares is an error that lists those that are."""
    with pytest.raises(ConfigError, match=r"'age'.*sex, race"):
        made(thresholds={PARITY: 0.1}, groups=["age"])


def test_an_incident_that_is_over_ends_with_it() -> None:
    """Once a newer, shorter window proves parity, older panes no longer breach."""
    detector = made(thresholds={PARITY: 0.2}, groups=["sex"])
    verdict = judged(detector, *[rates(0.2, 0.8, n=1_000)] * 7, rates(0.5, 0.5, n=1_000))
    assert (verdict.status, verdict.panes) == (Status.OK, 1)


def test_sliding_panes_wait_for_the_first_window() -> None:
    """With every: 1h, slide: 30m nothing is judged before two panes; then windows are of two."""
    declared = component(
        governance=judging(thresholds={PARITY: 0.1}, groups=["sex"]),
        monitoring={"windows": {"every": "1h", "slide": "30m"}},
    )
    detector = make_fairness(declared, None)
    assert detector is not None
    first = judged(detector, rates(0.1, 0.9))
    assert first.reason == "filling: the first window holds 1 of its 2 panes"
    second = judged(detector, rates(0.1, 0.9), rates(0.1, 0.9))
    assert (second.status, second.panes, second.effective_events) == (Status.BREACH, 2, 1_600)
