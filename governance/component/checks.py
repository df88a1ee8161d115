"""What a schema cannot say: names that must agree, paths that must be readable, limits by kind."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from governance.component.drift_tests import evidently_method
from governance.component.jsonpath import compile_path
from governance.component.metrics import FairnessMetric, LimitKind, RateCheck
from governance.component.nearest import did_you_mean, listed
from governance.component.schema import Modality
from governance.component.selector import Selector, SelectorKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from governance.component.document import Steps
    from governance.component.schema import Component, RolloutMetric, Signals

Remark = tuple["Steps", str]  # a path in the document, and what is to be said about it

FAIRNESS = tuple(metric.value for metric in FairnessMetric)
_RATES = frozenset(check.value for check in RateCheck)
ROLLOUT_CHECKS = (*(check.value for check in RateCheck), *FAIRNESS, "drift", "data_quality")

_SIGNALS: Steps = ("spec", "signals")
_BIAS: Steps = ("spec", "governance", "biasDetection")


def problems(component: Component) -> Iterator[Remark]:
    """Everything that is wrong with a component that the schema accepts."""
    yield from _fairness_names(component)
    yield from _groups(component)
    yield from _features(component)
    yield from _embeddings(component)
    yield from _response_schema(component)
    yield from _drift_subjects(component)
    yield from _selectors(component.spec.signals)
    yield from _rollout(component)


def _fairness_names(component: Component) -> Iterator[Remark]:
    bias = component.spec.governance.bias_detection
    for name in bias.thresholds:
        yield from _among(name, FAIRNESS, (*_BIAS, "thresholds", name), "fairness metric")
    for i, name in enumerate(bias.metrics):
        yield from _among(name, FAIRNESS, (*_BIAS, "metrics", i), "fairness metric")


def _groups(component: Component) -> Iterator[Remark]:
    bias = component.spec.governance.bias_detection
    declared = component.spec.signals.groups
    what = "attribute of spec.signals.groups"
    for i, name in enumerate(bias.groups):
        yield from _among(name, declared, (*_BIAS, "groups", i), what)
    for i, attributes in enumerate(bias.intersections):
        path = (*_BIAS, "intersections", i)
        if len(set(attributes)) < 2:
            yield path, "an intersection is of at least two different attributes"
        for j, name in enumerate(attributes):
            yield from _among(name, declared, (*path, j), what)


def _features(component: Component) -> Iterator[Remark]:
    declared = component.spec.model.modality
    for modality in component.spec.signals.features:
        if modality not in declared:
            path = (*_SIGNALS, "features", modality.value)
            yield path, f"spec.model.modality lists only {listed(m.value for m in declared)}"


def _embeddings(component: Component) -> Iterator[Remark]:
    declared = [m for m in component.spec.model.modality if m is not Modality.TABULAR]
    for modality in component.spec.signals.embeddings:
        if modality not in declared:
            words = f"is of {listed(m.value for m in declared)}" if declared else "is of no table"
            yield (*_SIGNALS, "embeddings", modality.value), f"an embedding {words}"


def _response_schema(component: Component) -> Iterator[Remark]:
    if component.spec.signals.response_schema is None:
        return
    if Modality.TEXT not in component.spec.model.modality:
        yield (
            (*_SIGNALS, "responseSchema"),
            "is of answers in text: list text in spec.model.modality",
        )


def _drift_subjects(component: Component) -> Iterator[Remark]:
    excluded = {
        name for signal in component.spec.signals.features.values() for name in signal.exclude
    }
    for name, settings in component.spec.monitoring.drift.features.items():
        path: Steps = ("spec", "monitoring", "drift", "features", name)
        if name in excluded:
            yield path, f"{name!r} is excluded by spec.signals.features and never measured"
        if settings.test is not None and _is_embedding(name, component):
            yield (*path, "test"), "an embedding is judged by mmd: leave test out"
        if settings.test is not None and _is_joint(name, component):
            yield (*path, "test"), "joint is judged by correlations: leave test out"
        yield from _evidently(name, component, path)


def _evidently(name: str, component: Component, path: Steps) -> Iterator[Remark]:
    settings = component.spec.monitoring.drift.features[name]
    method = evidently_method(settings.test)
    if method is None:
        return
    tabular = component.spec.signals.features.get(Modality.TABULAR)
    bare = name.removeprefix(f"{Modality.TABULAR.value}.")
    if not method.categorical and tabular is not None and bare in tabular.categorical:
        words = f"{settings.test} needs numbers, but spec.signals.features.tabular.categorical"
        yield (*path, "test"), f"{words} lists {bare!r}: write for example evidently:chisquare"
    if method.p_value and settings.threshold is not None and settings.threshold >= 1:
        words = f"found {settings.threshold:g}: {settings.test} gives a p-value and fails below it"
        yield (*path, "threshold"), f"{words}: write a number below 1, for example 0.05"


def _is_embedding(name: str, component: Component) -> bool:
    names = {f"{modality.value}.embedding" for modality in component.spec.model.modality}
    return name in {"embedding", *names} - {f"{Modality.TABULAR.value}.embedding"}


def _is_joint(name: str, component: Component) -> bool:
    tabular = Modality.TABULAR.value
    return tabular in component.spec.model.modality and name in {"joint", f"{tabular}.joint"}


def _selectors(signals: Signals) -> Iterator[Remark]:
    for path, selector in places(signals):
        if selector.kind in {SelectorKind.REQUEST, SelectorKind.RESPONSE}:
            try:
                compile_path(selector.argument)
            except ValueError as error:
                yield path, str(error)
        elif selector.argument == "*" and path[-2:] != ("features", Modality.TABULAR.value):
            words = "'*' stands for many columns: only spec.signals.features.tabular reads them"
            yield path, words


def places(signals: Signals) -> Iterator[tuple[Steps, Selector]]:
    """Every selector of ``spec.signals``, with its path in the document."""
    for name in ("id", "time", "version", "prediction", "score"):
        selector = getattr(signals, name)
        if selector is not None:
            yield (*_SIGNALS, name), selector
    if signals.label is not None:
        yield (*_SIGNALS, "label"), signals.label.source
    for name, group in signals.groups.items():
        yield (*_SIGNALS, "groups", name), group.source
    for modality, feature in signals.features.items():
        yield (*_SIGNALS, "features", modality.value), feature.source
    for modality, selector in signals.embeddings.items():
        yield (*_SIGNALS, "embeddings", modality.value), selector


def _rollout(component: Component) -> Iterator[Remark]:
    for i, metric in enumerate(component.spec.release.rollout_metrics):
        path: Steps = ("spec", "release", "rolloutMetrics", i)
        yield from _among(metric.name, ROLLOUT_CHECKS, (*path, "name"), "check")
        yield from _limit(metric, (*path, "threshold"))


def _limit(metric: RolloutMetric, path: Steps) -> Iterator[Remark]:
    if metric.name not in ROLLOUT_CHECKS:
        return
    duration = isinstance(metric.threshold, str) and not metric.threshold.strip().endswith("%")
    share = isinstance(metric.threshold, str) and not duration
    kind = RateCheck(metric.name).kind if metric.name in _RATES else LimitKind.SHARE
    if kind is LimitKind.SHARE:
        if duration or not 0 <= metric.limit <= 1:
            yield path, _found(metric, "a share in [0, 1], for example 0.01 or 1%")
    elif kind is LimitKind.DURATION:
        if share or not 0 < metric.limit < math.inf:
            yield path, _found(metric, "a duration, for example 200ms")
    elif duration or share or not 0 < metric.limit < math.inf:
        example = RateCheck(metric.name).example
        yield path, _found(metric, f"a number above 0, for example {example}")


def _found(metric: RolloutMetric, wanted: str) -> str:
    return f"found {metric.threshold!r}: write {wanted}"


def _among(name: str, allowed: Iterable[str], path: Steps, what: str) -> Iterator[Remark]:
    allowed = list(allowed)
    if name not in allowed:
        names = listed(allowed) or "none declared"
        yield path, f"{name!r} is no {what}{did_you_mean(name, allowed)}; allowed: {names}"
