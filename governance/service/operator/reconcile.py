"""One look at the cluster: what is declared, and what has to be written for it.

Level-triggered: every look reads everything, and writes only what differs, so a missed event costs
at most one interval and a second look in a row writes nothing. The spec of a resource is never
written. What is invalid leaves what was in force as it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from alerting.standing import Standings
from collectors.injection import manifests
from collectors.injection.base import COMPONENT_LABEL
from collectors.injection.capture import subject_of
from governance.clock import format_instant
from governance.component.crd import GROUP, PLURAL, VERSION
from governance.component.key import ComponentKey
from governance.component.schema import API_VERSION, KIND
from governance.errors import StoreError
from governance.finding import Status
from governance.service.operator.api import FIELD_MANAGER
from governance.service.operator.objects import Objects, Place, hash_of
from governance.service.operator.resources import Resource, read_resource, spec_hash
from governance.service.operator.status import (
    PodCounts,
    Seen,
    complaint,
    count_pods,
    drifts,
    news,
    status_of,
)
from governance.store.presence import Presences

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from alerting.standing import Standing
    from governance.alert import Alert
    from governance.clock import Clock
    from governance.config import BusSettings
    from governance.service.operator.api import Cluster
    from governance.service.operator.telemetry import Telemetry
    from governance.service.stores import Store
    from governance.store.components import ComponentSummary
    from governance.store.findings import StoredFinding

Manifest = dict[str, Any]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says of all components at once."""

    standings: Mapping[ComponentKey, Standing]
    summaries: Mapping[ComponentKey, ComponentSummary]
    findings: Mapping[ComponentKey, list[StoredFinding]]
    alerts: Mapping[ComponentKey, list[Alert]]


class Reconciler:
    """Looks and writes; one process at a time may."""

    def __init__(  # noqa: PLR0913 - what a look needs
        self,
        cluster: Cluster,
        store: Store,
        place: Place,
        *,
        bus: BusSettings,
        grace_us: int,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._standings = Standings(store.components, Presences(store.engine, store.group))
        self._objects = Objects(cluster, place, bus)
        self._grace_us = grace_us
        self._bus = bus
        self._clock = clock
        self._telemetry = telemetry
        self._told: set[str] = set()

    async def look(self) -> None:
        """One look; raises ClusterError where the API server is away."""
        resources = [
            read_resource(body)
            for body in await self._cluster.list(f"/apis/{GROUP}/{VERSION}/{PLURAL}")
        ]
        pods = await self._cluster.list("/api/v1/pods", labelSelector=COMPONENT_LABEL)
        await self._objects.write(resources)
        await self._complain(pods)
        known = await asyncio.to_thread(self._know)
        await self._write_statuses(resources, pods, known)

    async def _complain(self, pods: Iterable[Manifest]) -> None:
        for pod in pods:
            told = complaint(pod)
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            if told is None or uid in self._told:
                continue
            reference = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}
            namespace = pod["metadata"]["namespace"]
            await self._tell(reference | {"namespace": namespace}, ("Warning", *told))
            self._told.add(uid)

    async def _tell(self, about: Manifest, told: tuple[str, str, str]) -> None:
        kind, reason, words = told
        now = self._now()
        mark = hash_of([about.get("uid"), reason, words, now])
        event = {
            "metadata": {"name": f"{about['name'][:200]}.{mark}", "namespace": about["namespace"]},
            "involvedObject": about,
            "type": kind,
            "reason": reason,
            "message": words[:1_000],
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        await self._cluster.create(f"/api/v1/namespaces/{about['namespace']}/events", event)

    def _know(self) -> Known | None:
        """Everything that the database says; None while it is away."""
        try:
            standings = self._standings.read(self._clock.now_us())
            summaries = {one.component: one for one in self._store.components.find()}
            findings: dict[ComponentKey, list[StoredFinding]] = defaultdict(list)
            for row in self._store.findings.latest():
                findings[row.component].append(row)
            alerts: dict[ComponentKey, list[Alert]] = defaultdict(list)
            for alert in self._store.alerts.find():
                alerts[alert.key.component].append(alert)
        except StoreError as error:
            _log.warning("the database is away: %s", error)
            return None
        return Known(standings, summaries, findings, alerts)

    async def _write_statuses(
        self, resources: Iterable[Resource], pods: Iterable[Manifest], known: Known | None
    ) -> None:
        by_component: dict[tuple[str, str], list[Manifest]] = defaultdict(list)
        for pod in pods:
            name = manifests.label(pod, COMPONENT_LABEL) or ""
            by_component[pod["metadata"]["namespace"], name].append(pod)
        drift: dict[tuple[str, str], float] = {}
        counts: dict[tuple[str, str], PodCounts] = {}
        for resource in resources:
            key = resource.namespace, resource.name
            seen = self._seen(resource, by_component[key], known)
            counts[key] = seen.pods
            drift[key] = float(drifts(seen, _in_force(resource.status)))
            await self._write_status(seen)
        self._telemetry.looked(drift, counts)

    def _seen(self, resource: Resource, pods: list[Manifest], known: Known | None) -> Seen:
        loaded, config_hash, declared = resource.loaded, None, None
        if loaded is not None:
            config_hash = subject_of(loaded, self._bus).config_hash
            declared = spec_hash(loaded.canonical)
        seen = Seen(
            resource,
            self._clock.now_us(),
            declared,
            None,
            self._grace_us,
            count_pods(pods, config_hash),
            away=known is None,
        )
        return seen if known is None else _with_known(seen, known)

    async def _write_status(self, seen: Seen) -> None:
        resource, status = seen.resource, status_of(seen)
        if status == resource.status:
            return
        base = f"/apis/{GROUP}/{VERSION}/namespaces/{resource.namespace}/{PLURAL}"
        gone: Manifest = {key: None for key in resource.status if key not in status}
        await self._cluster.merge(f"{base}/{resource.name}/status", {"status": {**gone, **status}})
        about = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": resource.name,
            "namespace": resource.namespace,
            "uid": resource.uid,
        }
        for told in news(resource.status, status):
            await self._tell(about, told)

    def _now(self) -> str:
        return format_instant(self._clock.now_us() // 1_000_000 * 1_000_000)


def _with_known(seen: Seen, known: Known) -> Seen:
    key = ComponentKey(seen.resource.namespace, seen.resource.name)
    summary = known.summaries.get(key)
    standing = known.standings.get(key)
    return replace(
        seen,
        summary=summary,
        in_force=None if summary is None else spec_hash(summary.spec),
        findings=known.findings.get(key, ()),
        alerts=known.alerts.get(key, ()),
        sight=Status.OK if standing is None else standing.sight.status,
    )


def _in_force(status: Manifest) -> Manifest | None:
    found = [c for c in status.get("conditions") or () if c["type"] == "InForce"]
    return found[0] if found else None
