"""Approvals, pauses, receivers that are gone and the audit of fates, on both databases."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from governance.audit import Cause
from governance.component.key import ComponentKey
from governance.store.audit import Audit
from governance.store.deliveries import Deliveries
from governance.store.delivery import Acted, Delivery, DeliveryFilter, DeliveryState
from governance.store.pauses import Pauses
from tests.contracts.store.rows import delivery

if TYPE_CHECKING:
    from sqlalchemy import Engine

NOW_US = 1_000
ANN = Cause("seen", actor="Ann")


def held(number: int, *, approve_by_us: int = 5_000, expires_us: int | None = None) -> Delivery:
    return replace(
        delivery(number, expires_us=expires_us),
        state=DeliveryState.HELD,
        action="retrain",
        approve_by_us=approve_by_us,
    )


def acting(number: int, action: str = "retrain", key: str = "bank/credit") -> Delivery:
    return replace(delivery(number, key=key), action=action)


def due(outbox: Deliveries, now_us: int = NOW_US) -> list[str]:
    return [one.id for one in outbox.due(now_us, 10, holder="a")]


def state(outbox: Deliveries, number: int) -> DeliveryState:
    found = outbox.get(f"msg_{number}")
    assert found is not None
    return found.state


def kinds(engine: Engine, namespace: str = "bank") -> list[str]:
    return [row.entry.kind for row in reversed(Audit(engine).query(namespace))]


@pytest.fixture
def outbox(engine: Engine) -> Deliveries:
    return Deliveries(engine)


def test_what_waits_for_approval_is_not_due_and_holds_nothing_up(outbox: Deliveries) -> None:
    """A later delivery of the same component goes; the held one stays."""
    outbox.enqueue([held(1), delivery(2)])
    assert outbox.targets(NOW_US) == ["pipeline"]
    assert due(outbox) == ["msg_2"]
    assert state(outbox, 1) is DeliveryState.HELD


def test_what_was_approved_goes(outbox: Deliveries, engine: Engine) -> None:
    """With the name and the ground, in the row and in the chain."""
    outbox.enqueue([held(1)])
    assert outbox.decide("msg_1", ANN, NOW_US, approve=True)
    (sent,) = outbox.due(NOW_US, 10, holder="a")
    assert (sent.decided_by, sent.decision_reason, sent.decided_us) == ("Ann", "seen", NOW_US)
    assert kinds(engine) == ["action.approved"]


def test_what_was_rejected_never_goes(outbox: Deliveries, engine: Engine) -> None:
    """Neither by itself nor by replay."""
    outbox.enqueue([held(1)])
    assert outbox.decide("msg_1", ANN, NOW_US, approve=False)
    assert not outbox.decide("msg_1", ANN, NOW_US, approve=True)
    assert not outbox.replay("msg_1", NOW_US)
    assert due(outbox) == []
    assert kinds(engine) == ["action.rejected"]


@pytest.mark.parametrize("waiting", [held(1, approve_by_us=NOW_US), held(1, expires_us=NOW_US)])
def test_an_expired_approval_is_no_approval(outbox: Deliveries, waiting: Delivery) -> None:
    """Past either end nobody can approve any more, and replay is no way around."""
    outbox.enqueue([waiting])
    assert outbox.decide("msg_1", ANN, NOW_US - 1, approve=True) is True
    outbox.enqueue([replace(waiting, id="msg_2")])
    assert outbox.decide("msg_2", ANN, NOW_US, approve=True) is False
    assert not outbox.replay("msg_2", NOW_US)


def test_an_approved_action_still_expires(outbox: Deliveries, engine: Engine) -> None:
    """A rollback that was approved in time and not sent in time is not sent."""
    outbox.enqueue([held(1, expires_us=2_000)])
    assert outbox.decide("msg_1", ANN, NOW_US, approve=True)
    assert due(outbox, 2_000) == []
    assert state(outbox, 1) is DeliveryState.EXPIRED
    assert kinds(engine) == ["action.approved", "delivery.expired"]


def test_what_nobody_approved_expires_with_a_line(outbox: Deliveries, engine: Engine) -> None:
    """The sweep finds it without a receiver to send to."""
    outbox.enqueue([held(1, approve_by_us=NOW_US)])
    assert outbox.targets(NOW_US) == ["pipeline"]
    assert due(outbox) == []
    assert state(outbox, 1) is DeliveryState.EXPIRED
    assert kinds(engine) == ["delivery.expired"]


def test_two_decisions_at_once_leave_one(engine: Engine) -> None:
    """Of eight that decide at the same moment one is heard, and one line is written."""
    Deliveries(engine).enqueue([held(1)])

    def decide(number: int) -> bool:
        cause = Cause("mine", actor=f"person {number}")
        return Deliveries(engine).decide("msg_1", cause, NOW_US, approve=number % 2 == 0)

    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(decide, range(8)))
    assert sum(heard) == 1
    assert len(kinds(engine)) == 1


def test_a_rehearsal_is_never_sent(outbox: Deliveries) -> None:
    """It only lies there; replay does not send it."""
    outbox.enqueue([replace(acting(1), state=DeliveryState.REHEARSED)])
    assert due(outbox) == []
    assert not outbox.replay("msg_1", NOW_US)


@pytest.mark.parametrize("namespace", ["*", "bank"])
def test_a_pause_stops_automatic_actions_on_their_way(
    outbox: Deliveries, engine: Engine, namespace: str
) -> None:
    """Notices and what a person approved go; the rest goes after the pause."""
    approved = replace(held(3), id="msg_3")
    outbox.enqueue([acting(1), acting(2, "notify"), approved])
    outbox.decide("msg_3", ANN, 5, approve=True)
    assert Pauses(engine).pause(namespace, Cause("flood", actor="Bob"))
    assert due(outbox) == ["msg_2"]
    outbox.succeeded("msg_2")
    assert due(outbox) == ["msg_3"]
    outbox.succeeded("msg_3")
    assert outbox.targets(NOW_US) == []
    assert Pauses(engine).resume(namespace, ANN)
    assert due(outbox) == ["msg_1"]


def test_a_pause_of_another_namespace_stops_nothing(outbox: Deliveries, engine: Engine) -> None:
    """Nor does that of one whose name begins alike."""
    outbox.enqueue([acting(1, key="bank-eu/credit")])
    Pauses(engine).pause("bank", ANN)
    assert due(outbox) == ["msg_1"]
    assert Pauses(engine).of("bank-eu") is None


def test_a_pause_is_said_once_in_every_chain_that_it_concerns(
    outbox: Deliveries, engine: Engine
) -> None:
    """Who, why, in which namespaces; a second one changes nothing."""
    outbox.enqueue([acting(1), acting(2, key="shop/prices")])
    for number in (1, 2):
        outbox.succeeded(f"msg_{number}")  # both namespaces have a chain now
    pauses = Pauses(engine)
    cause = Cause("flood", actor="Bob")
    assert [pauses.pause("*", cause), pauses.pause("*", ANN)] == [True, False]
    assert [(one.namespace, one.by, one.reason) for one in pauses.find()] == [("*", "Bob", "flood")]
    assert [pauses.resume("*", ANN), pauses.resume("*", ANN)] == [True, False]
    for namespace in ("bank", "shop"):
        assert kinds(engine, namespace)[1:] == ["actions.paused", "actions.resumed"]


def test_a_gone_receiver_takes_what_waits_with_it(outbox: Deliveries, engine: Engine) -> None:
    """Other receivers' deliveries stay; after enabling, replay sends."""
    outbox.enqueue([delivery(1), delivery(2), delivery(3, target="pager")])
    outbox.gone("pipeline", "gone: answered 410")
    assert due(outbox) == ["msg_3"]
    assert state(outbox, 1) is state(outbox, 2) is DeliveryState.DEAD
    assert outbox.counts() == {("pipeline", "dead"): 2.0, ("pager", "pending"): 1.0}
    assert [one.reason for one in outbox.disabled()] == ["gone: answered 410"]
    assert kinds(engine) == ["delivery.dead", "delivery.dead"]
    assert [outbox.enable("pipeline"), outbox.enable("pipeline")] == [True, False]
    assert outbox.replay("msg_2", NOW_US)
    assert due(outbox) == ["msg_2"]


