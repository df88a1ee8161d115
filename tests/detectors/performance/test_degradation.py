"""Degradation: what a reference keeps of its labelled rows, and how windows compare with it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.performance.family import Performance, make_performance
from detectors.profile import parse_profile, profile_text
from detectors.reference import Reference, build_reference, canonical_json
from governance.errors import ConfigError
from governance.event import Column, EventBatch
from governance.finding import Status, Verdict
from tests.detectors.scenes import batch, component, limiting, near, pane, view

if TYPE_CHECKING:
    from governance.component.schema import Component

LIMITS = {"accuracy": 0.1, "brier_score": 0.9, "log_loss": 9.0, "degradation": 0.05}


def rows(n: int = 4_000, *, skill: float = 1.0, seed: int = 0) -> EventBatch:
    rng = np.random.default_rng(seed)
    score = rng.random(n)
    label = rng.random(n) < 0.5 + (score - 0.5) * skill
    return batch(score=score, favourable=score > 0.5, label=label)


def declared(**limits: float) -> Component:
    return component(release=limiting(**(limits or LIMITS)))


def reference(events: EventBatch | None = None, version: str = "1") -> Reference:
    return build_reference(rows() if events is None else events, declared(), version=version)


def made(known: Reference | None, **limits: float) -> Performance:
    detector = make_performance(declared(**limits), known)
    assert detector is not None
    return detector


def verdicts(detector: Performance, events: EventBatch) -> dict[str, Verdict]:
    """Degradation by measure."""
    found = detector.judge(view([pane(detector, events, events)]))
    return {v.subject: v for v in found if v.check == "degradation"}


def test_a_share_by_difference_a_loss_by_part() -> None:
    """The value is what it says, above 0 is worse, both sides' noise is in the bounds."""
    known = reference(rows(seed=1)).for_version("1")
    detector, events = made(known), rows(skill=0.6, seed=2)
    found = verdicts(detector, events)
    now = {v.check: v.value or 0.0 for v in detector.judge(view([pane(detector, events, events)]))}
    before = {
        v.check: v.value or 0.0 for v in detector.judge(view([pane(detector, *[rows(seed=1)] * 2)]))
    }
    assert found["accuracy"].value == near(before["accuracy"] - now["accuracy"])
    assert found["brier_score"].value == near(now["brier_score"] - before["brier_score"])
    assert found["log_loss"].value == near(now["log_loss"] / before["log_loss"] - 1)
    for name, verdict in found.items():
        assert (verdict.lower or 0) < (verdict.value or 0) < (verdict.upper or 0)
        assert (verdict.raw, verdict.threshold) == (now[name], 0.05)
        assert "reference: " in verdict.reason
    assert found["accuracy"].status is Status.BREACH


def test_the_reference_pays_for_its_own_noise() -> None:
    """The same window against fewer reference rows has wider bounds."""
    widths = []
    for n in (4_000, 200):
        known = reference(rows(n, seed=3)).for_version("1")
        verdict = verdicts(made(known), rows(seed=4))["accuracy"]
        widths.append((verdict.upper or 0) - (verdict.lower or 0))
    assert widths[1] > 2 * widths[0]


def test_a_profile_keeps_the_sums() -> None:
    """Written and read back it is the same reference; without labels it is what it always was."""
    known = reference()
    again = parse_profile(profile_text(known), "profile.json")
    assert (again.id, again.content()) == (known.id, known.content())
    assert verdicts(made(again), rows()) == verdicts(made(known), rows())
    unlabelled = {n: c for n, c in rows().columns.items() if n != "label"}
    assert "performance" not in reference(EventBatch("1", 4_000, unlabelled)).content()


@pytest.mark.parametrize(
    ("sums", "words"),
    [
        ({"performance.scored": [[10_000, 1]]}, "performance.1: 'performance.scored' has"),
        ({"performance.guesses": [[0, 1]]}, "performance.1: 'performance.guesses' is not known"),
        ({"performance.scored": [[0, -1]]}, "Expected `int` >= 0"),
    ],
)
def test_a_profile_whose_sums_do_not_fit(sums: dict[str, Any], words: str) -> None:
    """It is refused with the place, even if its hash is right."""
    content = reference().content()
    content["performance"] = {"1": sums}
    text = canonical_json(content)
    digest = hashlib.sha256(text.encode()).hexdigest()
    document = f'{{"format":"evenhand.reference/v1","id":"{digest}","reference":{text}}}'
    with pytest.raises(ConfigError, match=r"profile\.json") as error:
        parse_profile(document, "profile.json")
    assert words in str(error.value)


def test_a_new_version_is_compared_with_the_one_that_has_labels() -> None:
    """It says which."""
    known = reference(version="2026-01").for_version("2026-02")
    verdict = verdicts(made(known), rows(seed=5))["accuracy"]
    assert verdict.status is Status.OK
    assert "in version 2026-01" in verdict.reason


@pytest.mark.parametrize("known", [None, "unlabelled"])
def test_nothing_to_compare_with(known: str | None) -> None:
    """Insufficient, with what to build; the measures themselves are judged as ever."""
    unlabelled = {n: c for n, c in rows().columns.items() if n != "label"}
    without = reference(EventBatch("1", 4_000, unlabelled)) if known else None
    detector = made(without)
    for verdict in verdicts(detector, rows()).values():
        assert verdict.status is Status.INSUFFICIENT
        assert verdict.reason.startswith("no_reference_labels: ")
        assert "evenhand baseline" in verdict.reason
    own = detector.judge(view([pane(detector, rows(), rows())]))
    assert own[0].status is Status.OK


def test_nothing_is_a_part_of_no_error() -> None:
    """A reference without any error cannot be a unit."""
    numbers = component(signals={}, release=limiting(mean_absolute_error=1, degradation=0.1))
    columns = {"prediction": Column(np.ones(50)), "error": Column(np.zeros(50))}
    known = build_reference(EventBatch("1", 50, columns), numbers)
    detector = make_performance(numbers, known)
    assert detector is not None
    events = EventBatch("1", 50, {"prediction": Column(np.ones(50)), "error": Column(np.ones(50))})
    verdict = verdicts(detector, events)["mean_absolute_error"]
    assert (verdict.status, verdict.value) == (Status.INSUFFICIENT, None)
    assert verdict.reason.startswith("perfect_reference: ")


def test_without_further_limits_accuracy_is_compared() -> None:
    """``degradation`` alone looks at the usual measure."""
    known = reference().for_version("1")
    assert list(verdicts(made(known, degradation=0.05), rows())) == ["accuracy"]


def test_labels_without_predictions_that_mean_anything() -> None:
    """Only the label says what is favourable: both verdicts name the key that is missing."""
    label = {"from": "column:y", "favourable": {"in": ["1"]}}
    bare = component(signals={"label": label}, release=limiting(degradation=0.05))
    detector = make_performance(bare, reference())
    assert detector is not None
    found = detector.judge(view([pane(detector, rows(), rows())]))
    assert [(v.check, v.subject) for v in found] == [("accuracy", ""), ("degradation", "accuracy")]
    assert all(v.reason.startswith("favourable_not_declared: ") for v in found)
