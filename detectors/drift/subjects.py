"""What drift counts: the features of a modality, the prediction and the score of a version."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from detectors.drift.words import bin_labels
from detectors.drift.yardstick import (
    NEEDS_NUMBERS,
    declared_test,
    declared_threshold,
    yardstick,
)
from detectors.ladder import FEWEST_REFERENCE_ROWS
from detectors.reference import (
    EMBEDDING,
    JOINT,
    OUTPUTS,
    cut_otherwise,
    is_excluded,
    split_name,
)
from governance.algebra.bins import CategoryBins
from governance.algebra.canonical import canonical_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Keyed = Callable[[str, str], str]

    from detectors.drift.yardstick import Yardstick
    from detectors.feature_reference import FeatureReference
    from detectors.reference import Reference
    from governance.algebra.bins import NumericBins
    from governance.component.schema import Component

_MOST_UNIQUE = 0.9  # of a reference's categories; beyond, what is left says nothing of new rows


@dataclass(frozen=True, slots=True)
class Subject:
    """One feature or output that has a reference.

    ``unfit`` says in words why it cannot be judged by its reference at all; empty if it can.
    """

    name: str  # as findings call it
    column: str  # as batches call it
    bins: NumericBins | CategoryBins
    yardstick: Yardstick
    labels: tuple[str, ...]  # of the coarse bins
    unfit: str


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """A subject that has no reference yet."""

    name: str
    threshold: float
    reason: str


def feature_subjects(
    component: Component, reference: Reference, modality: str, keyed: Keyed | None
) -> tuple[Subject, ...]:
    """The features of a modality that can be compared, in the order of their names.

    ``keyed`` maps (column, category) to the code by which the category travels; names are then
    known by their codes as well, and are not shown.
    """
    return tuple(
        _subject(component, reference, column, feature, keyed)
        for column, feature in sorted(reference.inputs.items())
        if split_name(column)[0] == modality and not is_excluded(column, component)
    )


def output_subjects(
    component: Component, reference: Reference, keyed: Keyed | None
) -> tuple[Subject, ...]:
    """Prediction and score, where the judged version has a reference of them."""
    return tuple(
        _subject(component, reference, name, output, keyed)
        for name, output in sorted(_outputs(component, reference).items())
    )


def unbuilt(component: Component, reference: Reference) -> tuple[Unbuilt, ...]:
    """Outputs that are declared, or known of another version, and have no reference here."""
    version = _version(component, reference)
    built = _outputs(component, reference)
    source = component.spec.baseline.from_traffic
    wanted = FEWEST_REFERENCE_ROWS if source is None else source.events
    reason = (
        f"reference_building: 0/{wanted} events: the outputs of version {version} have no "
        "reference yet; its inputs are judged"
    )
    settings = component.spec.monitoring.drift
    return tuple(
        Unbuilt(name, declared_threshold((name,), settings, settings.threshold), reason)
        for name in OUTPUTS
        if name not in built and _expected(name, component, reference)
    )


def _subject(
    component: Component,
    reference: Reference,
    column: str,
    feature: FeatureReference,
    keyed: Keyed | None,
) -> Subject:
    name, bins = _name(column), feature.bins
    may_show = None
    if keyed is not None and isinstance(bins, CategoryBins):
        bins = bins.with_keyed(partial(keyed, column))
        may_show = _declared(column, component)
    stick = yardstick(feature, (column, name), component.spec.monitoring.drift)
    unfit = _unfit(component, reference, column, stick)
    return Subject(name, column, bins, stick, bin_labels(feature, may_show), unfit)


def _name(column: str) -> str:
    """What findings call a column; one that is called like another subject keeps its prefix."""
    _, bare = split_name(column)
    return column if bare in (*OUTPUTS, EMBEDDING, JOINT) else bare


def _unfit(component: Component, reference: Reference, column: str, stick: Yardstick) -> str:
    if stick.ladder and (cut := cut_otherwise(component, reference)):
        return cut
    names, settings = (column, _name(column)), component.spec.monitoring.drift
    test = declared_test(names, settings, numeric=stick.ordered)
    if test in NEEDS_NUMBERS and not stick.ordered:
        return f"it holds categories and {test} needs numbers: declare psi or jensenshannon"
    if stick.ordered and stick.fine.sum() == 0:
        return "it holds no finite value"
    if stick.rows < FEWEST_REFERENCE_ROWS:
        return f"it has {stick.rows} rows, at least {FEWEST_REFERENCE_ROWS} are needed"
    if not stick.ordered and stick.fine[-1] > _MOST_UNIQUE * stick.fine.sum():
        return (
            "nearly each of its rows has a value of its own, as an identifier has: exclude it in "
            "spec.signals.features"
        )
    return ""


def _outputs(component: Component, reference: Reference) -> dict[str, FeatureReference]:
    return dict(reference.outputs.get(_version(component, reference), {}))


def _version(component: Component, reference: Reference) -> str:
    return reference.version or component.spec.model.version


def _expected(name: str, component: Component, reference: Reference) -> bool:
    declared = getattr(component.spec.signals, name) is not None
    return declared or any(name in outputs for outputs in reference.outputs.values())


def _declared(column: str, component: Component) -> frozenset[str]:
    """The category names of a column that the component shows itself."""
    rule = component.spec.signals.favourable
    if column != "prediction" or rule is None:
        return frozenset()
    return frozenset(map(canonical_text, rule.values or ()))
