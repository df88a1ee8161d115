"""Questions that are judged side by side, against each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.fairness.cells import PREFIX
from detectors.fairness.difference import Difference
from detectors.fairness.family import Fairness, make_fairness
from detectors.fairness.group_rates import GroupRates, find_limits
from detectors.fairness.groups import read_groups
from detectors.fairness.look import look
from detectors.fairness.parity import parity
from detectors.fairness.ratio import Ratio
from detectors.trailing import trailing_windows
from governance.component.metrics import FairnessMetric
from tests.detectors.scenes import VOCABULARY, batch, component, judging, pane, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.base import WindowView
    from detectors.fairness.groups import Groups
    from detectors.fairness.parity import Form
    from detectors.trailing import Trailing
    from governance.event import EventBatch


def everything() -> Fairness:
    thresholds = {
        metric.value: 0.8 if metric.value.endswith("_ratio") else 0.1
        for metric in FairnessMetric
        if not metric.asks_the_model
    }
    bias = judging(thresholds=thresholds, intersections=[["sex", "race"]], minimumGroupSize=20)
    detector = make_fairness(component(governance=bias), None)
    assert detector is not None
    return detector


def people(rng: np.random.Generator, n: int, gap: float) -> EventBatch:
    sex, race = rng.integers(-1, 2, n), rng.integers(0, 3, n)
    score = np.clip(rng.beta(2, 2, n) + gap * (sex == 1), 0, 1)
    return batch(
        sex=sex,
        race=race,
        score=score,
        favourable=rng.random(n) < score,
        label=rng.random(n) < np.clip(score - gap * (race == 1), 0, 1),
        weight=rng.choice([1.0, 3.0], n),
    )


@pytest.mark.parametrize("gap", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("n", [30, 150, 2_000])
def test_side_by_side_is_one_by_one(n: int, gap: float) -> None:
    """Status, window and numbers are those of a question that nobody shares anything with."""
    rng = np.random.default_rng(n)
    detector = everything()
    events = [people(rng, n, gap * (i > 3)) for i in range(9)]
    looked = view([pane(detector, e, e, number=i) for i, e in enumerate(events)])
    answers = look(detector.questions, (_reader(detector, w, looked) for w in _ladder(looked)))
    for question, answer in zip(detector.questions, answers, strict=True):
        groups = [_reader(detector, w, looked)(question.subject) for w in _ladder(looked)]
        alone = parity(map(question.window, groups), question.rule)
        assert (answer.question, answer.status) == (question, alone.status)
        assert (answer.shown is None) == (alone.shown is None)
        if answer.shown is not None and alone.shown is not None:
            assert answer.groups.panes == answer.shown.panes == alone.shown.panes
            form = question.metric.form
            assert answer.shown.point(form) == alone.shown.point(form)
            assert answer.shown.bounds(form) == alone.shown.bounds(form)


@pytest.mark.parametrize("form", [Difference(), Ratio()])
def test_no_claim_goes_beyond_its_reach(form: Form) -> None:
    """A window whose rates cannot breach has no claim that would, at any error and size."""
    rng = np.random.default_rng(7)
    for _ in range(300):
        sizes = rng.integers(1, 400, rng.integers(2, 8)).astype(float) * rng.choice([1.0, 1.37])
        rates = GroupRates(np.floor(sizes * rng.random(len(sizes))), sizes)
        claim = form.claim(rates, rng.choice([1e-6, 0.01, 0.4]))
        assert form.worst((claim, form.reach(rates))) == form.reach(rates)


def test_limits_that_are_asked_together_are_those_of_one() -> None:
    """One call for all groups and errors gives each the limits that it would ask for itself."""
    rng = np.random.default_rng(8)
    sizes = [rng.integers(1, 500, k).astype(float) for k in (2, 5, 9)]
    rates = [GroupRates(np.floor(n * rng.random(len(n))), n) for n in sizes]
    asked = [(r, error) for r in rates for error in (0.025, 1e-5)]
    find_limits(asked)
    for r, error in asked:
        alone = GroupRates(r.successes, r.sizes).limits(error)
        assert np.array_equal(r.limits_by_error[error], alone)


def _ladder(looked: WindowView) -> list[Trailing]:
    return list(trailing_windows(looked, PREFIX))


def _reader(detector: Fairness, window: Trailing, looked: WindowView) -> Callable[[str], Groups]:
    subjects = {subject.name: subject for subject in detector.subjects}
    read: dict[str, Groups] = {}

    def groups(name: str) -> Groups:
        if name not in read:
            read[name] = read_groups(window, subjects[name], looked.vocabulary or VOCABULARY)
        return read[name]

    return groups
