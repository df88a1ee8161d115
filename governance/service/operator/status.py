"""What a component's status says: read from findings, alerts, pods and what is in force. Pure.

Times of conditions change only when their status does, so a status that says the same is the same
object and is not written again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from collectors.injection import manifests
from collectors.injection.base import CONFIG_HASH, REASON, SIDECAR, STATUS
from governance.alert import AlertState
from governance.clock import format_instant, parse_instant_us
from governance.component.status import ComponentStatus
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from governance.alert import Alert
    from governance.service.operator.resources import Resource
    from governance.store.components import ComponentSummary
    from governance.store.findings import StoredFinding

Manifest = dict[str, Any]

MOST_FIRING: Final = 100
_WORST_FIRST = (
    Status.BREACH,
    Status.BLIND,
    Status.WARNING,
    Status.INSUFFICIENT,
    Status.IDLE,
    Status.OK,
)


@dataclass(frozen=True, slots=True)
class PodCounts:
    """Pods with the component's label."""

    injected: int = 0
    refused: int = 0
    missing: int = 0
    outdated: int = 0

    def by_state(self) -> Iterator[tuple[str, int]]:
        """Each state with its number; ``outdated`` ones are among the injected."""
        yield "injected", self.injected
        yield "refused", self.refused
        yield "missing", self.missing
        yield "outdated", self.outdated


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one component; ``summary`` is None until a worker has recorded it.

    ``summary``, ``findings`` and ``alerts`` are None while the database is away.
    """

    resource: Resource
    now_us: int
    declared: str | None  # hash of the spec that is valid
    in_force: str | None  # hash of the spec that workers judge by
    grace_us: int
    pods: PodCounts
    away: bool = False  # the database
    summary: ComponentSummary | None = None
    findings: Sequence[StoredFinding] = ()
    alerts: Sequence[Alert] = ()
    sight: Status = Status.OK

    @property
    def same(self) -> bool:
        """Whether what is declared is in force."""
        return self.declared is not None and self.declared == self.in_force


def count_pods(pods: Iterable[Manifest], config_hash: str | None) -> PodCounts:
    """Pods by what became of their sidecar; ended ones do not count."""
    injected = refused = missing = outdated = 0
    for pod in pods:
        if pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
            continue
        if has_sidecar(pod):
            injected += 1
            outdated += manifests.annotation(pod, CONFIG_HASH) != config_hash
        elif manifests.annotation(pod, STATUS) == "refused":
            refused += 1
        else:
            missing += 1
    return PodCounts(injected, refused, missing, outdated)


def has_sidecar(pod: Manifest) -> bool:
    """Whether the pod was injected."""
    return any(container["name"] == SIDECAR for container in manifests.everything(pod))


def complaint(pod: Manifest) -> tuple[str, str] | None:
    """Reason and words of the Event that a pod without sidecar deserves; None if it has one."""
    if has_sidecar(pod) or manifests.annotation(pod, "evenhand.io/inject") == "false":
        return None
    if manifests.annotation(pod, STATUS) == "refused":
        return "InjectionRefused", manifests.annotation(pod, REASON) or "no reason"
    words = "the pod has no sidecar: the webhook was not asked; delete the pod to have it injected"
    return "NotInjected", words


def status_of(seen: Seen) -> Manifest:
    """The object's ``status``; fields that are not known now stay as they were."""
    before = seen.resource.status
    status: Manifest = {
        "observedGeneration": seen.resource.generation,
        "pods": dict(seen.pods.by_state()),
        "conditions": _conditions(seen),
    }
    if seen.away:
        kept = ("worstStatus", "lastWindow", "alerts", "firing", "inForce")
        status |= {key: before[key] for key in kept if key in before}
    else:
        status |= _judged(seen)
    ComponentStatus.model_validate(status)
    return status


def news(before: Manifest, after: Manifest) -> list[tuple[str, str, str]]:
    """Events between two statuses: type, reason, words."""
    old = {_alert_words(a): a for a in before.get("firing") or ()}
    new = {_alert_words(a): a for a in after.get("firing") or ()}
    told = [("Warning", "AlertFiring", f"{words} is firing") for words in new.keys() - old.keys()]
    told += [("Normal", "AlertResolved", f"{w} fires no more") for w in old.keys() - new.keys()]
    return sorted(told) + _condition_news(before, after)


