"""Reads what a verdict rests on, and asks for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from alerting.declared import Declared
from alerting.sight import sight_of
from alerting.verdict import Outcome, Question, ReleaseVerdict, decide
from governance.clock import format_instant
from governance.service.problems import ProblemError
from governance.store.presence import NOBODY, Presences

if TYPE_CHECKING:
    from governance.component.key import ComponentKey
    from governance.service.stores import Store

STATUSES = {  # an answer that is not sure is never 2xx
    Outcome.PASS: HTTPStatus.OK,
    Outcome.FAIL: HTTPStatus.CONFLICT,
    Outcome.INCONCLUSIVE: HTTPStatus.FAILED_DEPENDENCY,
}
_LOOK_BACK_US = 2 * 86_400_000_000  # further than any finding without labels may be old


@dataclass(frozen=True, slots=True)
class Asked:
    """Which version of which component, against which, by which checks."""

    component: ComponentKey
    version: str
    baseline: str | None = None
    checks: tuple[str, ...] = ()


def ask(store: Store, asked: Asked, now_us: int) -> dict[str, Any]:
    """The verdict as the API shows it.

    Raises
    ------
    ProblemError
        404 for a component that is not known, 422 for a version that is its own baseline.
    StoreError
        If the database is away.
    """
    if asked.baseline == asked.version:
        words = f"version {asked.version!r} cannot be its own baseline: name another, or none"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, words)
    found = store.components.get(asked.component)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no component is called {asked.component}")
    declared = Declared.read(found)
    monitoring = declared.component.spec.monitoring
    presence = Presences(store.engine, store.group).find().get(asked.component, NOBODY)
    since_us = now_us - _LOOK_BACK_US - monitoring.label_horizon
    question = Question(
        declared.component,
        asked.version,
        _bodies(store, asked.component, asked.version, since_us),
        sight_of(presence, monitoring, now_us),
        baseline_version=asked.baseline,
        baseline=_bodies(store, asked.component, asked.baseline, since_us),
        checks=asked.checks,
    )
    return _shown(asked, declared, decide(question, now_us), now_us)


def _bodies(store: Store, key: ComponentKey, version: str | None, since_us: int) -> list[Any]:
    if version is None:
        return []
    return [json.loads(row.body) for row in store.findings.recent(key, version, since_us)]


def _shown(
    asked: Asked, declared: Declared, verdict: ReleaseVerdict, now_us: int
) -> dict[str, Any]:
    return {
        "verdict": verdict.outcome.value,
        "reasons": list(verdict.reasons),
        "rollback": verdict.rollback,
        "namespace": asked.component.namespace,
        "component": asked.component.name,
        "version": asked.version,
        "baseline": asked.baseline,
        "generation": declared.generation,
        "commit": declared.commit,
        "at": format_instant(now_us),
        "checks": [
            {
                "check": one.check,
                "verdict": one.outcome.value,
                "reason": one.reason,
                "finding": None if one.finding is None else one.finding["id"],
                "revision": None if one.finding is None else one.finding["revision"],
            }
            for one in verdict.checks
        ],
    }
