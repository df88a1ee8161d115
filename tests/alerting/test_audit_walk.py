"""From a delivery back to the window's sums, as an auditor walks, and what an edit leaves."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from governance.finding import Status
from governance.store.audit import Audit
from tests.alerting.receiver import receiver
from tests.alerting.stored import finding, open_migrated, spec, write
from tests.alerting.test_worker import drain, worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from governance.service.stores import Store

SUMS = "5" * 64


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two breaches of which the second sent a message, with all that was written about it."""
    opened = open_migrated(tmp_path)
    found = [replace(finding(i, Status.BREACH), sums=SUMS) for i in range(2)]
    with receiver() as (url, _):
        write(opened, found, spec({"do": "retrain", "webhook": "training"}))
        drain(worker(opened, tmp_path, url))
    yield opened
    opened.engine.dispose()


def rows(store: Store, kind: str) -> list[dict[str, Any]]:
    found = reversed(Audit(store.engine).query("shop"))
    return [json.loads(row.entry.body) for row in found if row.entry.kind == kind]


def test_a_delivery_leads_back_to_the_sums(store: Store) -> None:
    """Delivery, action, alert, findings, window: each row names the one before it."""
    (delivered,) = rows(store, "delivery.delivered")
    (ordered,) = [
        r for r in rows(store, "action.ordered") if r["delivery"] == delivered["delivery"]
    ]
    (fired,) = [
        r
        for r in rows(store, "alert.changed")
        if (r["alert"], r["incident"], r["to"]) == (ordered["alert"], ordered["incident"], "firing")
    ]
    ((name, revision),) = fired["findings"]
    (judged,) = [
        r
        for r in rows(store, "window.judged")
        if [name, revision] in [f[:2] for f in r["findings"]]
    ]
    (body,) = [f.body for f in store.findings.latest() if f.id == name]
    ((_, _, hash_),) = judged["findings"]
    assert hash_ == hashlib.sha256(body.encode()).hexdigest()
    assert judged["sums"] == json.loads(body)["sums"] == SUMS


def test_every_row_says_who_and_why_and_by_which_declaration(store: Store) -> None:
    """Actor, reason, generation and commit stand in each."""
    found = [json.loads(row.entry.body) for row in Audit(store.engine).query("shop")]
    assert len(found) >= 6
    for body in found:
        assert {"actor", "reason", "generation", "commit"} <= set(body)
        assert (body["actor"], body["generation"]) == ("evenhand", 1)
        assert body["reason"]


def test_an_edited_finding_no_longer_fits(store: Store) -> None:
    """The chain holds, and the finding's own hash in it tells that the finding does not."""
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            'UPDATE findings SET body = replace(body, \'"status":"breach"\', \'"status":"ok"\')'
        )
    known = {f[0]: f[2] for r in rows(store, "window.judged") for f in r["findings"]}
    bodies = {f.id: f.body for f in store.findings.latest()}
    assert Audit(store.engine).verify("shop").broken is None
    assert [
        name
        for name, body in bodies.items()
        if known[name] != hashlib.sha256(body.encode()).hexdigest()
    ] == list(bodies)
