from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from governance.clock import ManualClock
from governance.service.auth import LOCAL, Authority, Principal, Role
from governance.service.limits import ADDRESSES, FAILURES, FailedAttempts, RowRates
from governance.service.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND_US = 1_000_000


def refused(ask: Callable[[], object]) -> int:
    with pytest.raises(ProblemError) as problem:
        ask()
    return int(problem.value.status)


def authority(clock: ManualClock) -> Authority:
    known = Principal("ci", frozenset({Role.INGEST}), frozenset({"*"}))
    return Authority({hashlib.sha256(b"right").hexdigest(): known}, clock)


def test_an_address_that_guesses_has_to_wait() -> None:
    """After 20 unknown tokens not even the right one is looked at; later it is."""
    clock = ManualClock()
    asked = authority(clock)
    for _ in range(FAILURES):
        assert refused(lambda: asked.identify("Bearer wrong", "10.0.0.1")) == 401
    assert refused(lambda: asked.identify("Bearer wrong", "10.0.0.1")) == 429
    assert refused(lambda: asked.identify("Bearer right", "10.0.0.1")) == 429
    assert asked.identify("Bearer right", "10.0.0.2").name == "ci"
    clock.advance(5 * SECOND_US)
    assert asked.identify("Bearer right", "10.0.0.1").name == "ci"


def test_a_neighbour_behind_the_same_address_goes_on() -> None:
    """One client with an old token does not shut out those that were let in before."""
    asked = authority(ManualClock())
    asked.identify("Bearer right", "10.0.0.1")
    for _ in range(FAILURES + 5):
        assert refused(lambda: asked.identify("Bearer old", "10.0.0.1")) in {401, 429}
    assert asked.identify("Bearer right", "10.0.0.1").name == "ci"


def test_other_schemes_are_failures_too() -> None:
    """Basic with the right word is no bearer token."""
    assert refused(lambda: authority(ManualClock()).identify("Basic right", "a")) == 401
    assert Authority(None).identify(None, "a") is LOCAL


def test_addresses_are_remembered_within_a_bound() -> None:
    """However many addresses fail, memory does not grow without end."""
    failed = FailedAttempts(ManualClock())
    for i in range(ADDRESSES + 100):
        failed.failed(str(i))
        failed.succeeded(str(i), "x")
    assert len(failed._buckets) == ADDRESSES
    assert len(failed._proven) == ADDRESSES


def test_a_token_may_bring_ten_seconds_of_its_rate_at_once() -> None:
    """Then it waits as long as it overdrew; Retry-After is that long."""
    clock = ManualClock()
    rates = RowRates(clock)
    rates.check("ci", 100)
    rates.use("ci", 100, 3_000)
    with pytest.raises(ProblemError) as problem:
        rates.check("ci", 100)
    wait = int(problem.value.headers["retry-after"])
    assert 20 <= wait <= 21
    clock.advance((wait - 2) * SECOND_US)
    assert refused(lambda: rates.check("ci", 100)) == 429
    clock.advance(2 * SECOND_US)
    rates.check("ci", 100)
    rates.check("other", 100)
    rates.check("free", None)
