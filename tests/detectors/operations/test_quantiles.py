"""Time to first token, tokens, payload sizes: one shape, as latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.operations.buckets import RELATIVE_ERROR
from detectors.operations.payload import make_request_bytes, make_response_bytes
from detectors.operations.tokens import make_input_tokens, make_output_tokens
from detectors.operations.ttft import make_ttft
from detectors.trailing import LENGTHS
from governance.event import Column
from governance.finding import Status
from tests.detectors.operations.columns import events
from tests.detectors.scenes import component, limiting, pane, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from detectors.operations.quantiles import Quantiles
    from governance.component.schema import Component
    from governance.finding import Verdict

    Make = Callable[[Component, None], Quantiles]

MAKERS: dict[str, tuple[Make, str]] = {
    "ttft_p95": (make_ttft, "ttft_ms"),
    "input_tokens_p95": (make_input_tokens, "input_tokens"),
    "output_tokens_p95": (make_output_tokens, "output_tokens"),
    "request_bytes_p95": (make_request_bytes, "request_bytes"),
    "response_bytes_p95": (make_response_bytes, "response_bytes"),
}


def judged(check: str, values: ArrayLike, limit: float | str | None = None) -> dict[str, Verdict]:
    make, column = MAKERS[check]
    release = limiting(**({} if limit is None else {check: limit}))
    subject = make(component(release=release), None)
    verdicts = subject.judge(view([pane(subject, events(**{column: values}))]))
    return {verdict.check: verdict for verdict in verdicts}


@pytest.mark.parametrize("check", MAKERS)
def test_quantiles_are_within_one_percent(check: str) -> None:
    """p95 of 20,000 values over three orders of magnitude, against sorting them."""
    values = np.rint(np.random.default_rng(2).lognormal(6, 1.2, 20_000))
    exact = np.quantile(values, 0.95, method="inverted_cdf")
    verdict = judged(check, values)[check]
    assert verdict.value == pytest.approx(exact, rel=1.0001 * RELATIVE_ERROR)
    assert (verdict.status, verdict.reason) == (Status.OK, "no threshold")


@pytest.mark.parametrize("check", MAKERS)
def test_the_verdict_counts_exactly(check: str) -> None:
    """At the limit is not above it; one unit above is, though both share a bucket."""
    limit: float | str = "5s" if check == "ttft_p95" else 5_000
    at, above = (judged(check, [value] * 400, limit)[check] for value in (5_000, 5_001))
    assert (at.status, above.status) == (Status.OK, Status.BREACH)
    assert above.threshold == 5_000
    assert above.reason.startswith("above: 1 [")


@pytest.mark.parametrize(("share", "status"), [(0.05, Status.OK), (0.12, Status.BREACH)])
def test_five_percent_may_be_above(share: float, status: Status) -> None:
    """Of 2,000 answers 5 % may be longer than the limit; 12 % are surely more."""
    long = int(2_000 * share)
    found = judged("output_tokens_p95", [900] * long + [10] * (2_000 - long), 500)
    assert found["output_tokens_p95"].status is status


def test_no_tokens_are_a_number_and_unknown_ones_are_none() -> None:
    """0 tokens are read as 0; -1 is in no quantile."""
    found = judged("output_tokens_p95", [0] * 30 + [-1] * 30)["output_tokens_p95"]
    assert (found.value, found.effective_events) == (0.0, 30)


def test_mean_and_total_say_what_traffic_costs() -> None:
    """Within 1 % of the exact ones, with an interval, never judged."""
    values = np.random.default_rng(3).poisson(300, 5_000)
    found = judged("input_tokens_p95", values)["input_tokens_mean"]
    assert found.value == pytest.approx(values.mean(), rel=RELATIVE_ERROR)
    assert (found.lower or 0) < values.mean() < (found.upper or 0)
    words = found.reason.removeprefix("total: ").removesuffix(" tokens; no threshold")
    total = float(words.replace(",", ""))
    assert total == pytest.approx(values.sum(), rel=RELATIVE_ERROR)


def test_the_interval_of_a_mean_holds_the_truth() -> None:
    """In at least 92 % of 400 windows of 300 exponential answers."""
    rng, held = np.random.default_rng(4), 0
    for _ in range(400):
        found = judged("output_tokens_p95", np.rint(rng.exponential(200, 300)))
        mean = found["output_tokens_mean"]
        held += (mean.lower or 0) <= 200 <= (mean.upper or 0)
    assert held / 400 >= 0.92


def test_sampled_answers_count_as_often_as_they_stand_for() -> None:
    """Half the long answers kept with weight 2 give the mean and total of all of them."""
    make, column = MAKERS["output_tokens_p95"]
    subject = make(component(), None)
    values, weights = [100] * 50 + [1_000] * 25, [1.0] * 50 + [2.0] * 25
    seen = events(**{column: values, "weight": weights})
    verdicts = {v.check: v for v in subject.judge(view([pane(subject, seen)]))}
    assert verdicts["output_tokens_mean"].value == pytest.approx(550, rel=RELATIVE_ERROR)


def test_longer_windows_are_added_up_only_for_a_limit() -> None:
    """A small excess that no single pane proves is proven by the ladder."""
    make, column = MAKERS["ttft_p95"]
    subject = make(component(release=limiting(ttft_p95="100ms")), None)
    values = [150.0] * 9 + [50.0] * 91
    panes = [pane(subject, events(**{column: values}), number=i) for i in range(LENGTHS[-1])]
    (one,) = [v for v in subject.judge(view(panes[:1])) if v.check == "ttft_p95"]
    (all_,) = [v for v in subject.judge(view(panes)) if v.check == "ttft_p95"]
    assert (one.status, all_.status) == (Status.OK, Status.BREACH)
    assert all_.panes > 1


def test_a_column_that_is_absent_gives_no_finding() -> None:
    """Only a limit asks for a finding without values, and its reason says what is missing."""
    other = {"latency_ms": Column(np.ones(5))}
    for limit, reasons in ((None, []), (9, ["no_bytes"])):
        release = limiting(**({} if limit is None else {"request_bytes_p95": limit}))
        subject = make_request_bytes(component(release=release), None)
        found = subject.judge(view([pane(subject, events(**other))]))
        assert [v.reason.partition(":")[0] for v in found] == reasons
