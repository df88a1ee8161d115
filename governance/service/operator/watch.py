"""Watches by kopf: whatever happens to a component or one of its pods asks for another look.

Kopf keeps the watches open and resumes them. Nothing of its own is written to objects: handlers of
raw events leave no annotation and no finalizer, so GitOps tools have nothing to disagree with.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import kopf

from collectors.injection.base import COMPONENT_LABEL
from governance.component.crd import GROUP, PLURAL, VERSION
from governance.service.operator.api import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from governance.service.operator.api import Credentials


async def watch(credentials: Credentials, dirty: asyncio.Event) -> None:
    """Set ``dirty`` at every event; ends only where kopf does, which is an error.

    Kopf has a thread and a loop of its own: it would take the process's signals, and its farewell
    lasts seconds in which nobody leads.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    registry = _registry(credentials, lambda: loop.call_soon_threadsafe(dirty.set))

    def run() -> None:
        try:
            asyncio.run(
                kopf.operator(
                    registry=registry, settings=_settings(), clusterwide=True, standalone=True
                )
            )
        finally:
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=run, name="kopf", daemon=True).start()
    await ended.wait()
    raise ClusterError(0, "the watches have ended: see the log above")


def _registry(credentials: Credentials, happened: Callable[[], object]) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=credentials.server,
            ca_path=str(credentials.authority),
            scheme="Bearer",
            token=credentials.bearer(),
        )

    async def tell(**_: Any) -> None:
        happened()

    pods = {COMPONENT_LABEL: kopf.PRESENT}
    kopf.on.login(registry=registry)(log_in)
    kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(tell)
    kopf.on.event("", "v1", "pods", labels=pods, registry=registry)(tell)
    return registry


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # Events are ours
    settings.scanning.disabled = True  # kinds are known: no rights to look for others
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330  # a watch that went silent is opened again
    return settings
