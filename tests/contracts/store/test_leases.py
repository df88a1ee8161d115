from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from governance.errors import Fenced
from governance.store.engine import database_now_us, transaction
from governance.store.leases import SECOND_US, Lease, Leases, check

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


class Clock:
    """A database clock that is moved by hand."""

    def __init__(self) -> None:
        self.us = 1_000 * SECOND_US

    def __call__(self, _connection: Connection) -> int:
        return self.us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(engine: Engine, clock: Clock) -> Leases:
    return Leases(engine, now_us=clock)


def held(lease: Lease | None) -> Lease:
    assert lease is not None
    return lease


def test_free_lease_is_granted(leases: Leases) -> None:
    """The first to ask gets token 1 for as long as asked."""
    assert leases.acquire("evaluator", "a", 15) == Lease("evaluator", "a", 1, 1_015 * SECOND_US)


def test_held_lease_is_refused_to_others(leases: Leases) -> None:
    """While one holds it another gets None."""
    held(leases.acquire("evaluator", "a", 15))
    assert leases.acquire("evaluator", "b", 15) is None


def test_ended_lease_goes_to_the_next_with_a_higher_token(leases: Leases, clock: Clock) -> None:
    """A lease that ran out is handed over, and its token grows."""
    first = held(leases.acquire("evaluator", "a", 15))
    clock.us += 15 * SECOND_US
    assert held(leases.acquire("evaluator", "b", 15)).token == first.token + 1


def test_renewed_lease_is_held_longer(leases: Leases, clock: Clock) -> None:
    """Renewal moves the end and keeps the token."""
    lease = held(leases.acquire("evaluator", "a", 15))
    clock.us += 10 * SECOND_US
    assert leases.renew(lease, 15) == Lease("evaluator", "a", 1, 1_025 * SECOND_US)
    clock.us += 10 * SECOND_US
    assert leases.acquire("evaluator", "b", 15) is None


def test_ended_lease_that_nobody_took_may_be_renewed(leases: Leases, clock: Clock) -> None:
    """A pause without a rival costs nothing."""
    lease = held(leases.acquire("evaluator", "a", 15))
    clock.us += 60 * SECOND_US
    assert leases.renew(lease, 15).token == lease.token


def test_lease_that_moved_on_cannot_be_renewed(leases: Leases, clock: Clock) -> None:
    """The former holder learns that it is over."""
    lease = held(leases.acquire("evaluator", "a", 15))
    clock.us += 15 * SECOND_US
    held(leases.acquire("evaluator", "b", 15))
    with pytest.raises(Fenced, match="lease evaluator: token 1 of a is over"):
        leases.renew(lease, 15)


def test_holder_that_starts_again_gets_a_new_token(leases: Leases, engine: Engine) -> None:
    """Asking for one's own lease again fences what one did before."""
    old = held(leases.acquire("evaluator", "a", 15))
    assert held(leases.acquire("evaluator", "a", 15)).token == old.token + 1
    with pytest.raises(Fenced), transaction(engine) as connection:
        check(connection, old)


def test_released_lease_is_free_at_once(leases: Leases) -> None:
    """The next holder need not wait for the end, and its token is higher."""
    leases.release(held(leases.acquire("evaluator", "a", 15)))
    assert held(leases.acquire("evaluator", "b", 15)).token == 2


def test_release_of_a_lease_that_moved_on_changes_nothing(leases: Leases, clock: Clock) -> None:
    """A late release does not take the lease from its new holder."""
    old = held(leases.acquire("evaluator", "a", 15))
    clock.us += 15 * SECOND_US
    held(leases.acquire("evaluator", "b", 15))
    leases.release(old)
    assert leases.acquire("evaluator", "c", 15) is None


def test_check_passes_for_the_holder(leases: Leases, engine: Engine) -> None:
    """Who holds the token may write."""
    lease = held(leases.acquire("evaluator", "a", 15))
    with transaction(engine) as connection:
        check(connection, lease)


def test_check_fences_a_former_holder(leases: Leases, engine: Engine, clock: Clock) -> None:
    """Who slept through the end of its lease may not write."""
    lease = held(leases.acquire("evaluator", "a", 15))
    clock.us += 15 * SECOND_US
    held(leases.acquire("evaluator", "b", 15))
    with pytest.raises(Fenced), transaction(engine) as connection:
        check(connection, lease)


def test_of_many_that_ask_at_once_one_is_granted(engine: Engine) -> None:
    """Eight threads, one lease, by the database's own clock."""
    leases = Leases(engine)
    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda n: leases.acquire("evaluator", f"h{n}", 60), range(8)))
    assert len([lease for lease in granted if lease is not None]) == 1


def test_leases_have_names(leases: Leases) -> None:
    """Two leases do not get into each other's way."""
    held(leases.acquire("evaluator", "a", 15))
    assert held(leases.acquire("retention", "b", 15)).token == 1


def test_database_clock_is_utc_now(engine: Engine) -> None:
    """The database's clock counts microseconds since 1970: between 2020 and 2100."""
    with transaction(engine) as connection:
        now_us = database_now_us(connection)
    assert 1_577_836_800 * SECOND_US < now_us < 4_102_444_800 * SECOND_US
