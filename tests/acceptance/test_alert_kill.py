"""kill -9 of `alert` between write and delivery: nothing lost, nothing said otherwise."""

from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING, Any

import yaml

from governance.finding import Status
from governance.store.deliveries import DeliveryState
from tests.acceptance.program import evenhand, eventually
from tests.alerting.receiver import Answer, Posted, receiver
from tests.alerting.stored import finding, open_migrated, spec, write

if TYPE_CHECKING:
    from pathlib import Path

    from governance.service.stores import Store

STATUSES = [Status.OK, Status.BREACH, Status.BREACH, Status.OK, Status.OK, Status.BREACH]
ACTIONS = (
    {"do": "retrain", "webhook": "training", "cooldown": "0s"},
    {"do": "notify", "webhook": "training"},
)


def prepared(folder: Path, url: str) -> tuple[Store, Path]:
    """A store with findings of two incidents that nobody has evaluated, and settings."""
    folder.mkdir()
    store = open_migrated(folder)
    write(store, [finding(i, status) for i, status in enumerate(STATUSES)], spec(*ACTIONS))
    write(store, [finding(6, Status.BREACH), finding(7, Status.OK), finding(8, Status.OK)])
    secret = folder / "secret"
    secret.write_text("whsec_" + base64.b64encode(b"k" * 32).decode())
    settings = {
        "database": {"url": f"sqlite:///{folder / 'evenhand.db'}"},
        "alerting": {"webhooks": {"training": {"url": url, "secretFile": str(secret)}}},
        "http": {"metrics": "127.0.0.1:0"},
    }
    config = folder / "settings.yaml"
    config.write_text(yaml.safe_dump(settings))
    return store, config


def told(store: Store) -> list[tuple[str, str, str]]:
    """Deliveries as they lie in the outbox, in their order."""
    found = reversed(store.deliveries.find())
    return [(d.id, d.body, d.target) for d in found]


def all_delivered(store: Store) -> bool:
    found = store.deliveries.find()
    return bool(found) and all(d.state is DeliveryState.DELIVERED for d in found)


def test_what_was_decided_is_delivered_after_a_crash(tmp_path: Path) -> None:
    """The outbox equals that of an undisturbed run, and every id reaches the receiver."""
    with receiver() as (url, _):
        calm, config = prepared(tmp_path / "calm", url)
        with evenhand(tmp_path / "calm", "alert", "alert", "--config", config):
            eventually(lambda: all_delivered(calm), "deliveries of the undisturbed run")

    hanging = threading.Event()

    def hang_once(_: Posted) -> Answer:
        if not hanging.is_set():
            hanging.set()
            threading.Event().wait(5)  # the first attempt is under way when the process dies
        return Answer()

    with receiver(hang_once) as (url, posted):
        store, config = prepared(tmp_path / "killed", url)
        with evenhand(tmp_path / "killed", "alert", "alert", "--config", config) as program:
            assert hanging.wait(30)
            program.kill()
        assert told(store) == told(calm)
        _end_row_leases(store)
        with evenhand(tmp_path / "killed", "again", "alert", "--config", config):
            eventually(lambda: all_delivered(store), "deliveries after the crash")
    received: dict[str, Any] = {p.headers["webhook-id"]: p.body.decode() for p in posted}
    assert received == {id_: body for id_, body, _ in told(calm)}


def _end_row_leases(store: Store) -> None:
    """Let the dead process's minute pass at once."""
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET leased_until = 0")
