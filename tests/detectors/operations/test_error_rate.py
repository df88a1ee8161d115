"""Error rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from detectors.operations.error_rate import make_error_rate
from governance.finding import Status
from tests.detectors.scenes import batch, component, empty_pane, limiting, pane, view

if TYPE_CHECKING:
    from detectors.operations.shares import Shares


def made(**limits: float | str) -> Shares:
    return make_error_rate(component(release=limiting(**limits)), None)


def test_what_counts_as_an_error() -> None:
    """No answer and 5xx are errors, 4xx are requests without error, unknown counts nowhere."""
    detector = made()
    events = batch(status_code=[200, 204, 302, 404, 429, 500, 503, 0, -1, -1])
    (verdict,) = detector.judge(view([pane(detector, events)]))
    assert (verdict.value, verdict.effective_events) == (3 / 8, 8)
    assert (verdict.status, verdict.reason) == (Status.OK, "no threshold")


@pytest.mark.parametrize(
    ("errors", "status"), [(5, Status.OK), (22, Status.WARNING), (60, Status.BREACH)]
)
def test_limit(errors: int, status: Status) -> None:
    """1,000 requests, a limit of 1 %: what is surely above breaches, what may not be says so."""
    detector = made(error_rate="1%")
    events = batch(status_code=[500] * errors + [200] * (1_000 - errors))
    (verdict,) = detector.judge(view([pane(detector, events)]))
    assert (verdict.status, verdict.threshold) == (status, 0.01)
    unsure = "unsure: its lower bound, 0.008922 at an error of one in 7,000, is within the limit"
    assert verdict.reason == (unsure if status is Status.WARNING else "")


@pytest.mark.parametrize(
    ("errors", "requests", "status"),
    [
        (0, 1, Status.INSUFFICIENT),
        (1, 1, Status.INSUFFICIENT),
        (0, 24, Status.INSUFFICIENT),
        (0, 25, Status.OK),
        (24, 24, Status.BREACH),
    ],
)
def test_few_requests(errors: int, requests: int, status: Status) -> None:
    """What may lie on either side of its limit is not called ok; what surely does not is judged."""
    detector = made(error_rate="10%")
    events = batch(status_code=[500] * errors + [200] * (requests - errors))
    (verdict,) = detector.judge(view([pane(detector, events)]))
    assert verdict.status is status
    assert (status is Status.INSUFFICIENT) == verdict.reason.startswith("small: ")


def test_a_few_requests_suffice_where_the_limit_is_far() -> None:
    """None of 20 failed: the rate is surely below one half."""
    detector = made(error_rate="50%")
    (verdict,) = detector.judge(view([pane(detector, batch(status_code=[200] * 20))]))
    assert verdict.status is Status.OK


def test_no_status_codes() -> None:
    """Without status codes there is no finding, unless a limit asks for one."""
    events = batch(favourable=[1, 0, 1])
    found = [
        [v.reason for v in d.judge(view([pane(d, events)]))] for d in (made(), made(error_rate=0.1))
    ]
    assert found == [[], ["no_status: no event of the window carries a status code"]]


def test_no_events() -> None:
    """A pane without events is insufficient where a limit is declared."""
    (verdict,) = made(error_rate=0.1).judge(view([empty_pane()]))
    assert verdict.reason == "no_events: the window holds no event"


def test_limits_share_the_budget() -> None:
    """All declared limits share one false breach in falseAlarmEvery windows."""
    alone, together = made(error_rate=0.1), made(error_rate=0.1, latency_p95="1s", accuracy=0.5)
    budgets = [detector.settings.breach_error for detector in (alone, together)]
    assert budgets[0] == pytest.approx(3 * budgets[1])
