"""One replica reconciles at a time: a Lease of coordination.k8s.io, as Kubernetes' own parts use.

The holder renews every 5 s; another takes over when it has not for 15 s, by the taker's own clock
since it saw the last change, so clocks of nodes need not agree.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from governance.clock import EPOCH
from governance.service.operator.api import ClusterError

if TYPE_CHECKING:
    from governance.clock import Clock
    from governance.service.operator.api import Cluster

LEASE_SECONDS: Final = 15
RENEW_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 2.0
NAME: Final = "evenhand-operator"

_log = logging.getLogger(__name__)


class Leadership:
    """Waits to lead, then holds on to it; ``holder`` names this process."""

    def __init__(self, cluster: Cluster, namespace: str, holder: str, clock: Clock) -> None:
        self._cluster = cluster
        self._leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._holder = holder
        self._clock = clock
        self._seen: tuple[str, float] = ("", 0.0)

    async def acquire(self) -> None:
        """Return once this process leads."""
        while True:
            try:
                if await self._try():
                    _log.info("%s leads", self._holder)
                    return
            except ClusterError as error:
                _log.warning("nobody can be seen to lead: %s", error)
            await asyncio.sleep(RETRY_SECONDS)

    async def hold(self) -> None:
        """Renew until it is lost, then return: whoever lost it must stop at once."""
        renewed = self._clock.monotonic()
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                if not await self._try():
                    return
                renewed = self._clock.monotonic()
            except ClusterError as error:
                _log.warning("the lease is not renewed: %s", error)
                if self._clock.monotonic() - renewed > LEASE_SECONDS - RENEW_SECONDS:
                    return

    async def release(self) -> None:
        """Let the next one take over without waiting."""
        lease = await self._cluster.get(f"{self._leases}/{NAME}")
        if lease is not None and lease["spec"].get("holderIdentity") == self._holder:
            lease["spec"]["holderIdentity"] = ""
            await self._cluster.replace(f"{self._leases}/{NAME}", lease)

    async def _try(self) -> bool:
        """Take a lease that is free, over or our own; whether it is ours now."""
        lease = await self._cluster.get(f"{self._leases}/{NAME}")
        if lease is None:
            return await self._cluster.create(self._leases, self._lease())
        spec = lease["spec"]
        holder = spec.get("holderIdentity") or ""
        if holder and holder != self._holder and not self._is_over(spec):
            return False
        lease["spec"] = self._lease()["spec"] | {
            "acquireTime": spec.get("acquireTime") if holder == self._holder else self._now(),
            "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (holder != self._holder),
        }
        return await self._cluster.replace(f"{self._leases}/{NAME}", lease)

    def _is_over(self, spec: dict[str, Any]) -> bool:
        """Whether the holder has not renewed since we have looked for that long."""
        mark, now = str(spec.get("renewTime")), self._clock.monotonic()
        if mark != self._seen[0]:
            self._seen = mark, now
        return now - self._seen[1] > LEASE_SECONDS

    def _lease(self) -> dict[str, Any]:
        now = self._now()
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME},
            "spec": {
                "holderIdentity": self._holder,
                "leaseDurationSeconds": LEASE_SECONDS,
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }

    def _now(self) -> str:
        seconds = self._clock.now_us() / 1_000_000
        at = datetime.fromtimestamp(seconds, UTC) if seconds else EPOCH
        return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
