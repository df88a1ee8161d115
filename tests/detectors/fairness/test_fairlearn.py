"""Every metric that Fairlearn has, against Fairlearn itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairlearn import metrics as fairlearn

from detectors.fairness.family import make_fairness
from governance.component.metrics import FairnessMetric
from tests.detectors.scenes import batch, component, judging, merged, pane, view

if TYPE_CHECKING:
    from detectors.fairness.family import Fairness
    from governance.event import EventBatch

FUNCTIONS = {
    FairnessMetric.ACCURACY_SCORE_DIFFERENCE: fairlearn.accuracy_score_difference,
    FairnessMetric.ACCURACY_SCORE_RATIO: fairlearn.accuracy_score_ratio,
    FairnessMetric.DEMOGRAPHIC_PARITY_DIFFERENCE: fairlearn.demographic_parity_difference,
    FairnessMetric.DEMOGRAPHIC_PARITY_RATIO: fairlearn.demographic_parity_ratio,
    FairnessMetric.EQUAL_OPPORTUNITY_DIFFERENCE: fairlearn.equal_opportunity_difference,
    FairnessMetric.EQUAL_OPPORTUNITY_RATIO: fairlearn.equal_opportunity_ratio,
    FairnessMetric.EQUALIZED_ODDS_DIFFERENCE: fairlearn.equalized_odds_difference,
    FairnessMetric.EQUALIZED_ODDS_RATIO: fairlearn.equalized_odds_ratio,
    FairnessMetric.FALSE_POSITIVE_RATE_DIFFERENCE: fairlearn.false_positive_rate_difference,
    FairnessMetric.FALSE_POSITIVE_RATE_RATIO: fairlearn.false_positive_rate_ratio,
}


def everyone(n: int = 4_000, *, sampled: bool = False) -> EventBatch:
    """Events in which rates differ by sex and race."""
    rng = np.random.default_rng(8)
    sex, race = rng.integers(0, 2, n), rng.integers(0, 3, n)
    label = rng.random(n) < 0.3 + 0.2 * sex
    favourable = rng.random(n) < 0.2 + 0.3 * label + 0.1 * race
    weight = rng.choice([1.0, 2.0, 8.0], n) if sampled else np.ones(n)
    return batch(sex=sex, race=race, label=label, favourable=favourable, weight=weight)


def fairness(metric: FairnessMetric, *attributes: str) -> Fairness:
    governance = judging(
        metrics=[metric.value], groups=list(attributes), intersections=[["sex", "race"]]
    )
    detector = make_fairness(component(governance=governance), None)
    assert detector is not None
    return detector


def theirs(metric: FairnessMetric, events: EventBatch, sensitive: Any) -> float:
    columns = events.columns
    weight = columns["weight"].values if "weight" in columns else None
    return float(
        FUNCTIONS[metric](
            columns["label"].values,
            columns["favourable"].values,
            sensitive_features=sensitive,
            sample_weight=weight,
        )
    )


@pytest.mark.parametrize("metric", FUNCTIONS)
@pytest.mark.parametrize("sampled", [False, True])
def test_values_are_fairlearns(metric: FairnessMetric, *, sampled: bool) -> None:
    """Per attribute and intersection, sampled or not, the value is Fairlearn's to 1e-9."""
    people, detector = everyone(sampled=sampled), fairness(metric, "sex", "race")
    sex, race = (people.columns[f"group.{a}"].values for a in ("sex", "race"))
    sensitive = (sex, race, 3 * sex + race)
    verdicts = detector.judge(view([pane(detector, people, people)]))
    assert [v.value for v in verdicts] == [
        pytest.approx(theirs(metric, people, groups), abs=1e-9) for groups in sensitive
    ]


def test_labels_may_come_in_any_order_and_in_parts() -> None:
    """Labels that are added shuffled and in parts change no verdict."""
    people = everyone()
    detector = fairness(FairnessMetric.EQUAL_OPPORTUNITY_DIFFERENCE, "sex")
    at_once = pane(detector, people, people)
    order = np.random.default_rng(1).permutation(people.n)
    parts = [pane(detector, people.take(part), people.take(part)) for part in np.split(order, 8)]
    assert detector.judge(view([merged(parts)])) == detector.judge(view([at_once]))
