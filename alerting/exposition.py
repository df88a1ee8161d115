"""What the last judged windows and the alerts look like to Prometheus.

Pure: from finding objects and alerts to metric families. Series of a version vanish with its
findings; no series ever holds NaN, and none has an id or a user's text as a label.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from governance.clock import SECOND_US, parse_instant_us
from governance.component.metrics import LimitKind, RateCheck
from governance.finding import Status
from governance.metrics import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_DRIFT_SERIES = 200  # per component and version; the rest is counted as suppressed
COMPONENT = ("namespace", "component", "version", "modality")
_RATES = {
    "demographic_parity_difference": "selection",
    "equal_opportunity_difference": "true_positive",
    "false_positive_rate_difference": "false_positive",
    "predictive_parity_difference": "positive_predictive_value",
    "accuracy_score_difference": "accuracy",
}
_DURATIONS = frozenset(c.value for c in RateCheck if c.kind is LimitKind.DURATION)  # milliseconds
_WORST_FIRST = (Status.BREACH, Status.WARNING, Status.OK, Status.INSUFFICIENT)


def finding_families(bodies: Iterable[Mapping[str, Any]]) -> list[Family]:
    """Families of the newest findings of all components (objects of DESIGN 7)."""
    bodies = list(bodies)
    drift, suppressed = _capped([b for b in bodies if b["check"] == "drift" and b["subject"]])
    fairness = [b for b in bodies if b["groups"] or b["check"].endswith(("_difference", "_ratio"))]
    return [
        *_valued("evenhand_drift", "Drift effect size of the last window", drift, _drift_labels),
        *_valued("evenhand_fairness", "Fairness of the last window", fairness, _fairness_labels),
        _suppressed(suppressed),
        _group_rates(fairness),
        _label_coverage([*fairness, *(b for b in bodies if not b["subject"])]),
        _operations(bodies),
        *_valued(
            "evenhand_finish_reason_ratio",
            "Share of the last window's answers that ended so",
            [b for b in bodies if b["check"] == "finish_reason"],
            lambda body: (("reason", body["subject"]),),
        ),
        *_valued(
            "evenhand_rate_change_score",
            "Scale units between the newest points of a series and its usual level; 4 is told",
            [b for b in bodies if b["check"] == "rate_change" and b["subject"]],
            lambda body: (("series", body["subject"]),),
        ),
        *_valued(
            "evenhand_degradation",
            "How much worse a measure was in the last window than on the reference",
            [b for b in bodies if b["check"] == "degradation"],
            lambda body: (("measure", body["subject"]),),
        ),
        _statuses(bodies),
        _unjudged(bodies),
        _window_ends(bodies),
    ]


def _of(body: Mapping[str, Any]) -> tuple[str, ...]:
    return body["namespace"], body["component"], body["version"], body["modality"]


def _drift_labels(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return ("feature", body["subject"]), ("test", body["test"])


def _fairness_labels(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return ("attribute", body["subject"]), ("metric", body["check"])


def _valued(
    name: str,
    meaning: str,
    bodies: list[Mapping[str, Any]],
    further: Callable[[Mapping[str, Any]], tuple[tuple[str, str], ...]],
) -> list[Family]:
    """The value and, beside it, its bounds and the number of events."""
    labels: tuple[str, ...] = COMPONENT
    samples: dict[str, list[tuple[tuple[str, ...], float]]] = defaultdict(list)
    for body in bodies:
        pairs = further(body)
        labels = COMPONENT + tuple(label for label, _ in pairs)
        values = _of(body) + tuple(value for _, value in pairs)
        for suffix, field in (("", "value"), ("_lower", "lower"), ("_upper", "upper")):
            if body[field] is not None:
                samples[suffix].append((values, float(body[field])))
        samples["_events"].append((values, float(body["events"])))
    notes = {
        "": meaning,
        "_lower": f"{meaning}: lower bound of the 95 % interval",
        "_upper": f"{meaning}: upper bound of the 95 % interval",
        "_events": f"{meaning}: events of the newest pane",
    }
    return [
        Family(name + suffix, note, labels, tuple(samples[suffix]))
        for suffix, note in notes.items()
        if samples[suffix]
    ]


def _capped(
    bodies: list[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], dict[tuple[str, ...], int]]:
    """The largest effects of each component version, and how many were left out."""
    grouped: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for body in bodies:
        grouped[_of(body)].append(body)
    kept: list[Mapping[str, Any]] = []
    left_out = {}
    for key, group in grouped.items():
        group.sort(key=lambda b: (-(b["value"] or 0.0), b["subject"]))
        kept.extend(group[:MAX_DRIFT_SERIES])
        left_out[key] = max(0, len(group) - MAX_DRIFT_SERIES)
    return kept, left_out


def _suppressed(left_out: Mapping[tuple[str, ...], int]) -> Family:
    return Family(
        "evenhand_drift_suppressed_series",
        f"Drift series beyond the {MAX_DRIFT_SERIES} that are exported",
        COMPONENT,
        tuple((key, float(count)) for key, count in left_out.items()),
    )


def _group_rates(bodies: list[Mapping[str, Any]]) -> Family:
    samples = [
        ((*_of(body), body["subject"], group["group"], _RATES[body["check"]]), group["rate"])
        for body in bodies
        if body["check"] in _RATES
        for group in body["groups"]
        if group["rate"] is not None
    ]
    labels = (*COMPONENT, "attribute", "group", "rate")
    return Family("evenhand_group_rate", "Rate of a group", labels, tuple(samples))


def _label_coverage(bodies: list[Mapping[str, Any]]) -> Family:
    samples = {
        (*_of(body), body["subject"]): float(body["label_coverage"])
        for body in bodies
        if body["label_coverage"] is not None
    }
    return Family(
        "evenhand_label_coverage_ratio",
        "Share of the last window's events that have a label",
        (*COMPONENT, "attribute"),
        tuple(samples.items()),
    )


def _operations(bodies: list[Mapping[str, Any]]) -> Family:
    """Checks that have one number, in base units: durations in seconds, tokens, bytes, shares."""
    samples = [
        (
            (*_of(body), body["check"]),
            body["value"] / 1_000 if body["check"] in _DURATIONS else body["value"],
        )
        for body in bodies
        if body["value"] is not None and not body["groups"] and not body["subject"]
    ]
    meaning = "Value of a check without subject in the last window; durations in seconds"
    return Family("evenhand_check", meaning, (*COMPONENT, "check"), tuple(samples))


def _statuses(bodies: list[Mapping[str, Any]]) -> Family:
    worst: dict[tuple[str, ...], Status] = {}
    for body in bodies:
        key = (*_of(body), body["check"])
        status = Status(body["status"])
        known = worst.get(key)
        if known is None or _rank(status) < _rank(known):
            worst[key] = status
    samples = [
        ((*key, status.value), float(status is held))
        for key, held in worst.items()
        for status in Status
    ]
    labels = (*COMPONENT, "check", "status")
    meaning = "1 for the status that holds for the worst subject of a check, 0 for the others"
    return Family("evenhand_finding_status", meaning, labels, tuple(samples))


def _rank(status: Status) -> int:
    return _WORST_FIRST.index(status) if status in _WORST_FIRST else len(_WORST_FIRST)


def _unjudged(bodies: list[Mapping[str, Any]]) -> Family:
    counts: Counter[tuple[str, ...]] = Counter(
        (*_of(body), body["check"], body["reason"].partition(":")[0])
        for body in bodies
        if body["status"] == Status.INSUFFICIENT
    )
    return Family(
        "evenhand_unjudged_subjects",
        "Subjects of a check that could not be judged in the last window, by the reason's code",
        (*COMPONENT, "check", "reason"),
        tuple((key, float(count)) for key, count in counts.items()),
    )


def _window_ends(bodies: list[Mapping[str, Any]]) -> Family:
    newest: dict[tuple[str, ...], float] = {}
    for body in bodies:
        end = parse_instant_us(body["window"]["end"]) / SECOND_US
        newest[_of(body)] = max(end, newest.get(_of(body), end))
    return Family(
        "evenhand_last_window_end_timestamp_seconds",
        "End of the last judged window",
        COMPONENT,
        tuple(newest.items()),
    )
