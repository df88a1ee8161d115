"""Degradation: how much worse a measure is than on the reference's labelled rows.

A share, the Brier score and the calibration error are compared by difference; a loss in a unit of
its own (log loss, errors of numbers) by how much larger it is, as a part of the reference's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from detectors.performance.estimate import Estimate, minus, square_and_add
from detectors.performance.seen import read_seen
from governance.component.metrics import LimitKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detectors.performance.measure import Measure
    from detectors.performance.seen import Seen
    from detectors.reference import Reference

_TINY = 1e-300  # stands for 0 in a logarithm
_NO_REFERENCE = (
    "no_reference_labels: the reference holds no {counted}: build it with `evenhand baseline` from "
    "rows that have the column of spec.signals.label"
)
_PERFECT = "perfect_reference: nothing can be a part of an error of 0: give {check} a limit"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A measure and what it was on the reference; ``lacks`` says why there is none."""

    measure: Measure
    before: Estimate | None
    lacks: str = ""
    words: str = ""


def yardsticks(measures: Iterable[Measure], reference: Reference | None) -> tuple[Yardstick, ...]:
    """One yardstick for each measure, from the sums that the reference keeps."""
    known = None if reference is None else reference.performance_sums()
    if known is None:
        return tuple(Yardstick(m, None, _NO_REFERENCE.format(counted=m.counted)) for m in measures)
    version, sums = known
    seen = read_seen(sums, sums)
    return tuple(_yardstick(measure, version, seen) for measure in measures)


def worsening(yardstick: Yardstick, readings: Iterable[Estimate]) -> Iterator[Estimate]:
    """How much worse each window's reading of the measure is; above 0 is worse.

    Both sides' noise is paid for: limits square and add, as in ``parity``. Of a part, on logs.
    """
    if yardstick.before is None:
        return
    for now in readings:
        worse = _worse(yardstick.measure, now, yardstick.before)
        yield replace(worse, size=now.size, raw=now.value, panes=now.panes)


def _worse(measure: Measure, now: Estimate, before: Estimate) -> Estimate:
    if _is_part(measure):
        return _part(now, before)
    return _sum(now, minus(before)) if measure.above else _sum(before, minus(now))


def _yardstick(measure: Measure, version: str, seen: Seen) -> Yardstick:
    before = measure.read(seen)
    if before is None:
        return Yardstick(measure, None, _NO_REFERENCE.format(counted=measure.counted))
    if _is_part(measure) and before.value <= 0:
        return Yardstick(measure, None, _PERFECT.format(check=measure.check.value))
    words = f"reference: {before.value:.4g} in version {version}, {before.size:.4g} labels"
    return Yardstick(measure, before, words=words)


def _is_part(measure: Measure) -> bool:
    return measure.check.kind is LimitKind.NUMBER


def _sum(first: Estimate, second: Estimate) -> Estimate:
    def limits(error: float) -> tuple[float, float]:
        return square_and_add(first, second, error)

    return Estimate(first.value + second.value, first.size, limits)


def _part(now: Estimate, before: Estimate) -> Estimate:
    ratio = _sum(_logarithm(now), minus(_logarithm(before)))

    def limits(error: float) -> tuple[float, float]:
        lower, upper = ratio.limits(error)
        return math.expm1(lower), _expm1(upper)

    return Estimate(now.value / before.value - 1, now.size, limits)


def _logarithm(estimate: Estimate) -> Estimate:
    def limits(error: float) -> tuple[float, float]:
        lower, upper = estimate.limits(error)
        return _ln(lower), _ln(upper)

    return Estimate(_ln(estimate.value), estimate.size, limits)


def _ln(x: float) -> float:
    return math.log(max(x, _TINY))


def _expm1(x: float) -> float:
    return math.expm1(x) if x < 700 else math.inf
