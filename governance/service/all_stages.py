"""All stages in one process, each on a thread of its own, over one bus and one database."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.bus.connect import open_bus
from governance.clock import SystemClock
from governance.metrics import Metrics
from governance.privacy import open_pseudonymiser
from governance.service import door
from governance.service.app import build_app
from governance.service.auth import Authority, is_loopback
from governance.service.build import build_alert_worker, open_store, road_of
from governance.service.detect import build_detect_worker, declare
from governance.service.http import address_of, bind, parse_address, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from governance.component.load import LoadedComponent
    from governance.config import Settings

_JOIN_SECONDS = 30.0
_log = logging.getLogger("evenhand.service")


@dataclass(slots=True)
class Stages:
    """Where the stages answer, and what made one of them give up."""

    api: str
    door: str
    metrics: str
    road: str
    failure: Exception | None = None


@contextmanager
def all_stages(
    settings: Settings, loaded: Sequence[LoadedComponent], state: Path, stop: threading.Event
) -> Iterator[Stages]:
    """Migrate, start everything, and end it in order when the block ends.

    ``stop`` is set where a stage gives up; ``failure`` then says why. Where the settings name no
    folder for privacy keys, they lie in ``state/keys``, and are made.

    Raises
    ------
    ConfigError, BusError, StoreError
        If a stage cannot start.
    """
    clock, metrics = SystemClock(), Metrics()
    settings = _with_keys(settings, state)
    keys = settings.privacy.key_directory
    for item in loaded:  # the only place that makes keys: a fleet shares what somebody made
        open_pseudonymiser(item.component, keys, create=True)
    with ExitStack() as stack:
        store = open_store(settings, migrating=True)
        stack.callback(store.engine.dispose)
        bus = open_bus(settings.bus.url, client=settings.bus.client)
        stack.callback(bus.close)
        declared = declare(loaded, keys, warn=_log.warning)
        detecting = build_detect_worker(
            settings, store, bus, declared, clock=clock, metrics=metrics
        )
        detecting.start()
        alerting = build_alert_worker(settings, store, clock, metrics, bus)
        http = settings.http
        authority = Authority.load(http.tokens_file, _most_public(http.api, http.door))
        listeners = [bind(address) for address in (http.api, http.door)]
        taking = stack.enter_context(
            door.opened(
                settings,
                [item.component for item in loaded],
                state,
                clock,
                metrics,
                projections=door.projections_by_component(loaded),
            )
        )
        app = build_app(store, authority, taking, http.max_body_bytes)
        stages = Stages(
            api=stack.enter_context(served(app, *listeners)),
            door=f"http://{address_of(listeners[1])}",
            metrics=stack.enter_context(_scraped(metrics, http.metrics)),
            road=road_of(settings.alerting),
        )
        for name, work in (("alerting", alerting.run), ("detecting", detecting.run)):
            stack.enter_context(_on_thread(name, work, stages, stop))
        yield stages


def _with_keys(settings: Settings, state: Path) -> Settings:
    """The settings with a folder for privacy keys, beside the rest of this process's state."""
    if settings.privacy.key_directory is not None:
        return settings
    privacy = settings.privacy.model_copy(update={"key_directory": state / "keys"})
    return settings.model_copy(update={"privacy": privacy})


def _most_public(*addresses: str) -> str:
    """A host that is not loopback, if there is one: it decides whether tokens are needed."""
    hosts = [parse_address(address)[0] for address in addresses]
    return next((host for host in hosts if not is_loopback(host)), hosts[0])


@contextmanager
def _scraped(metrics: Metrics, address: str) -> Iterator[str]:
    host, port = parse_address(address)
    bound, stop = metrics.serve(host, port)
    try:
        yield f"http://{host}:{bound}"
    finally:
        stop()


@contextmanager
def _on_thread(
    name: str, work: Callable[[threading.Event], None], stages: Stages, stop: threading.Event
) -> Iterator[None]:
    """Work on a thread; what escapes it ends the process, so that somebody restarts it."""
    own = threading.Event()

    def guarded() -> None:
        try:
            work(own)
        except Exception as error:  # noqa: BLE001 - said, and the process ends
            _log.exception("%s gave up", name)
            stages.failure = error
        finally:
            stop.set()

    thread = threading.Thread(target=guarded, name=name)
    thread.start()
    try:
        yield
    finally:
        own.set()
        thread.join(_JOIN_SECONDS)
