"""Latency quantiles from buckets, and their exact verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.operations.buckets import RELATIVE_ERROR
from detectors.operations.latency import LATENCY, make_latency
from governance.errors import ConfigError
from governance.finding import Status
from tests.detectors.scenes import batch, component, empty_pane, limiting, pane, view

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from detectors.operations.quantiles import Quantiles
    from governance.finding import Verdict


def made(**limits: float | str) -> Quantiles:
    return make_latency(component(release=limiting(**limits)), None)


def judged(latency_ms: ArrayLike, **limits: float | str) -> dict[str, Verdict]:
    detector = made(**limits)
    verdicts = detector.judge(view([pane(detector, batch(latency_ms=latency_ms))]))
    return {verdict.check: verdict for verdict in verdicts}


@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e3, 1e7])
def test_quantiles_are_within_one_percent(scale: float) -> None:
    """The median, p95 and p99 are within 1 % of the exact ones over nine orders of magnitude."""
    latency = np.random.default_rng(0).lognormal(0, 1.5, 20_000) * scale
    for check, verdict in judged(latency).items():
        q = float(check.removeprefix("latency_p")) / 100
        exact = np.quantile(latency, q, method="inverted_cdf")
        assert verdict.value == pytest.approx(exact, rel=RELATIVE_ERROR * 1.0001)


def test_intervals_hold_the_true_quantile() -> None:
    """The 95 % interval of p95 holds the true one in at least 93 % of 300 windows of 400."""
    rng = np.random.default_rng(1)
    truth = float(np.exp(1.6448536269514722))
    held = 0
    for _ in range(300):
        verdict = judged(rng.lognormal(0, 1, 400))["latency_p95"]
        held += (verdict.lower or 0) <= truth <= (verdict.upper or np.inf)
    assert held / 300 >= 0.93


def test_the_verdict_is_exact() -> None:
    """Requests at the limit are not slower than it; one microsecond above they are."""
    at, above = (judged([limit] * 500, latency_p95="200ms") for limit in (200.0, 200.001))
    assert at["latency_p95"].status is Status.OK
    assert above["latency_p95"].status is Status.BREACH
    assert above["latency_p95"].threshold == 200


def test_the_share_of_slow_requests_is_said() -> None:
    """The reason gives the judged share with its interval and what is allowed."""
    reason = judged([100.0] * 90 + [300.0] * 10, latency_p95="200ms")["latency_p95"].reason
    assert reason.startswith("above: 0.1 [")
    assert reason.endswith("of 100 events took longer than 200 ms, 0.05 is allowed")


def test_quantiles_without_limit_are_shown() -> None:
    """Without a limit every quantile is shown, ok, "no threshold"."""
    found = {check: (v.status, v.reason) for check, v in judged([5.0] * 10).items()}
    assert found == dict.fromkeys(
        ("latency_p50", "latency_p95", "latency_p99"), (Status.OK, "no threshold")
    )


def test_too_few_events_leave_the_upper_bound_open() -> None:
    """Ten requests cannot bound p99 from above: the bound is absent, not infinite."""
    assert judged([5.0] * 10)["latency_p99"].upper is None


def test_impossible_latencies_are_counted_apart() -> None:
    """Missing, negative and infinite latencies are in no quantile, and no event is lost."""
    detector = made()
    events = batch(latency_ms=[np.nan, -5, np.inf, 7, 7, 1e300])
    sums = detector.add(events)["operations.latency"]
    assert (int(sums.sum()), int(sums[0])) == (6, 3)
    verdicts = detector.judge(view([pane(detector, events)]))
    assert verdicts[2].value == pytest.approx(LATENCY.buckets.highest, rel=0.02)


def test_a_changed_limit_starts_a_new_count() -> None:
    """Panes counted against another limit are not judged against this one."""
    old, new = made(latency_p95="100ms"), made(latency_p95="300ms")
    panes = [
        pane(old, batch(latency_ms=[200.0] * 1_000)),
        pane(new, batch(latency_ms=[200.0] * 50), number=1),
    ]
    verdict = next(v for v in new.judge(view(panes)) if v.check == "latency_p95")
    assert (verdict.status, verdict.effective_events) == (Status.OK, 50)


def test_no_latencies() -> None:
    """Without latencies there is no finding, unless a limit asks for one."""
    events = batch(favourable=[1, 0])
    found = [
        [v.reason for v in d.judge(view([pane(d, events)]))]
        for d in (made(), made(latency_p99="1s"))
    ]
    assert found == [[], ["no_latency: no event of the window carries a latency"]]


def test_no_events() -> None:
    """A pane without events is insufficient where a limit is declared."""
    (verdict,) = made(latency_p95="1s").judge(view([empty_pane()]))
    assert verdict.reason == "no_events: the window holds no event"


def test_a_limit_of_zero_is_refused() -> None:
    """No request is faster than 0 ms: the error says what to write."""
    with pytest.raises(ConfigError, match="write for example 200ms"):
        made(latency_p95="0ms")
