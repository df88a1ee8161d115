"""The operator's process: webhooks in every replica, reconciling in the one that leads."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from governance.errors import TransientError
from governance.service.operator.admission import Injector
from governance.service.operator.api import Cluster, ClusterError, Credentials
from governance.service.operator.leader import Leadership
from governance.service.operator.reconcile import Reconciler
from governance.service.operator.watch import watch
from governance.service.operator.webhook import TlsServer, Webhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from collectors.injection.sidecar import SidecarSettings
    from governance.clock import Clock
    from governance.config import BusSettings
    from governance.service.operator.objects import Place
    from governance.service.operator.telemetry import Telemetry
    from governance.service.stores import Store

LOOK_SECONDS: Final = 5.0
"""How often findings and alerts are read; what happens in the cluster asks for a look at once."""

_DEBOUNCE_SECONDS = 0.2  # a roll-out is one look, not one a pod
_MOST_BACKOFF_SECONDS = 30.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Operator:
    """Everything that the process is made of."""

    credentials: Credentials
    store: Store
    place: Place
    bus: BusSettings
    sidecar: SidecarSettings
    grace_us: int
    tls: Path
    address: tuple[str, int]
    holder: str
    clock: Clock
    telemetry: Telemetry


async def operate(operator: Operator, ready: Callable[[], None]) -> None:
    """Run until SIGTERM; ``ready`` is called once the webhooks answer.

    Raises
    ------
    ClusterError
        If the API server is away at the start, or leadership was lost: a fresh process is the
        safe way to go on.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    cluster = Cluster(operator.credentials)
    try:
        injector = Injector(operator.sidecar, operator.bus, await cluster.version())
        app = Webhooks(cluster, injector, operator.telemetry)
        server = TlsServer(app, operator.tls, *operator.address)
        serving = asyncio.create_task(server.run())
        ready()
        try:
            await _first(_ended(serving), _lead(operator, cluster), stop.wait())
        finally:
            server.stop()
            await serving
    finally:
        await cluster.close()


async def _lead(operator: Operator, cluster: Cluster) -> None:
    namespace = operator.place.namespace
    leadership = Leadership(cluster, namespace, operator.holder, operator.clock)
    await leadership.acquire()
    operator.telemetry.leads(now=True)
    reconciler = Reconciler(
        cluster,
        operator.store,
        operator.place,
        bus=operator.bus,
        grace_us=operator.grace_us,
        clock=operator.clock,
        telemetry=operator.telemetry,
    )
    dirty = asyncio.Event()
    try:
        await _first(
            _lost(leadership),
            watch(operator.credentials, dirty),
            _look_again(reconciler, dirty),
        )
    finally:
        operator.telemetry.leads(now=False)
        with suppress(ClusterError):
            await leadership.release()


async def _ended(serving: asyncio.Task[None]) -> None:
    """Wait for the server without ending it along with the wait."""
    await asyncio.shield(serving)


async def _lost(leadership: Leadership) -> None:
    await leadership.hold()
    raise ClusterError(0, "leadership is lost: another replica goes on")


async def _look_again(reconciler: Reconciler, dirty: asyncio.Event) -> None:
    backoff = 1.0
    while True:
        dirty.clear()
        try:
            await reconciler.look()
            backoff = 1.0
        except TransientError as error:
            _log.warning("looking again in %g s: %s", backoff, error)
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, _MOST_BACKOFF_SECONDS)
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await dirty.wait()
                await asyncio.sleep(_DEBOUNCE_SECONDS)


async def _first(*work: Coroutine[Any, Any, object] | asyncio.Task[None]) -> None:
    """Run side by side until the first ends; its error is ours, the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:  # also where we are cancelled ourselves
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
