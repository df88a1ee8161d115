"""Undecodable and truncated bodies, refusals, finish reasons, traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import chi2

from detectors.operations.finish_reason import make_finish_reason
from detectors.operations.refusal_rate import make_refusal_rate
from detectors.operations.schema_violation_rate import make_schema_violation_rate
from detectors.operations.traffic import make_traffic
from detectors.operations.truncated_rate import make_truncated_rate
from detectors.operations.undecodable_rate import make_undecodable_rate
from detectors.stats.limits import limits
from detectors.trailing import DISPLAY_ERROR
from governance.event import Column, EventBatch
from governance.finding import Status
from tests.detectors.operations.columns import events
from tests.detectors.scenes import component, empty_pane, limiting, near, pane, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.base import Detector
    from governance.component.schema import Component

    Make = Callable[[Component, None], Detector]

FLAGS: dict[str, tuple[Make, str]] = {
    "undecodable_rate": (make_undecodable_rate, "undecodable"),
    "truncated_rate": (make_truncated_rate, "truncated"),
    "refusal_rate": (make_refusal_rate, "refusal"),
}


@pytest.mark.parametrize("check", FLAGS)
@pytest.mark.parametrize(("flagged", "status"), [(5, Status.OK), (60, Status.BREACH)])
def test_flags_against_a_limit(check: str, flagged: int, status: Status) -> None:
    """1,000 events against 1 %: the exact interval decides, unknown ones count nowhere."""
    make, column = FLAGS[check]
    subject = make(component(release=limiting(**{check: "1%"})), None)
    seen = events(**{column: [1] * flagged + [0] * (1_000 - flagged) + [-1] * 500})
    (verdict,) = subject.judge(view([pane(subject, seen)]))
    lower, upper = limits(flagged, 1_000, DISPLAY_ERROR)
    assert (verdict.status, verdict.value) == (status, flagged / 1_000)
    assert (verdict.lower, verdict.upper) == (near(float(lower)), near(float(upper)))


@pytest.mark.parametrize(("invalid", "status"), [(5, Status.OK), (60, Status.BREACH)])
def test_answers_that_violate_their_schema(invalid: int, status: Status) -> None:
    """1,000 answers against 1 %: invalid ones count, events without an answer nowhere."""
    subject = make_schema_violation_rate(
        component(release=limiting(schema_violation_rate="1%")), None
    )
    valid = np.repeat([0.0, 1.0, np.nan], [invalid, 1_000 - invalid, 500])
    seen = EventBatch("1", 1_500, {"text.response_schema_valid": Column(valid)})
    (verdict,) = subject.judge(view([pane(subject, seen)]))
    assert (verdict.status, verdict.value) == (status, invalid / 1_000)


@pytest.mark.parametrize("check", FLAGS)
def test_flags_that_nobody_sent_give_no_finding(check: str) -> None:
    """Unless a limit asks for one."""
    make, _ = FLAGS[check]
    for release, found in (({}, 0), (limiting(**{check: 0.1}), 1)):
        subject = make(component(release=release), None)
        assert len(subject.judge(view([pane(subject, events(score=[0.5]))]))) == found


REASONS: list[str | None] = ["stop"] * 70 + ["length"] * 20 + ["own word"] * 10 + [None] * 50


def test_each_reason_is_a_subject_with_its_interval() -> None:
    """Shares are of the answers that say why they ended; what is not in the list is other."""
    subject = make_finish_reason(component(), None)
    verdicts = subject.judge(view([pane(subject, events(finish_reason=REASONS))]))
    assert {v.subject: v.value for v in verdicts} == {"stop": 0.7, "length": 0.2, "other": 0.1}
    lower, upper = limits(20, 100, DISPLAY_ERROR)
    length = next(v for v in verdicts if v.subject == "length")
    assert (length.lower, length.upper) == (near(float(lower)), near(float(upper)))
    assert {v.check for v in verdicts} == {"finish_reason"}


@pytest.mark.parametrize(("limit", "status"), [(0.05, Status.BREACH), (0.2, Status.OK)])
def test_answers_that_were_cut_off_have_a_limit(limit: float, status: Status) -> None:
    """20 of 100 against 5 % is sure, against 20 % it is not."""
    subject = make_finish_reason(component(release=limiting(length_rate=limit)), None)
    verdicts = subject.judge(view([pane(subject, events(finish_reason=REASONS))]))
    (judged,) = [v for v in verdicts if v.check == "length_rate"]
    assert (judged.status, judged.value, judged.threshold) == (status, 0.2, limit)


def test_no_answer_says_why_it_ended() -> None:
    """Nothing is shown; a limit says what is missing."""
    shown, limited = (
        make_finish_reason(component(release=r), None)
        for r in ({}, limiting(content_filter_rate=0.1))
    )
    seen = events(finish_reason=[None, None])
    assert shown.judge(view([pane(shown, seen)])) == []
    (verdict,) = limited.judge(view([pane(limited, seen)]))
    assert verdict.reason.startswith("no_finish_reason: ")


def test_traffic_has_the_interval_of_a_count() -> None:
    """100 events: the exact interval by chi-square quantiles; none is a number too."""
    subject = make_traffic(component(), None)
    assert subject is not None
    (full,) = subject.judge(view([pane(subject, events(score=[0.5] * 100))]))
    (none,) = subject.judge(view([empty_pane()]))
    lower, upper = chi2.ppf(0.025, 200) / 2, chi2.ppf(0.975, 202) / 2
    assert (full.value, full.lower, full.upper) == (100, near(lower), near(upper))
    assert (none.status, none.value, none.lower) == (Status.OK, 0.0, 0.0)
    assert none.upper == near(chi2.ppf(0.975, 2) / 2)


def test_sampled_traffic_is_estimated() -> None:
    """25 events of weight 4 are 100, known as well as 25 are."""
    subject = make_traffic(component(), None)
    assert subject is not None
    (found,) = subject.judge(view([pane(subject, events(weight=[4.0] * 25))]))
    assert (found.value, found.effective_events) == (near(100.0), near(25.0))
    assert found.lower == near(4 * chi2.ppf(0.025, 50) / 2)


def test_windows_that_count_events_have_no_traffic() -> None:
    """Every one holds as many as it was told."""
    assert make_traffic(component(monitoring={"windows": {"events": 50}}), None) is None
