"""From findings in the database to a signed webhook at a real receiver."""

from __future__ import annotations

import base64
import json
import sqlite3
from typing import TYPE_CHECKING, Any, cast

import pytest
from standardwebhooks.webhooks import Webhook

from governance.alert import AlertState
from governance.clock import SystemClock
from governance.config import AlertingSettings, Settings, WebhookSettings
from governance.finding import Status
from governance.metrics import Metrics
from governance.service.build import build_alert_worker
from governance.store import engine
from governance.store.deliveries import DeliveryState
from tests.alerting.receiver import Answer, Posted, receiver
from tests.alerting.stored import finding, open_migrated, spec, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from threading import Event

    from alerting.runner import AlertWorker
    from governance.service.stores import Store

SECRET = "whsec_" + base64.b64encode(b"0" * 32).decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"1" * 32).decode()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_migrated(tmp_path)
    yield opened
    opened.engine.dispose()


def worker(store: Store, folder: Path, url: str, **alerting: Any) -> AlertWorker:
    secret_file = folder / "secret"
    secret_file.write_text(f"{SECRET}\n{OLD_SECRET}\n")
    webhooks = {"training": WebhookSettings(url=url, secret_file=secret_file)}
    settings = Settings(
        alerting=AlertingSettings.model_validate({"webhooks": webhooks, **alerting})
    )
    return build_alert_worker(settings, store, SystemClock(), Metrics())


def drain(alerting: AlertWorker) -> None:
    while alerting.work():
        pass


class Lock:
    """``stop`` of a loop during whose first two rounds another connection writes."""

    def __init__(self, path: Path) -> None:
        self._other = sqlite3.connect(path, isolation_level=None)
        self._other.execute("BEGIN IMMEDIATE")
        self._rounds = 0

    def is_set(self) -> bool:
        self._rounds += 1
        if self._rounds == 3:
            self._other.execute("ROLLBACK")
            self._other.close()
        return self._rounds > 4

    def wait(self, _: float) -> None:
        """No time passes."""


def test_an_outage_of_the_database_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However many rounds it lasts: one line when it begins, one when it is over."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.01)
    store = open_migrated(tmp_path)
    write(store, [finding(0, Status.BREACH)], spec())
    alerting = worker(store, tmp_path, "http://127.0.0.1:1/")
    alerting.run(cast("Event", Lock(tmp_path / "evenhand.db")))
    store.engine.dispose()
    said = [record.getMessage() for record in caplog.records if record.name == "evenhand.alerting"]
    assert len(said) == 2, said
    assert "database is locked" in said[0]
    assert said[1] == "the database works again"


def test_a_confirmed_breach_reaches_the_receiver_signed(store: Store, tmp_path: Path) -> None:
    """Two breaches of three windows: one alert, one delivery, a signature for each secret."""
    write(store, [finding(0, Status.BREACH)], spec({"do": "retrain", "webhook": "training"}))
    with receiver() as (url, posted):
        alerting = worker(store, tmp_path, url)
        drain(alerting)
        assert not posted
        write(store, [finding(1, Status.BREACH)])
        drain(alerting)
    (alert,) = store.alerts.find()
    (message,) = posted
    for secret in (SECRET, OLD_SECRET):
        Webhook(secret).verify(message.body, message.headers)
    data = json.loads(message.body)["data"]
    assert alert.state is AlertState.FIRING
    assert data["action"] == "retrain"
    assert data["alert"]["judgements"][0]["summary"] == (
        "drift of age is 0.3 [0.2, 0.4], limit 0.1; would happen less than once in 10,000 "
        "windows if nothing had changed (age moved)"
    )


def test_decisions_do_not_depend_on_how_findings_are_cut(store: Store, tmp_path: Path) -> None:
    """Evaluating everything at once gives the alert that window by window gives."""
    statuses = [Status.OK, Status.BREACH, Status.BREACH, Status.OK, Status.OK, Status.BREACH]
    write(store, [finding(i, s) for i, s in enumerate(statuses)], spec())
    with receiver() as (url, _):
        drain(worker(store, tmp_path, url))
    (alert,) = store.alerts.find()
    assert (alert.state, alert.incident) == (AlertState.PENDING, 2)


