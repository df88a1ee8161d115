from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from governance.store.deliveries import Deliveries, Delivery, DeliveryFilter, DeliveryState
from governance.store.leases import SECOND_US
from tests.contracts.store.rows import delivery

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

LATER_US = 1_000


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
def outbox(engine: Engine, clock: Clock) -> Deliveries:
    return Deliveries(engine, now_us=clock)


def due(outbox: Deliveries, holder: str = "a", now_us: int = LATER_US) -> list[str]:
    return [d.id for d in outbox.due(now_us, 10, holder=holder)]


def state(outbox: Deliveries, number: int = 1) -> DeliveryState:
    found = outbox.get(f"msg_{number}")
    assert found is not None
    return found.state


def test_delivery_comes_back_as_it_was_written(outbox: Deliveries) -> None:
    """All fields survive the database."""
    written = delivery(1, expires_us=5)
    outbox.enqueue([written])
    assert outbox.get("msg_1") == written


def test_known_id_is_left_alone(outbox: Deliveries) -> None:
    """Deciding on a delivery again after a crash adds none."""
    outbox.enqueue([delivery(1)])
    outbox.succeeded("msg_1")
    outbox.enqueue([replace(delivery(1), body="{}"), delivery(2)])
    assert [(d.id, d.state) for d in outbox.find()] == [
        ("msg_2", DeliveryState.PENDING),
        ("msg_1", DeliveryState.DELIVERED),
    ]


def test_due_counts_the_attempt(outbox: Deliveries) -> None:
    """Who leases a delivery sees which attempt it makes."""
    outbox.enqueue([delivery(1)])
    assert outbox.due(LATER_US, 10, holder="a") == [replace(delivery(1), attempts=1)]


def test_nothing_is_due_before_its_time(outbox: Deliveries) -> None:
    """The next attempt is not made early."""
    outbox.enqueue([delivery(500)])
    assert due(outbox, now_us=499) == []
    assert due(outbox, now_us=500) == ["msg_500"]


def test_leased_delivery_is_not_due_for_another(outbox: Deliveries) -> None:
    """While one replica sends, another does not."""
    outbox.enqueue([delivery(1)])
    assert due(outbox, "a") == ["msg_1"]
    assert due(outbox, "b") == []


def test_replicas_that_ask_at_once_send_each_delivery_once(engine: Engine) -> None:
    """Two replicas, four threads each, forty deliveries: every one is leased exactly once."""
    Deliveries(engine).enqueue([delivery(n, key=f"bank/c{n}") for n in range(40)])

    def work(holder: str) -> list[Delivery]:
        taken: list[Delivery] = []
        while some := Deliveries(engine).due(LATER_US, 3, holder=holder):
            taken += some
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [d.id for some in pool.map(work, ["a", "b"] * 4) for d in some]
    assert sorted(taken) == sorted(f"msg_{n}" for n in range(40))


def test_delivery_of_a_dead_sender_comes_back(outbox: Deliveries, clock: Clock) -> None:
    """When the lease ends with no fate written down, another replica sends."""
    outbox.enqueue([delivery(1)])
    due(outbox, "a")
    clock.us += 60 * SECOND_US
    assert [d.attempts for d in outbox.due(LATER_US, 10, holder="b")] == [2]


def test_deliveries_of_one_component_to_one_target_keep_their_order(outbox: Deliveries) -> None:
    """The second is due only when the first has been delivered."""
    outbox.enqueue([delivery(1), delivery(2)])
    assert due(outbox) == ["msg_1"]
    outbox.failed("msg_1", "a", "503", LATER_US + 1)
    assert due(outbox) == []
    outbox.succeeded("msg_1")
    assert due(outbox) == ["msg_2"]


def test_other_components_and_targets_do_not_wait(outbox: Deliveries) -> None:
    """Order holds per target and ordering key only."""
    outbox.enqueue([delivery(1), delivery(2, key="bank/fraud"), delivery(3, target="pager")])
    assert due(outbox) == ["msg_1", "msg_2", "msg_3"]


@pytest.mark.parametrize("fate", ["dead", "expired"])
def test_delivery_that_is_given_up_frees_the_next(outbox: Deliveries, fate: str) -> None:
    """A dead or expired delivery does not hold up those behind it."""
    outbox.enqueue([delivery(1, expires_us=LATER_US if fate == "expired" else None), delivery(2)])
    if fate == "dead":
        due(outbox)
        outbox.dead("msg_1", "a", "410 Gone")
    assert due(outbox) == ["msg_2"]
    assert state(outbox) == DeliveryState(fate)


