"""The door, ``evenhand collect --listen``: events and labels of any producer, over HTTP.

request ─► routes/ingest ─► Desk (reads, keys, filters) ─► Door (gathers) ─► spool ─► bus

A yes (202) means that the spool's files hold it: it outlives this process, whatever the bus does.
"""

from __future__ import annotations

import asyncio
import fcntl
import functools
import logging
import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import FastAPI

from collectors.ingest import Desk
from collectors.ledger import MemoryLedger
from collectors.projections import projections_of
from collectors.publish import Publisher
from collectors.sidecar.spool import Spool
from governance.bus.connect import open_bus
from governance.errors import BusError, ConfigError, Full
from governance.event import EventBatch
from governance.metrics import Family
from governance.privacy import open_pseudonymiser
from governance.service.overhearing import Overhearing
from governance.service.paths import MonitoringPaths, TokenInPath, declared_by
from governance.service.problems import add_problem_handlers
from governance.service.routes import ingest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from prometheus_client import Counter

    from collectors.batches import Batch
    from collectors.cloud_events.event import CloudEvent
    from governance.algebra.fourier import Projection
    from governance.bus.ports import Bus
    from governance.clock import Clock
    from governance.component.key import ComponentKey
    from governance.component.load import LoadedComponent
    from governance.component.schema import Component
    from governance.config import Settings
    from governance.metrics import Metrics
    from governance.service.auth import Authority
    from governance.service.overhearing import Heard

GATHER_SECONDS = 0.005  # requests that come within share a message and a write
READING_BYTES = 64 * 1024 * 1024  # of all bodies that are being read at once
FLUSH_SECONDS = 8.0  # for the bus to take what waits, at the end

_OUTCOMES = {
    "published": "published",
    "spooled": "spooled",
    "refused": "dropped_invalid",
    "spool_full": "dropped_full",
}
_OWN = ("namespace", "component")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Offer:
    component: ComponentKey
    batches: Sequence[Batch]
    taken: asyncio.Future[None] = field(compare=False)


