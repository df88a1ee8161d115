"""Alertmanager that will not take one alert of a batch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from alerting.annotations import Links
from alerting.notifiers.alertmanager import AlertmanagerPoster
from governance.alert import Alert, AlertKey, AlertState
from governance.clock import SystemClock
from governance.component.key import ComponentKey
from governance.config import AlertingSettings, Settings
from governance.finding import Status
from governance.metrics import Metrics
from governance.service.build import build_alert_worker
from tests.alerting.receiver import Answer, Posted, receiver
from tests.alerting.stored import finding, open_migrated, spec, write

if TYPE_CHECKING:
    from pathlib import Path

NOW_US = 1_767_225_600_000_000


def firing(name: str) -> Alert:
    key = AlertKey(ComponentKey("shop", name), "1", "tabular", "drift")
    return Alert(key, AlertState.FIRING, firing_since_us=NOW_US)


def dislikes(name: str, taken: list[str]) -> Any:
    """Like Alertmanager: what is valid is stored, and the answer is 400 all the same."""

    def answer(seen: Posted) -> Answer:
        names = [alert["labels"]["component"] for alert in json.loads(seen.body)]
        taken.extend(n for n in names if n != name)
        return Answer(400, body=b'"bad alert"') if name in names else Answer(200)

    return answer


def test_the_refused_one_is_named_and_the_others_arrive() -> None:
    """Each alert of a batch that was answered 400 is posted alone."""
    taken: list[str] = []
    with receiver(dislikes("b", taken)) as (url, _):
        poster = AlertmanagerPoster([url], Links("http://evenhand"))
        posting = poster.post([firing("a"), firing("b"), firing("c")], NOW_US)
        poster.close()
    assert set(taken) == {"a", "c"}
    assert [alert.key.component.name for alert, _ in posting.refused] == ["b"]
    assert "bad alert" in posting.refused[0][1]
    assert posting.failures == []


def test_a_replica_that_is_away_keeps_nothing_from_the_other() -> None:
    """Every replica is posted to, and what failed is named with its address."""
    taken: list[str] = []
    with receiver(dislikes("", taken)) as (url, _):
        poster = AlertmanagerPoster(["http://127.0.0.1:9", url], Links("http://evenhand"))
        posting = poster.post([firing("a")], NOW_US)
        poster.close()
    assert taken == ["a"]
    assert [f.partition(": ")[0] for f in posting.failures] == ["http://127.0.0.1:9"]


def test_a_refusal_is_counted_and_audited_once(tmp_path: Path) -> None:
    """However often it is posted again."""
    store, metrics = open_migrated(tmp_path), Metrics()
    write(store, [finding(i, Status.BREACH) for i in range(2)], spec())
    with receiver(dislikes("prices", [])) as (url, posted):
        manager = {"urls": [url], "postEverySeconds": 0.000_001}
        alerting = AlertingSettings.model_validate({"alertmanager": manager})
        worker = build_alert_worker(Settings(alerting=alerting), store, SystemClock(), metrics)
        for _ in range(4):
            worker.work()
    with store.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT body FROM audit WHERE kind = 'alert.refused'"
        ).all()
    store.engine.dispose()
    assert len(posted) >= 3
    assert metrics.registry.get_sample_value("evenhand_alertmanager_refused_total") == 1
    assert [json.loads(body)["component"] for (body,) in rows] == ["shop/prices"]
