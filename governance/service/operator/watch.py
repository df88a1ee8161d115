"""Watches by kopf: whatever happens to a component or one of its pods asks for another look.

Kopf keeps the watches open and resumes them. Nothing of its own is written to objects: handlers of
raw events leave no annotation and no finalizer, so GitOps tools have nothing to disagree with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kopf

from collectors.injection.base import COMPONENT_LABEL
from governance.component.crd import GROUP, PLURAL, VERSION

if TYPE_CHECKING:
    import asyncio

    from governance.service.operator.api import Credentials


async def watch(credentials: Credentials, dirty: asyncio.Event, stop: asyncio.Event) -> None:
    """Set ``dirty`` at every event, until ``stop``."""
    registry = kopf.OperatorRegistry()

    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=credentials.server,
            ca_path=str(credentials.authority),
            scheme="Bearer",
            token=credentials.bearer(),
        )

    async def happened(**_: Any) -> None:
        dirty.set()

    kopf.on.login(registry=registry)(log_in)
    kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(happened)
    kopf.on.event("", "v1", "pods", labels={COMPONENT_LABEL: kopf.PRESENT}, registry=registry)(
        happened
    )
    await kopf.operator(
        registry=registry, settings=_settings(), clusterwide=True, standalone=True, stop_flag=stop
    )


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # Events are ours
    settings.scanning.disabled = True  # kinds are known: no rights to look for others
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330  # a watch that went silent is opened again
    return settings
