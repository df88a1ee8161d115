"""The verdict of a gate: never ``pass`` by absence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.finding import Finding, Status
from governance.service.gate import Outcome, State, decide, title
from tests.governance.service.verdicts import breach, finding, insufficient

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_REFERENCE = insufficient(check="drift", subject="", threshold=None, reason="no reference: ...")
DRIFT_OK = finding(check="drift", subject="", threshold=None)
NOT_LIMITED = finding(check="accuracy", subject="", threshold=None, reason="no threshold")
NO_LABELS = insufficient(check="accuracy", subject="", threshold=None, reason="labels: none")
FAULT = insufficient(
    check="detector", subject="Drift", threshold=None, reason="detector_failed: KeyError"
)


@pytest.mark.parametrize(
    ("findings", "outcome"),
    [
        pytest.param([finding()], Outcome.PASS, id="a judged check is ok"),
        pytest.param([finding(), breach(subject="race")], Outcome.FAIL, id="one breach of two"),
        pytest.param([finding(Status.WARNING)], Outcome.PASS, id="a warning never fails"),
        pytest.param(
            [breach(), NO_REFERENCE], Outcome.FAIL, id="a breach beside what is not known"
        ),
        pytest.param([], Outcome.INCONCLUSIVE, id="no event"),
        pytest.param([insufficient()], Outcome.INCONCLUSIVE, id="nothing judged"),
        pytest.param([finding(), NO_REFERENCE], Outcome.INCONCLUSIVE, id="missing baseline"),
        pytest.param(
            [finding(), insufficient(subject="race")],
            Outcome.INCONCLUSIVE,
            id="one attribute of two",
        ),
        pytest.param(
            [finding(), insufficient(check="error_rate", subject="", reason="lost: 40 %")],
            Outcome.INCONCLUSIVE,
            id="lost telemetry",
        ),
        pytest.param([DRIFT_OK, FAULT], Outcome.INCONCLUSIVE, id="a fault of ours"),
        pytest.param([NOT_LIMITED], Outcome.INCONCLUSIVE, id="no limit declared anywhere"),
        pytest.param(
            [DRIFT_OK, NOT_LIMITED, NO_LABELS], Outcome.PASS, id="beside what has no limit"
        ),
        pytest.param(
            [DRIFT_OK, insufficient(check="drift", subject="age")],
            Outcome.PASS,
            id="a feature that its component's drift speaks for",
        ),
        pytest.param(
            [insufficient(number=0), finding(number=1), insufficient(number=2)],
            Outcome.PASS,
            id="judged in one window of three",
        ),
    ],
)
def test_the_table(findings: Sequence[Finding], outcome: Outcome) -> None:
    """What was found, and what a release may make of it."""
    verdict = decide(findings)
    assert verdict.outcome is outcome
    assert bool(verdict.reasons) is (outcome is not Outcome.PASS)


def test_the_last_revision_counts() -> None:
    """Late labels took a breach back, or brought one."""
    assert decide([breach(), finding(revision=1)]).outcome is Outcome.PASS
    assert decide([finding(), breach(revision=1)]).outcome is Outcome.FAIL


def test_an_old_breach_is_not_hidden_by_newer_windows() -> None:
    """The case shows the newest breach, and in how many windows there was one."""
    windows = [finding(number=0), breach(number=1), breach(number=2), finding(number=3)]
    (case,) = decide(windows).cases
    assert (case.state, case.finding.window.number) == (State.BREACH, 2)
    assert (case.windows[Status.BREACH], case.total) == (2, 4)


def test_optional_checks_may_stay_without_a_verdict() -> None:
    """By name or pattern; a breach of theirs counts all the same, and so does nothing judged."""
    late = insufficient(check="latency_p95", subject="")
    assert decide([finding(), late]).outcome is Outcome.INCONCLUSIVE
    assert decide([finding(), late], ["latency_*"]).outcome is Outcome.PASS
    assert decide([finding(), breach(check="latency_p95")], ["latency_*"]).outcome is Outcome.FAIL
    assert decide([late], ["latency_*"]).outcome is Outcome.INCONCLUSIVE


def test_absent_evidence_is_no_pass() -> None:
    """What was asked for and is not there leaves the gate open, and a breach is a breach."""
    absent = ["no_rows: rows.csv: holds no row"]
    verdict = decide([finding()], absent=absent)
    assert (verdict.outcome, list(verdict.reasons)) == (Outcome.INCONCLUSIVE, absent)
    assert decide([breach()], absent=absent).outcome is Outcome.FAIL
    assert decide([], absent=absent).reasons == tuple(absent)


def test_reasons_name_the_check_and_say_what_to_do() -> None:
    """The finding's own reason is handed on."""
    (reason,) = decide([finding(), insufficient(subject="race")]).reasons
    assert reason == (
        "not judged: demographic_parity_difference of race (tabular): "
        "groups_too_small: no group has 30"
    )
    (reason,) = decide([breach(test="psi", check="drift", subject="age")]).reasons
    assert reason == "breach: drift of age (psi, tabular) in 1 of 1 windows"


def test_the_worst_stands_first() -> None:
    """Breach, not judged, warning, ok, shown."""
    cases = decide(
        [
            NOT_LIMITED,
            finding(),
            finding(Status.WARNING, subject="age"),
            insufficient(subject="race"),
            breach(subject="disability"),
        ]
    ).cases
    assert [case.state for case in cases] == list(State)


def test_versions_and_tests_are_cases_of_their_own() -> None:
    """Two statistics of one feature do not hide each other."""
    cases = decide(
        [finding(check="drift", test="psi"), breach(check="drift", test="evidently:psi")]
    ).cases
    assert [title(case) for case in cases] == [
        "drift of sex (evidently:psi, tabular)",
        "drift of sex (psi, tabular)",
    ]


FINDINGS = st.builds(
    finding,
    st.sampled_from([Status.OK, Status.WARNING, Status.BREACH, Status.INSUFFICIENT]),
    st.sampled_from(["drift", "accuracy", "equal_opportunity_difference"]),
    st.sampled_from(["", "sex", "race"]),
    number=st.integers(0, 3),
    threshold=st.sampled_from([None, 0.1]),
    reason=st.sampled_from(["", "no threshold", "lost: 0.4 of the window's events"]),
)


@given(st.lists(FINDINGS, max_size=12))
def test_no_pass_without_a_judgement(findings: list[Finding]) -> None:
    """Whatever comes: ``pass`` has a judged case and no breach; ``fail`` has a breach."""
    verdict = decide(findings)
    if verdict.outcome is Outcome.PASS:
        assert verdict.judged > 0
        assert verdict.count(State.BREACH) == verdict.count(State.UNJUDGED) == 0
    assert (verdict.outcome is Outcome.FAIL) is (verdict.count(State.BREACH) > 0)
