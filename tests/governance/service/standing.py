"""A door that stands open on a real socket, onto a real embedded bus."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from governance.bus.connect import open_bus
from governance.bus.ports import EVENTS_TOPIC
from governance.clock import SystemClock
from governance.config import Settings
from governance.metrics import Metrics
from governance.privacy import Pseudonymiser
from governance.service.auth import Authority
from governance.service.door import Door, door_app, opened
from governance.service.http import bind, served
from governance.wire.message import Message, decode
from tests.collectors.exchanges import component

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from governance.algebra.fourier import Projection
    from governance.clock import Clock
    from governance.component.key import ComponentKey
    from governance.component.schema import Component

EVENTS = "/api/v1/components/shop/m/events"
LABELS = "/api/v1/components/shop/m/labels"
MAX_BODY_BYTES = 10_000
UNKEYED = Pseudonymiser(b"")  # what the level open uses
TOKENS: dict[str, dict[str, Any]] = {
    "writer": {"roles": ["ingest"], "namespaces": ["shop"]},
    "reader": {"roles": ["read"]},
    "elsewhere": {"roles": ["ingest"], "namespaces": ["bank"]},
    "slow": {"roles": ["ingest"], "rowsPerSecond": 1},
}


class Standing:
    """A door that stands open, and what has gone through it."""

    def __init__(self, folder: Path, door: Door, metrics: Metrics, url: str) -> None:
        self.folder = folder
        self.door = door
        self.metrics = metrics
        self.client = httpx.Client(base_url=url, trust_env=False)
        self._bus_url = f"file:{folder / 'bus'}"

    def post(self, path: str, rows: Any, token: str = "writer", **headers: str) -> httpx.Response:
        body = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
        return self.client.post(
            path, content=body, headers={"authorization": f"Bearer {token}", **headers}
        )

    def arrived(self, batches: int) -> list[Message]:
        """Messages with rows, once there are so many."""
        bus = open_bus(self._bus_url)
        consumer = bus.consumer("test")
        consumer.subscribe(EVENTS_TOPIC, lambda own: dict.fromkeys(own, 0), lambda _: None)
        found: list[Message] = []
        for _ in range(50):
            if len(found) >= batches:
                break
            messages = [decode(record) for record in consumer.poll(500, 0.2)]
            found += [message for message in messages if message.batch is not None]
        consumer.close()
        bus.close()
        return found

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


def watched(**spec: Any) -> Component:
    """The component of these tests."""
    signals = {"favourable": {"in": ["1"]}, "groups": {"sex": "column:sex"}}
    return component(**({"signals": signals} | spec))


@contextmanager
def standing(
    folder: Path,
    components: Sequence[Component] = (),
    *,
    clock: Clock | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    projections: Mapping[ComponentKey, Mapping[str, Projection]] | None = None,
) -> Iterator[Standing]:
    """A door for ``shop/m`` or for other components, with the tokens above."""
    settings = Settings.model_validate({"bus": {"url": f"file:{folder / 'bus'}"}})
    tokens = folder / "tokens.yaml"
    entries = [
        {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), **fields}
        for name, fields in TOKENS.items()
    ]
    tokens.write_text(yaml.safe_dump({"tokens": entries}))
    metrics, clock = Metrics(), clock or SystemClock()
    authority = Authority.load(tokens, "127.0.0.1", clock=clock)
    declared, state = components or [watched()], folder / "state"
    with opened(settings, declared, state, clock, metrics, projections=projections) as door:
        app = door_app(door, authority, max_body_bytes)
        with served(app, bind("127.0.0.1:0")) as url:
            found = Standing(folder, door, metrics, url)
            with found.client:
                yield found