def test_delivery_under_way_does_not_expire(outbox: Deliveries, clock: Clock) -> None:
    """While somebody sends it, it is pending; expiry waits for the lease to end."""
    outbox.enqueue([delivery(1, expires_us=LATER_US)])
    assert due(outbox, now_us=LATER_US - 1) == ["msg_1"]
    assert due(outbox, "b") == []
    assert state(outbox) is DeliveryState.PENDING
    clock.us += 60 * SECOND_US
    assert due(outbox, "b") == []
    assert state(outbox) is DeliveryState.EXPIRED


def test_failed_delivery_is_due_again_at_its_time(outbox: Deliveries) -> None:
    """A failure is written down with its words and its next time, and the lease ends."""
    outbox.enqueue([delivery(1)])
    due(outbox)
    assert outbox.failed("msg_1", "a", "HTTP 503", 2_000)
    assert due(outbox, "b", now_us=1_999) == []
    (again,) = outbox.due(2_000, 10, holder="b")
    assert (again.attempts, again.last_error) == (2, "HTTP 503")


def test_former_holder_cannot_write_a_failure(outbox: Deliveries, clock: Clock) -> None:
    """After another replica took over, the first one's failure or giving up changes nothing."""
    outbox.enqueue([delivery(1)])
    due(outbox, "a")
    clock.us += 60 * SECOND_US
    due(outbox, "b")
    assert not outbox.failed("msg_1", "a", "time-out", 9_000)
    assert not outbox.dead("msg_1", "a", "time-out")
    assert state(outbox) is DeliveryState.PENDING


def test_success_counts_whoever_held_the_lease(outbox: Deliveries, clock: Clock) -> None:
    """What the receiver accepted is delivered, also if the sender was slow."""
    outbox.enqueue([delivery(1)])
    due(outbox, "a")
    clock.us += 60 * SECOND_US
    due(outbox, "b")
    assert outbox.succeeded("msg_1")
    assert not outbox.succeeded("msg_1")
    assert state(outbox) is DeliveryState.DELIVERED


def test_delivered_is_never_due_again(outbox: Deliveries) -> None:
    """A delivery ends with its success."""
    outbox.enqueue([delivery(1)])
    due(outbox)
    outbox.succeeded("msg_1")
    assert due(outbox, "b") == []


def test_replay_sends_a_dead_delivery_again(outbox: Deliveries) -> None:
    """A replayed delivery keeps its id and body, counts attempts anew and has no expiry."""
    outbox.enqueue([delivery(1, expires_us=LATER_US)])
    assert due(outbox) == []
    assert outbox.replay("msg_1", 3_000)
    (again,) = outbox.due(3_000, 10, holder="a")
    assert (again.body, again.attempts, again.expires_us) == (delivery(1).body, 1, None)


def test_pending_delivery_cannot_be_replayed(outbox: Deliveries) -> None:
    """Only what is settled is sent again."""
    outbox.enqueue([delivery(1)])
    assert not outbox.replay("msg_1", 3_000)
    assert not outbox.replay("msg_none", 3_000)


def test_receiver_may_answer_with_anything(outbox: Deliveries) -> None:
    """NUL, lone surrogates and megabytes in an error are kept as far as text can be."""
    outbox.enqueue([delivery(1)])
    due(outbox)
    assert outbox.failed("msg_1", "a", "\x00\ud800" + "x" * 1_000_000, 2_000)
    found = outbox.get("msg_1")
    assert found is not None
    assert found.last_error == "\N{REPLACEMENT CHARACTER}?" + "x" * 998


@pytest.mark.parametrize(
    ("which", "ids"),
    [
        (DeliveryFilter(), ["msg_3", "msg_2", "msg_1"]),
        (DeliveryFilter(ordering_key="bank/fraud"), ["msg_2"]),
        (DeliveryFilter(target="pager"), ["msg_3"]),
        (DeliveryFilter(kind="mail"), []),
        (DeliveryFilter(states=(DeliveryState.DELIVERED,)), ["msg_1"]),
        (DeliveryFilter(states=(DeliveryState.PENDING, DeliveryState.DEAD)), ["msg_3", "msg_2"]),
    ],
)
def test_find_filters_newest_first(
    outbox: Deliveries, which: DeliveryFilter, ids: list[str]
) -> None:
    """Each field of the filter selects by itself."""
    outbox.enqueue([delivery(1), delivery(2, key="bank/fraud"), delivery(3, target="pager")])
    outbox.succeeded("msg_1")
    assert [d.id for d in outbox.find(which)] == ids
