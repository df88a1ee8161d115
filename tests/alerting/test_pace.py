"""When a delivery is tried again, as a pure function of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.base import Attempt, Result
from alerting.pace import Pace, next_attempt_us
from governance.store.delivery import Delivery

WAITS = st.floats(10, 4_000)
FAILED = Attempt(Result.RETRY, "status: answered 503")


def delivery(attempts: int, name: str = "msg_1") -> Delivery:
    return Delivery(name, "webhook", "team", "shop/prices", "{}", 0, 0, attempts=attempts)


def wait_seconds(attempts: int, attempt: Attempt = FAILED, name: str = "msg_1") -> float:
    again_us = next_attempt_us(delivery(attempts, name), attempt, 1_000, Pace())
    assert again_us is not None
    return (again_us - 1_000) / 1e6


def test_the_wait_doubles_up_to_an_hour() -> None:
    """From half to the whole of 5 s, 10 s, 20 s ... and never more than an hour."""
    for attempts, whole in [(1, 5), (2, 10), (3, 20), (10, 2_560), (11, 3_600), (80, 3_600)]:
        assert whole / 2 <= wait_seconds(attempts) <= whole


def test_deliveries_spread_out_the_same_way_each_time() -> None:
    """A thousand that failed together come back over the whole of the wait's second half."""
    waits = [wait_seconds(1, name=f"msg_{n}") for n in range(1_000)]
    assert waits == [wait_seconds(1, name=f"msg_{n}") for n in range(1_000)]
    assert (round(min(waits), 1), round(max(waits), 1)) == (2.5, 5.0)


def test_a_receiver_may_ask_for_more() -> None:
    """`Retry-After` is kept where it is longer than our own wait."""
    asked = Attempt(Result.RETRY, "status: answered 429", retry_after_seconds=1_000.0)
    assert wait_seconds(1, asked) == 1_000
    assert wait_seconds(12, asked) >= 1_800


def test_it_is_given_up_after_three_days() -> None:
    """The waits of all attempts, on average, add up to it; then there is no next time."""
    pace = Pace()
    waits = [0.75 * pace.wait_seconds(n) for n in range(1, pace.attempts)]
    assert 3.0 <= sum(waits) / 86_400 < 3.1
    assert next_attempt_us(delivery(pace.attempts - 1), FAILED, 0, pace) is not None
    assert next_attempt_us(delivery(pace.attempts), FAILED, 0, pace) is None


@given(WAITS, WAITS, st.floats(0, 20_000))
@settings(max_examples=30, deadline=None)
def test_attempts_are_counted_as_if_one_by_one(first: float, longest: float, over: float) -> None:
    """The shortcut over equal waits gives what adding them up gives."""
    waited, count = 0.0, 1
    pace = Pace(first, longest, over)
    while waited < over:
        waited += 0.75 * pace.wait_seconds(count)
        count += 1
    assert pace.attempts == pytest.approx(count, abs=1)