def test_a_failing_receiver_is_tried_again(store: Store, tmp_path: Path) -> None:
    """The delivery stays pending with the reason, under the same id."""
    breaches = [finding(i, Status.BREACH) for i in range(2)]
    write(store, breaches, spec({"do": "retrain", "webhook": "training"}))
    with receiver(lambda _: Answer(503, {"retry-after": "1000"})) as (url, posted):
        drain(worker(store, tmp_path, url))
    (delivery,) = store.deliveries.find()
    assert delivery.state is DeliveryState.PENDING
    assert delivery.last_error == "status: answered 503"
    assert delivery.next_attempt_us - delivery.created_us >= 1_000_000_000
    assert posted[0].headers["webhook-id"] == delivery.id


@pytest.mark.parametrize(
    ("answer", "state", "error"),
    [
        (Answer(410), DeliveryState.DEAD, "gone: answered 410, the receiver wants nothing more"),
        (
            Answer(301, {"location": "http://127.0.0.1:9/private"}),
            DeliveryState.PENDING,
            "redirect: answered 301, redirects are not followed",
        ),
        (Answer(200, body=b"x" * 5_000_000), DeliveryState.DELIVERED, ""),
    ],
)
def test_odd_answers_have_their_reason(
    store: Store, tmp_path: Path, answer: Answer, state: DeliveryState, error: str
) -> None:
    """Gone is dead, a redirect is not followed, a huge answer is cut off."""
    breaches = [finding(i, Status.BREACH) for i in range(2)]
    write(store, breaches, spec({"do": "retrain", "webhook": "training"}))
    with receiver(lambda _: answer) as (url, _):
        drain(worker(store, tmp_path, url))
    (delivery,) = store.deliveries.find()
    assert (delivery.state, delivery.last_error) == (state, error)


def test_resolving_is_told_to_notify_and_alertmanager(store: Store, tmp_path: Path) -> None:
    """A resolved alert is posted with its end, and a notice is sent for it."""
    posts: list[Any] = []

    def answer(seen: Posted) -> Answer:
        if seen.path.endswith("/api/v2/alerts"):
            posts.append(json.loads(seen.body))
        return Answer(200)

    statuses = [Status.BREACH, Status.BREACH, Status.OK, Status.OK]
    document = spec({"do": "notify", "webhook": "training"})
    with receiver(answer) as (url, posted):
        alerting = worker(store, tmp_path, url, alertmanager={"urls": [url]})
        for window, status in enumerate(statuses):
            write(store, [finding(window, status)], document)
            drain(alerting)
    notices = [json.loads(p.body)["data"]["alert"]["state"] for p in posted if p.path == "/"]
    (alert,) = posts[-1]
    assert notices == ["firing", "resolved"]
    assert [len(post) for post in posts] == [1, 1]
    assert alert["labels"]["check"] == "drift"
    assert alert["endsAt"] >= alert["startsAt"]


def test_audit_holds_every_change(store: Store, tmp_path: Path) -> None:
    """Windows, pending, firing, the action and its delivery are links of one chain."""
    breaches = [finding(i, Status.BREACH) for i in range(2)]
    with receiver() as (url, _):
        alerting = worker(store, tmp_path, url)
        for each in breaches:
            write(store, [each], spec({"do": "retrain", "webhook": "training"}))
            drain(alerting)
    with store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT kind FROM audit ORDER BY sequence").all()
    kinds = [kind for (kind,) in rows]
    assert kinds == [
        "window.judged",
        "alert.changed",
        "action.stopped",
        "window.judged",
        "alert.changed",
        "action.ordered",
        "delivery.delivered",
    ]


def test_a_second_replica_does_not_evaluate(store: Store, tmp_path: Path) -> None:
    """The lease keeps the other replica from stepping alerts; it delivers all the same."""
    write(store, [finding(i, Status.BREACH) for i in range(2)], spec())
    with receiver() as (url, _):
        first, second = worker(store, tmp_path, url), worker(store, tmp_path, url)
        first.work()
        write(store, [finding(2, Status.BREACH)])
        second.work()
        (alert,) = store.alerts.find()
        assert alert.history[-1].window == 1
        drain(first)
    (alert,) = store.alerts.find()
    assert alert.history[-1].window == 2


def test_no_audit_where_it_is_switched_off(store: Store, tmp_path: Path) -> None:
    """`auditTrail.enabled: false` leaves no row; alerts and actions go on."""
    document = json.loads(spec({"do": "retrain", "webhook": "training"}))
    document["spec"]["governance"] = {"auditTrail": {"enabled": False}}
    write(store, [finding(i, Status.BREACH) for i in range(2)], json.dumps(document))
    with receiver() as (url, posted):
        drain(worker(store, tmp_path, url))
    with store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM audit").scalar()
    assert (rows, len(posted)) == (0, 1)
