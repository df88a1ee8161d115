"""What a verdict on performance says beside its number: labels, caps, and what did not count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from detectors import label_caps, reasons
from detectors.error_buckets import LARGEST, LARGEST_BUCKETS, UNKNOWN
from detectors.outcome_table import FAVOURABLE, UNFAVOURABLE
from detectors.rate_check import Judged
from governance.finding import Status

if TYPE_CHECKING:
    from detectors.performance.estimate import Estimate
    from detectors.performance.measure import Measure
    from detectors.performance.seen import Seen
    from governance.finding import Verdict

_EVERYONE = np.ones(1, dtype=np.bool_)  # performance is of one group: all events
_LEAST_COVERAGE = 0.9


def judged(status: Status, shown: Estimate, measure: Measure, seen: Seen) -> Judged:
    """Cap a breach that missing labels could make up, and say what was not counted."""
    cap = status is Status.BREACH and _explained(measure, seen)
    remarks = (
        reasons.capped(measure.fragile) if cap else "",
        _missing(measure, seen),
        _uncounted(measure, seen),
    )
    return Judged(Status.WARNING if cap else status, shown, remarks=remarks)


def labelled(verdict: Verdict, measure: Measure, seen: Seen) -> Verdict:
    """The verdict with how many labels it rests on, and their part of the events by weight."""
    labels, _, coverage = _labels(measure, seen)
    return replace(verdict, labels=labels, label_coverage=coverage)


def _explained(measure: Measure, seen: Seen) -> bool:
    if measure.of_numbers:
        coverage = _labels(measure, seen)[2]
        return coverage is not None and coverage < _LEAST_COVERAGE
    return label_caps.explains(measure.fragile, seen.table, _EVERYONE)


def _labels(measure: Measure, seen: Seen) -> tuple[int, int, float | None]:
    """Labelled and unlabelled events, and the labelled part by weight."""
    if not measure.of_numbers:
        return seen.labels
    predicted = seen.predicted[1]
    used, weight = int(seen.known_errors.events.sum()), float(seen.known_errors.weight.sum())
    whole = float(predicted.weight)
    missing = max(0, int(predicted.events) - used)
    return used, missing, min(1.0, weight / whole) if whole > 0 else None


def _missing(measure: Measure, seen: Seen) -> str:
    """How many labels are missing, and how much they could change where that is bounded."""
    _, missing, _ = _labels(measure, seen)
    if not missing or measure.of_numbers or measure.needs_scores:
        return reasons.labels_missing_count(missing)
    ends = (
        measure.read(replace(seen, table=seen.table.completed(label)))
        for label in (UNFAVOURABLE, FAVOURABLE)
    )
    if_0, if_1 = (end.value if end is not None else 0.0 for end in ends)
    return reasons.labels_missing(missing, if_0, if_1)


def _uncounted(measure: Measure, seen: Seen) -> str:
    """Labelled events that the measure could not use, or not to their full extent."""
    if measure.needs_scores:
        unusable = int(seen.scored[-1, 1:].events.sum())
        return f"scores_unusable: {unusable} have no score in [0, 1]" if unusable else ""
    if not measure.of_numbers:
        return ""
    unknown = int(seen.errors[UNKNOWN].events)
    beyond = int(seen.errors[list(LARGEST_BUCKETS)].events.sum())
    return reasons.join(
        (
            f"errors_unknown: {unknown} have no number as prediction" if unknown else "",
            f"errors_beyond: {beyond} are larger than {LARGEST:g} and count as it"
            if beyond
            else "",
        )
    )
