"""Deliveries to a receiver in a bad mood, over three kill -9: none lost, none out of order."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
import yaml

from governance.store.audit import Audit
from governance.store.delivery import Delivery, DeliveryFilter, DeliveryState
from tests.acceptance.moody import Moods, moody_receiver
from tests.acceptance.program import evenhand, eventually
from tests.alerting.stored import open_migrated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from governance.service.stores import Store
    from tests.acceptance.moody import Heard

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
KILLS = 3
PATIENCE_SECONDS = 3_600.0


def outbox(store: Store, count: int, components: int) -> list[str]:
    """Write ``count`` deliveries, of the components in turn; their ids in order."""
    new = []
    for number in range(count):
        component = f"shop/c{number % components}"
        body = json.dumps({"component": component, "number": number})
        name = f"msg_{number:08}"
        new.append(Delivery(name, "webhook", "moody", component, body, number, 0, action="notify"))
    store.deliveries.enqueue(new)
    return [one.id for one in new]


def settings(folder: Path, url: str) -> Path:
    secret = folder / "secret"
    secret.write_text(SECRET)
    delivery = {"firstWait": "50ms", "longestWait": "1s", "attempt": "500ms"}
    written = {
        "database": {"url": f"sqlite:///{folder / 'evenhand.db'}"},
        "alerting": {
            "webhooks": {"moody": {"url": url, "secretFile": str(secret)}},
            "delivery": delivery,
        },
        "http": {"metrics": "127.0.0.1:0"},
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


def wait_for(heard: Heard, count: int) -> None:
    def enough() -> bool:
        return len(heard.bodies) >= count

    eventually(enough, f"{count} messages", PATIENCE_SECONDS)


def all_delivered(store: Store, count: int) -> Callable[[], bool]:
    delivered = DeliveryFilter(states=(DeliveryState.DELIVERED,))
    return lambda: len(store.deliveries.find(delivered, count)) == count


def run_it(folder: Path, count: int, components: int) -> tuple[Store, list[str], Heard]:
    """Kill the program thrice on its way, and let the receiver be away between."""
    store, moods = open_migrated(folder), Moods()
    ids = outbox(store, count, components)
    with moody_receiver(SECRET, moods) as (url, heard):
        config = settings(folder, url)
        for kill in range(KILLS):
            with evenhand(folder, f"killed-{kill}", "alert", "--config", config) as program:
                wait_for(heard, count * (kill + 1) // (KILLS + 1))
                program.kill()
        moods.away.set()
        with evenhand(folder, "last", "alert", "--config", config):
            asked = heard.requests
            eventually(lambda: heard.requests > asked + 5, "requests while it is away")
            moods.away.clear()
            eventually(all_delivered(store, count), "all deliveries", PATIENCE_SECONDS)
    return store, ids, heard


def check(store: Store, ids: list[str], heard: Heard) -> None:
    """Each id at least once, duplicates with the same body, in order per component."""
    assert sorted(heard.bodies) == ids
    assert {len(bodies) for bodies in heard.bodies.values()} == {1}
    assert heard.forged == 0
    for component, taken in heard.taken.items():
        assert taken == sorted(taken), component
    chain = Audit(store.engine).verify("shop")
    assert chain.broken is None
    kinds = {found.id: found.state for found in store.deliveries.find(limit=len(ids) + 1)}
    assert set(kinds.values()) == {DeliveryState.DELIVERED}
    store.engine.dispose()


def test_nothing_is_lost_over_three_crashes(tmp_path: Path) -> None:
    """300 deliveries of 30 components; `test_ten_thousand...` is the long form."""
    store, ids, heard = run_it(tmp_path, 300, 30)
    check(store, ids, heard)
    assert sum(map(len, heard.taken.values())) > len(ids)  # it did take some twice


@pytest.mark.slow
def test_ten_thousand_deliveries_survive_three_crashes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same of 10,000 deliveries of 200 components; prints what it took."""
    store, ids, heard = run_it(tmp_path, 10_000, 200)
    check(store, ids, heard)
    taken = sum(map(len, heard.taken.values()))
    line = (
        f"\n{len(ids):,} deliveries of 200 components, {KILLS} kill -9: {heard.requests:,} "
        f"requests, {taken:,} taken, {taken - len(ids):,} of them again, none lost, none out of "
        "order"
    )
    with capsys.disabled():
        print(line, flush=True)  # noqa: T201 - make test-slow prints the tables