def test_acted_says_when_and_how_often(outbox: Deliveries) -> None:
    """By action and receiver; what was rejected or never approved was not done."""
    rows = [
        acting(10),
        acting(20),
        acting(30, "rollback"),
        acting(40, "notify"),
        replace(held(50), id="msg_50"),
        replace(held(60), id="msg_60", target="other", state=DeliveryState.REJECTED),
        replace(held(70), id="msg_70", target="other", state=DeliveryState.EXPIRED),
        acting(80, key="bank/fraud"),
    ]
    outbox.enqueue(rows)
    found = sorted(outbox.acted(ComponentKey("bank", "credit"), 15), key=lambda one: one.action)
    assert found == [
        Acted("retrain", "pipeline", 50, automatic=1),
        Acted("rollback", "pipeline", 30, automatic=1),
    ]


def test_fates_of_components_without_a_trail_leave_no_line(
    outbox: Deliveries, engine: Engine
) -> None:
    """`auditTrail.enabled: false` holds for deliveries too."""
    outbox.enqueue([replace(delivery(1), audited=False), delivery(2, key="shop/prices")])
    for number in (1, 2):
        outbox.succeeded(f"msg_{number}", "delivered: answered 200")
    assert Audit(engine).namespaces() == ["shop"]
    (row,) = Audit(engine).query("shop")
    assert json.loads(row.entry.body)["reason"] == "delivered: answered 200"


def test_lists_come_in_pages_by_namespace(outbox: Deliveries) -> None:
    """A tenant sees its own; a name that begins alike is another's."""
    outbox.enqueue([delivery(n, key="bank/c" if n % 2 else "bank-eu/c") for n in range(1, 7)])
    mine = DeliveryFilter(namespaces=("bank",))
    first = outbox.page(mine, None, 2)
    second = outbox.page(mine, first.cursor, 2)
    names = [one.id for one in (*first.deliveries, *second.deliveries)]
    assert (names, second.cursor) == (["msg_5", "msg_3", "msg_1"], None)
    assert outbox.find(DeliveryFilter(namespaces=())) == []
    with pytest.raises(ValueError, match="is not a cursor"):
        outbox.page(mine, "' OR 1=1", 2)


def test_one_receiver_is_asked_for_alone(outbox: Deliveries) -> None:
    """Room at one receiver takes nothing of another's."""
    outbox.enqueue([delivery(1), delivery(2, target="pager")])
    taken = outbox.due(NOW_US, 10, holder="a", target="pager")
    assert [one.id for one in taken] == ["msg_2"]
    assert outbox.targets(NOW_US) == ["pipeline"]
