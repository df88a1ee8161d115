"""Fields that this build accepts without acting on them yet, so that nobody trusts in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from governance.component.drift_tests import OFFLINE_ONLY, declared_evidently
from governance.component.metrics import FairnessMetric, RateCheck
from governance.component.schema import Modality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from governance.component.checks import Remark
    from governance.component.document import Steps
    from governance.component.schema import Component

IDLE: dict[Steps, str] = {
    ("spec", "webComponent"): "pages are not observed",
    ("spec", "governance", "costOptimization"): "cost is not measured",
    ("spec", "release", "strategy"): "a verdict compares versions whatever the strategy",
    ("spec", "capture", "upstreamPort"): "the command line names the model server",
    ("spec", "baseline", "fromTraffic"): "no reference is taken from traffic",
    ("status",): "the cluster's own field",
}
"""Path of a field or block, and what does not happen with it."""

PARTLY: dict[Steps, str] = {
    ("spec", "release", "rollbackOnFailure"): (
        "a verdict advises it (docs/release.md); only spec.actions roll back"
    ),
    ("spec", "model", "repository"): (
        "rollbacks by `registry` go there, others carry its name; versions are not read from it"
    ),
    ("spec", "model", "endpoint"): "only `gate` asks it, and the door knows loggers by it",
    ("spec", "governance", "biasDetection", "monitoringEndpoint"): (
        "state, labels, feedback and events; pages do not post there yet"
    ),
}
"""Path of a field, and what alone happens with it."""

_RATES = frozenset(check.value for check in RateCheck)


def notices(component: Component, document: dict[str, Any]) -> Iterator[Remark]:
    """What a document declares that nothing acts on, or that cannot act as it stands."""
    for path, words in IDLE.items():
        if _is_there(document, path):
            yield path, f"accepted, not acted on yet: {words}"
    for path, words in PARTLY.items():
        if _is_there(document, path):
            yield path, f"accepted, acted on in part: {words}"
    yield from _embeddings(component)
    yield from _counterfactual(component)
    yield from _fairness(component)
    yield from _calibration(component)
    yield from _performance(component)
    yield from _degradation(component)
    yield from _rollbacks(component)
    yield from _evidently(component)


def _is_there(value: Any, path: Steps) -> bool:
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return False
        value = value[step]
    return True


def unsummed(component: Component) -> str | None:
    """Why no embedding of the component can be summed in live traffic; None if nothing hinders."""
    spec = component.spec
    if spec.signals.time is not None and spec.monitoring.windows.kind == "every":
        return (
            "embeddings of live traffic are not summed: their sums belong to windows by the "
            "sidecar's clock, events to theirs by another"
        )
    return None


def _embeddings(component: Component) -> Iterator[Remark]:
    """Modalities whose embeddings live traffic leaves out."""
    declared = component.spec.model.modality
    words = unsummed(component)
    if words is not None and set(declared) - {Modality.TABULAR}:
        yield ("spec", "signals", "time"), f"accepted, acted on in part: {words}"
    if component.spec.baseline.uri is not None:
        return
    own = component.spec.signals.embeddings
    words = "only where spec.baseline.uri names a profile, which holds their projection"
    for modality in own:
        path: Steps = ("spec", "signals", "embeddings", modality.value)
        yield path, f"accepted, acted on in part: live embeddings are summed {words}"
    if Modality.IMAGE in declared and Modality.IMAGE not in own:
        path = ("spec", "model", "modality", declared.index(Modality.IMAGE))
        yield path, f"accepted, acted on in part: live pictures have embeddings {words}"


def _counterfactual(component: Component) -> Iterator[Remark]:
    bias: Steps = ("spec", "governance", "biasDetection")
    words = "only `evenhand gate --counterfactual` judges it: live traffic has no variants of texts"
    declared = component.spec.governance.bias_detection
    name = FairnessMetric.COUNTERFACTUAL_FAIRNESS_DIFFERENCE.value
    if name in declared.thresholds:
        yield (*bias, "thresholds", name), words
    if name in declared.metrics:
        yield (*bias, "metrics", declared.metrics.index(name)), words
    for i, metric in enumerate(component.spec.release.rollout_metrics):
        if metric.name == name:
            path = ("spec", "release", "rolloutMetrics", i, "name")
            yield path, f"{words}, by its limit in biasDetection.thresholds"


def _fairness(component: Component) -> Iterator[Remark]:
    """Limits of fairness where nothing says who is compared, or what is good for them."""
    signals = component.spec.signals
    if not signals.groups:
        words = "spec.signals.groups names no group to compare"
    elif signals.favourable is None:
        words = "spec.signals.favourable does not say what is favourable"
    else:
        return
    path: Steps = ("spec", "governance", "biasDetection", "thresholds")
    for name in component.spec.governance.bias_detection.thresholds:
        if name != FairnessMetric.COUNTERFACTUAL_FAIRNESS_DIFFERENCE:
            yield (*path, name), f"never judged: {words}"


def _calibration(component: Component) -> Iterator[Remark]:
    """Calibration where nothing says what the score is."""
    spec = component.spec
    if spec.signals.score is not None:
        return
    bias, declared = ("spec", "governance", "biasDetection"), spec.governance.bias_detection
    name = FairnessMetric.CALIBRATION_WITHIN_GROUPS_DIFFERENCE.value
    words = "only events that bring a score are judged: spec.signals.score does not say where it is"
    if name in declared.thresholds:
        yield (*bias, "thresholds", name), words
    if name in declared.metrics:
        yield (*bias, "metrics", declared.metrics.index(name)), words


def _evidently(component: Component) -> Iterator[Remark]:
    """Tests that need raw rows, which live traffic does not have."""
    tests = declared_evidently(component.spec.monitoring.drift)
    for place, test in tests.items():
        words = f"accepted, acted on in part: {test} {OFFLINE_ONLY}"
        yield ("spec", "monitoring", "drift", *place), words


def _performance(component: Component) -> Iterator[Remark]:
    """Limits of measures that predictions are of the wrong kind for."""
    signals = component.spec.signals
    for i, metric in enumerate(component.spec.release.rollout_metrics):
        if metric.name not in _RATES:
            continue
        check = RateCheck(metric.name)
        path = ("spec", "release", "rolloutMetrics", i, "name")
        if check.of_numbers and not signals.of_numbers:
            yield path, "never judged: favourable outcomes are declared, it measures numbers"
        elif check.of_outcomes and signals.favourable is None:
            yield path, "never judged: spec.signals.favourable does not say what is favourable"


def _degradation(component: Component) -> Iterator[Remark]:
    """A comparison with labels of a reference that holds none, or is not there."""
    spec = component.spec
    if spec.signals.label is None:
        words = "never judged: without spec.signals.label `evenhand baseline` finds no labels"
    elif spec.baseline.uri is None:
        words = "judged only where --reference gives labelled rows: spec.baseline.uri names none"
    else:
        return
    for i, metric in enumerate(spec.release.rollout_metrics):
        if metric.name == RateCheck.DEGRADATION:
            yield ("spec", "release", "rolloutMetrics", i, "name"), words


def _rollbacks(component: Component) -> Iterator[Remark]:
    if component.spec.model.repository is not None:
        return
    for i, action in enumerate(component.spec.actions):
        if action.action == "rollback":
            path = ("spec", "actions", i, "do")
            yield path, "without spec.model.repository the receiver must know the version itself"
