"""``evenhand_release_verdict``: the verdict on every version, for tools that ask Prometheus.

1 is pass, 0 is fail; a version of which nothing is sure has no series, so no query can take it for
either. Read from the newest windows only: a check that waits for labels leaves it out. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerting.verdict import Outcome, Question, decide
from governance.metrics import Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alerting.standing import Standing
    from governance.component.key import ComponentKey

    Body = Mapping[str, Any]

_VALUES = {Outcome.PASS: 1.0, Outcome.FAIL: 0.0}


def release_family(
    standings: Mapping[ComponentKey, Standing],
    bodies: Mapping[tuple[ComponentKey, str], Sequence[Body]],
    now_us: int,
) -> Family:
    """Of components that declare ``release.rolloutMetrics``; the baseline is ``model.version``."""
    samples = [
        ((key.namespace, key.name, version), value)
        for key, standing in standings.items()
        if standing.declared.component.spec.release.rollout_metrics
        for version, value in _verdicts(key, standing, bodies, now_us)
    ]
    meaning = "1 = pass, 0 = fail; no series where nothing is sure"
    labels = ("namespace", "component", "version")
    return Family("evenhand_release_verdict", meaning, labels, tuple(samples))


def _verdicts(
    key: ComponentKey,
    standing: Standing,
    bodies: Mapping[tuple[ComponentKey, str], Sequence[Body]],
    now_us: int,
) -> Iterable[tuple[str, float]]:
    component = standing.declared.component
    stable = component.spec.model.version
    for version in standing.judged_us:
        beside = stable if stable != version and stable in standing.judged_us else None
        question = Question(
            component,
            version,
            bodies.get((key, version), []),
            standing.sight,
            baseline_version=beside,
            baseline=bodies.get((key, beside), []) if beside else [],
        )
        outcome = decide(question, now_us).outcome
        if outcome in _VALUES:
            yield version, _VALUES[outcome]
