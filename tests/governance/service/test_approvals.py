"""Approving, rejecting and replaying over HTTP, on a real socket and database."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from governance.clock import SystemClock
from governance.service.app import build_app
from governance.service.auth import Authority
from governance.service.http import bind, served
from governance.store.audit import Audit
from governance.store.delivery import Delivery, DeliveryState
from tests.alerting.stored import open_migrated
from tests.governance.service.test_api import tokens_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from governance.service.stores import Store

DAY_US = 86_400_000_000
ORDER = {"name": "Ann Lee", "reason": "seen in the notebook"}


def delivery(name: str, namespace: str = "shop", **changes: object) -> Delivery:
    now_us = SystemClock().now_us()
    waits = Delivery(
        id=f"msg_{name}",
        kind="webhook",
        target="training",
        ordering_key=f"{namespace}/prices",
        body='{"data":{}}',
        created_us=now_us,
        next_attempt_us=now_us,
        state=DeliveryState.HELD,
        action="retrain",
        generation=3,
        commit="c0ffee",
        approve_by_us=now_us + DAY_US,
    )
    return replace(waits, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_migrated(tmp_path)
    opened.deliveries.enqueue(
        [
            delivery("held"),
            delivery("late", approve_by_us=1),
            delivery("other", "bank"),
            delivery("dead", state=DeliveryState.DEAD, approve_by_us=None, last_error="gone: x"),
        ]
    )
    yield opened
    opened.engine.dispose()


@pytest.fixture
def api(store: Store, tmp_path: Path) -> Iterator[httpx.Client]:
    path = tokens_file(
        tmp_path,
        reader={"roles": ["read"]},
        lead={"roles": ["read", "approve"], "namespaces": ["shop"]},
    )
    app = build_app(store, Authority.load(path, "127.0.0.1"))
    with served(app, bind("127.0.0.1:0")) as url, httpx.Client(base_url=url) as client:
        yield client


def post(
    api: httpx.Client, path: str, token: str = "lead", order: dict[str, str] = ORDER
) -> httpx.Response:
    return api.post(path, json=order, headers={"authorization": f"Bearer {token}"})


def get(api: httpx.Client, path: str, token: str = "lead") -> httpx.Response:
    return api.get(path, headers={"authorization": f"Bearer {token}"})


def test_what_waits_is_listed_for_its_namespace(api: httpx.Client) -> None:
    """Others' actions are not shown."""
    mine = get(api, "/api/v1/approvals").json()["deliveries"]
    everybodys = get(api, "/api/v1/approvals", "reader").json()["deliveries"]
    assert [one["id"] for one in mine] == ["msg_late", "msg_held"]
    assert [one["id"] for one in everybodys] == ["msg_other", "msg_late", "msg_held"]


@pytest.mark.parametrize(("verb", "state"), [("approve", "pending"), ("reject", "rejected")])
def test_a_decision_has_a_name_and_a_ground(
    api: httpx.Client, store: Store, verb: str, state: str
) -> None:
    """Both are shown, and both are in the audit chain with generation and commit."""
    shown = post(api, f"/api/v1/approvals/msg_held/{verb}").json()
    assert (shown["state"], shown["decided_by"]) == (state, "Ann Lee (token lead)")
    assert shown["decision_reason"] == "seen in the notebook"
    (row,) = Audit(store.engine).query("shop")
    body = json.loads(row.entry.body)
    assert row.entry.kind == {"approve": "action.approved", "reject": "action.rejected"}[verb]
    assert (body["actor"], body["reason"]) == ("Ann Lee (token lead)", "seen in the notebook")
    assert (body["delivery"], body["generation"], body["commit"]) == ("msg_held", 3, "c0ffee")


def test_only_one_decision_counts(api: httpx.Client) -> None:
    """Who comes second hears what was decided, by whom."""
    post(api, "/api/v1/approvals/msg_held/reject")
    second = post(api, "/api/v1/approvals/msg_held/approve")
    assert second.status_code == 409
    assert "was decided by Ann Lee (token lead): it is rejected" in second.json()["detail"]


def test_an_expired_approval_is_no_approval(api: httpx.Client, store: Store) -> None:
    """After its time nothing is decided, and nothing is sent."""
    late = post(api, "/api/v1/approvals/msg_late/approve")
    assert late.status_code == 409
    assert "that is over" in late.json()["detail"]
    assert post(api, "/api/v1/deliveries/msg_late/replay").status_code == 409
    now_us = SystemClock().now_us()
    assert store.deliveries.due(now_us, 10, holder="a") == []
    expired = store.deliveries.get("msg_late")
    assert expired is not None
    assert expired.state is DeliveryState.EXPIRED
    assert "was never approved" in post(api, "/api/v1/deliveries/msg_late/replay").json()["detail"]


@pytest.mark.parametrize(
    ("path", "token", "order", "status"),
    [
        ("/api/v1/approvals/msg_held/approve", "reader", ORDER, 403),
        ("/api/v1/approvals/msg_other/approve", "lead", ORDER, 404),
        ("/api/v1/approvals/msg_none/approve", "lead", ORDER, 404),
        ("/api/v1/approvals/msg_dead/approve", "lead", ORDER, 409),
        ("/api/v1/approvals/'%20OR%201=1/approve", "lead", ORDER, 422),
        ("/api/v1/approvals/msg_held/approve", "lead", {"name": "Ann"}, 422),
        ("/api/v1/approvals/msg_held/approve", "lead", {"name": "Ann", "reason": "  "}, 422),
        ("/api/v1/approvals/msg_held/approve", "lead", {**ORDER, "force": "yes"}, 422),
        ("/api/v1/deliveries/msg_held/replay", "lead", ORDER, 409),
        ("/api/v1/deliveries/msg_dead/replay", "reader", ORDER, 403),
    ],
)
def test_refusals_change_nothing(
    api: httpx.Client, store: Store, *, path: str, token: str, order: dict[str, str], status: int
) -> None:
    """The role, the namespace, a name and a ground are all needed."""
    before = store.deliveries.find()
    assert post(api, path, token, order).status_code == status
    assert store.deliveries.find() == before
    assert Audit(store.engine).namespaces() == []


def test_a_dead_delivery_is_replayed(api: httpx.Client) -> None:
    """It waits again, under its id."""
    shown = post(api, "/api/v1/deliveries/msg_dead/replay").json()
    assert (shown["state"], shown["attempts"]) == ("pending", 0)


def test_deliveries_are_filtered_and_paged(api: httpx.Client) -> None:
    """By namespace, component and state, newest first; a component needs its namespace."""
    first = get(api, "/api/v1/deliveries?limit=2", "reader").json()
    second = get(api, f"/api/v1/deliveries?limit=2&cursor={first['cursor']}", "reader").json()
    names = [one["id"] for one in first["deliveries"] + second["deliveries"]]
    assert names == ["msg_dead", "msg_other", "msg_late", "msg_held"]
    dead = get(api, "/api/v1/deliveries?namespace=shop&component=prices&state=dead").json()
    assert [one["last_error"] for one in dead["deliveries"]] == ["gone: x"]
    assert get(api, "/api/v1/deliveries?namespace=bank").json()["deliveries"] == []
    assert get(api, "/api/v1/deliveries?component=prices").status_code == 400
    assert get(api, "/api/v1/deliveries?cursor='").status_code == 400


def test_a_delivery_shows_its_body(api: httpx.Client) -> None:
    """What a receiver gets can be read; another namespace's is not there."""
    assert get(api, "/api/v1/deliveries/msg_held").json()["body"] == {"data": {}}
    assert get(api, "/api/v1/deliveries/msg_other").status_code == 404