class Door:
    """What the routes need: a desk per component, and a way to the bus."""

    def __init__(
        self,
        desks: Mapping[ComponentKey, Desk],
        publisher: Publisher,
        overhearing: Overhearing,
        clock: Clock,
        rows: Counter,
    ) -> None:
        self.desks = desks
        self.clock = clock
        self.owner_of = overhearing.owners.of
        self._publisher = publisher
        self._overhearing = overhearing
        self._rows = rows
        self._offers: list[_Offer] = []
        self._gathering: asyncio.Task[None] | None = None
        self._reading = 0

    def count(self, component: ComponentKey | None, kind: str, outcome: str, rows: int) -> None:
        """Count rows: ``accepted``, ``invalid``, ``full``, ``unknown`` (of no component here)."""
        own = ("", "") if component is None else (component.namespace, component.name)
        self._rows.labels(*own, kind, outcome).inc(rows)

    def reserve(self, size: int) -> None:
        """Make room for part of a body; raises Full if too much is being read."""
        if self._reading + size > READING_BYTES:
            raise Full(f"{self._reading} bytes of requests are being read: try again later")
        self._reading += size

    def release(self, size: int) -> None:
        """Give room back."""
        self._reading -= size

    async def take(self, component: ComponentKey, batches: Sequence[Batch]) -> None:
        """Return once the spool holds the batches; raises Full if it does not take them."""
        offer = _Offer(component, batches, asyncio.get_running_loop().create_future())
        self._offers.append(offer)
        if self._gathering is None:
            self._gathering = asyncio.create_task(self._gather())
        await offer.taken

    async def hear(self, component: ComponentKey, events: Sequence[CloudEvent]) -> Heard:
        """Take what an inference logger sends; raises as ``Overhearing.hear``."""
        return await self._overhearing.hear(component, events, self.take)

    def finish(self) -> None:
        """Hand over what waits for a partner that will not come to this process any more."""
        self._overhearing.finish(self._publisher.take)

    async def _gather(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        offers, self._offers, self._gathering = self._offers, [], None
        for component in dict.fromkeys(offer.component for offer in offers):
            own = [offer for offer in offers if offer.component == component]
            await self._hand_over(component, own)

    async def _hand_over(self, component: ComponentKey, offers: Sequence[_Offer]) -> None:
        batches = [batch for offer in offers for batch in offer.batches]
        error: Exception | None = None
        try:
            await asyncio.to_thread(self._publisher.take, component, batches)
        except Exception as refusal:  # noqa: BLE001 - whoever waits for it must hear of it
            error = refusal
        else:
            if any(isinstance(batch, EventBatch) for batch in batches):
                self._publisher.announce(component)
        for offer in offers:
            if offer.taken.cancelled():
                continue
            if error is None:
                offer.taken.set_result(None)
            else:
                offer.taken.set_exception(error)


def door_app(door: Door, authority: Authority, max_body_bytes: int) -> FastAPI:
    """The door's routes; all but /livez and /readyz ask for a token."""
    app = FastAPI(title="Evenhand's door", docs_url=None, redoc_url=None)
    app.state.door = door
    app.state.authority = authority
    app.state.max_body_bytes = max_body_bytes
    add_problem_handlers(app)
    app.include_router(ingest.router)
    components = [desk.component for desk in door.desks.values()]
    app.add_middleware(
        MonitoringPaths, owner=app, declared=functools.partial(declared_by, components)
    )
    app.add_middleware(TokenInPath)  # the outer one: it sees the path first
    app.add_api_route("/livez", _well, include_in_schema=False)
    app.add_api_route("/readyz", _well, include_in_schema=False)
    return app


@contextmanager
def opened(  # noqa: PLR0913 - what a door is described by
    settings: Settings,
    components: Iterable[Component],
    state: Path,
    clock: Clock,
    metrics: Metrics,
    *,
    projections: Mapping[ComponentKey, Mapping[str, Projection]] | None = None,
) -> Iterator[Door]:
    """A door to the settings' bus while the block runs; at its end it says bye.

    ``state`` is the folder of the spool; it is made where it does not exist. ``projections`` are
    those by which embeddings of what loggers send are summed, by component and modality.

    Raises
    ------
    ConfigError
        If a component needs a privacy key and there is none, the bus can never work, or another
        process has the state folder.
    """
    rows = metrics.counter(
        "evenhand_door_rows_total", "Rows that came to the door.", (*_OWN, "kind", "outcome")
    )
    keys, known = settings.privacy.key_directory, projections or {}
    desks = [
        Desk(component, open_pseudonymiser(component, keys), known.get(component.key))
        for component in components
    ]
    with _claimed(state):
        bus = open_bus(settings.bus.url, client=settings.bus.client)
        ledger = MemoryLedger()
        publisher = _publisher(bus, settings, state, clock, ledger)
        metrics.publish(lambda: [_events_family(ledger)])
        own = {desk.component.key: desk for desk in desks}
        overhearing = Overhearing(own, state, clock, metrics, publisher.send_sums)
        door = Door(own, publisher, overhearing, clock, rows)
        try:
            _connect(publisher)
            yield door
        finally:
            door.finish()
            if not publisher.close(FLUSH_SECONDS):
                _log.warning("the bus is away: what waits stays in %s for the next start", state)
            bus.close()


def projections_by_component(
    loaded: Iterable[LoadedComponent],
) -> dict[ComponentKey, Mapping[str, Projection]]:
    """By what each component's embeddings are summed; raises ConfigError as ``projections_of``."""
    return {item.component.key: projections_of(item.component, item.file) for item in loaded}


def _publisher(
    bus: Bus, settings: Settings, state: Path, clock: Clock, ledger: MemoryLedger
) -> Publisher:
    return Publisher(
        bus,
        f"door/{socket.gethostname()}/{clock.now_us()}",
        ledger=ledger,
        spool=Spool(state / "spool", memory_bytes=0),
        partitions=settings.bus.partitions,
        clock=clock,
    )


def _events_family(ledger: MemoryLedger) -> Family:
    """Events by outcome, whose sum is what was accepted; spooled falls as it drains."""
    samples = []
    for component, totals in tuple(ledger.totals.items()):
        found = {**totals, **ledger.counts(component)}
        for outcome, told in _OUTCOMES.items():
            labels = (component.namespace, component.name, told)
            samples.append((labels, float(found.get(outcome, 0))))
    return Family(
        "evenhand_collector_events_total",
        "Events by outcome; their sum is what was accepted. spooled falls as it drains.",
        (*_OWN, "outcome"),
        tuple(samples),
        counts=True,
    )


@contextmanager
def _claimed(state: Path) -> Iterator[None]:
    """Hold the state folder's lock; raises ConfigError if another door has it."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if state.stat().st_uid != os.geteuid():
            raise ConfigError(f"state folder {state} belongs to another user: name --state-dir")
        lock = os.open(state / "door.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"state folder {state} is in use by another door: name another by --state-dir"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"state folder {state}: {error.strerror}; name a writable one by --state-dir"
        ) from None
    try:
        yield
    finally:
        os.close(lock)


async def _well() -> dict[str, str]:
    return {"status": "ok"}


def _connect(publisher: Publisher) -> None:
    try:
        publisher.connect()
    except BusError as error:
        _log.warning("the bus is away, what comes is spooled: %s", error)