def _condition_news(before: Manifest, after: Manifest) -> list[tuple[str, str, str]]:
    was = {c["type"]: c["reason"] for c in before.get("conditions") or ()}
    return [
        ("Normal" if c["status"] == "True" else "Warning", c["reason"], c["message"])
        for c in after["conditions"]
        if was.get(c["type"]) != c["reason"] and c["status"] != "Unknown"
    ]


def _alert_words(alert: Manifest) -> str:
    return f"{alert['check']} of {alert['modality'] or 'the component'}, version {alert['version']}"


def _judged(seen: Seen) -> Manifest:
    found: Manifest = {
        "alerts": {
            "firing": sum(alert.state is AlertState.FIRING for alert in seen.alerts),
            "pending": sum(alert.state is AlertState.PENDING for alert in seen.alerts),
        },
        "firing": list(_firing(seen.alerts)),
    }
    statuses = [row.status for row in seen.findings]
    statuses += [seen.sight] if seen.sight is not Status.OK else []
    if statuses:
        found["worstStatus"] = min(statuses, key=_WORST_FIRST.index).value
    if seen.summary is not None:
        found["inForce"] = {
            "generation": seen.summary.generation,
            "hash": seen.in_force,
            "declared": seen.declared,
        }
        for one in seen.summary.versions[:1]:
            found["lastWindow"] = {
                "number": one.window.number,
                "start": format_instant(one.window.start_us),
                "end": format_instant(one.window.end_us),
                "version": one.version,
            }
    return found


def _firing(alerts: Iterable[Alert]) -> Iterator[Manifest]:
    firing = [alert for alert in alerts if alert.state is AlertState.FIRING]
    for alert in firing[:MOST_FIRING]:
        yield {
            "check": alert.key.check,
            "modality": alert.key.modality,
            "version": alert.key.version,
            "severity": alert.severity.value,
            "since": format_instant(alert.firing_since_us or alert.changed_at_us or 0),
        }


def _conditions(seen: Seen) -> list[Manifest]:
    was = {c["type"]: c for c in seen.resource.status.get("conditions") or ()}
    made = [_valid(seen), _in_force(seen, was.get("InForce")), _injected(seen)]
    return [_dated(seen, was.get(c["type"]), c) for c in made]


def _dated(seen: Seen, was: Manifest | None, now: Manifest) -> Manifest:
    since = format_instant(seen.now_us // 1_000_000 * 1_000_000)
    if was is not None and was["status"] == now["status"]:
        since = was["lastTransitionTime"]
    return now | {"lastTransitionTime": since, "observedGeneration": seen.resource.generation}


def _valid(seen: Seen) -> Manifest:
    problems = seen.resource.problems
    if not problems:
        return _condition("Valid", "True", "Valid", "as `evenhand validate` reads it")
    words = "; ".join(f"{p.path}: {p.message}" for p in problems[:10])
    return _condition("Valid", "False", "Invalid", f"{words}. What was in force stays so")


def _in_force(seen: Seen, was: Manifest | None) -> Manifest:
    """Whether workers judge by what is declared; drift only after the grace period."""
    if seen.away:
        return _condition("InForce", "Unknown", "DatabaseAway", "the database does not answer")
    if seen.same:
        generation = seen.summary.generation if seen.summary else 0
        words = f"workers judge by it, as generation {generation} of findings"
        return _condition("InForce", "True", "InForce", words)
    held = seen.in_force or "nothing"
    words = f"declared is {seen.declared or 'nothing valid'}, workers judge by {held}"
    reason = "PolicyDrift" if drifts(seen, was) else "RollingOut"
    return _condition("InForce", "False", reason, words)


def drifts(seen: Seen, was: Manifest | None) -> bool:
    """Whether the two have differed for longer than the grace period."""
    if seen.away or seen.same or was is None or was["status"] != "False":
        return False
    return seen.now_us - parse_instant_us(was["lastTransitionTime"]) > seen.grace_us


def _injected(seen: Seen) -> Manifest:
    pods = seen.pods
    words = (
        f"{pods.injected} injected ({pods.outdated} with an earlier configuration), "
        f"{pods.refused} refused, {pods.missing} not looked at"
    )
    if pods.refused or pods.missing:
        reason = "NotInjected" if pods.missing else "InjectionRefused"
        return _condition("Injected", "False", reason, words)
    if pods.outdated:
        return _condition("Injected", "False", "SidecarsOutdated", f"{words}: restart the pods")
    return _condition("Injected", "True", "Injected", words)


def _condition(kind: str, status: str, reason: str, words: str) -> Manifest:
    return {"type": kind, "status": status, "reason": reason, "message": words[:32_000]}
