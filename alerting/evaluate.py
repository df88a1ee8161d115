"""From findings to observations: which alert a finding belongs to, and what it says in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerting.lifecycle import worst_first
from governance.alert import AlertKey, Judgement, Observation
from governance.clock import parse_instant_us
from governance.component.key import ComponentKey
from governance.component.metrics import is_bad_above
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def observations(
    bodies: Iterable[Mapping[str, Any]],
) -> list[tuple[AlertKey, Observation]]:
    """Group finding objects by alert, window and revision, in the order in which they came.

    The order of judgement is kept, so the same findings give the same decisions however they are
    cut into rounds (``whole_judgements`` keeps a round from cutting one in two). The verdict on a
    whole component of several modalities is left out: what it blames has an alert of its own.
    """
    grouped: dict[tuple[AlertKey, int, int], list[Mapping[str, Any]]] = {}
    for body in bodies:
        if _sums_up_modalities(body):
            continue
        place = (alert_key(body), body["window"]["number"], body["revision"])
        grouped.setdefault(place, []).append(body)
    return [(key, _observation(group)) for (key, _, _), group in grouped.items()]


def whole_judgements(bodies: Sequence[Mapping[str, Any]]) -> int:
    """How many of the first bodies can be taken without cutting a judgement in two.

    A judgement is what one window of one component version says at one time; its findings lie
    side by side. The last one may go on behind the end of what was read.
    """
    if not bodies:
        return 0
    last = _judgement(bodies[-1])
    return next((i + 1 for i in range(len(bodies) - 1, -1, -1) if _judgement(bodies[i]) != last), 0)


def alert_key(body: Mapping[str, Any]) -> AlertKey:
    """The alert that a finding feeds: its subject goes to annotations, not to the identity."""
    return AlertKey(
        ComponentKey(body["namespace"], body["component"]),
        body["version"],
        body["modality"],
        body["check"],
    )


def summarise(body: Mapping[str, Any]) -> str:
    """One finding in words: subject, value, interval, threshold, how sure, why."""
    if body["value"] is None:
        return str(body["reason"])
    name = f"{body['check']} of {body['subject']}" if body["subject"] else str(body["check"])
    words = f"{name} is {number(body['value'])}"
    if body["lower"] is not None and body["upper"] is not None:
        words += f" [{number(body['lower'])}, {number(body['upper'])}]"
    if body["threshold"] is not None:
        words += f", limit {number(body['threshold'])}"
    if body["evidence"] is not None and body["evidence"] > 0:
        words += f"; {evidence_words(body['evidence'])}"
    return f"{words} ({body['reason']})" if body["reason"] else words


def evidence_words(evidence_log10: float) -> str:
    """What an e-value of 10^evidence means: chance gives one as large so seldom, at most."""
    times = f"10^{evidence_log10:.0f}" if evidence_log10 >= 6 else f"{10**evidence_log10:,.0f}"
    return f"would happen less than once in {times} windows if nothing had changed"


def number(value: float) -> str:
    """Three digits, as people read them."""
    return f"{value:.3g}"


def _sums_up_modalities(body: Mapping[str, Any]) -> bool:
    return bool(body["check"] == "drift" and body["modality"] == "" and body["subject"] == "")


def _judgement(body: Mapping[str, Any]) -> tuple[Any, ...]:
    names = (body["namespace"], body["component"], body["version"])
    return (*names, body["window"]["number"], body["revision"])


def _observation(bodies: list[Mapping[str, Any]]) -> Observation:
    window = bodies[0]["window"]
    judgements = worst_first(
        Judgement(
            subject=body["subject"],
            status=Status(body["status"]),
            revision=body["revision"],
            finding_id=body["id"],
            summary=summarise(body),
            value=body["value"],
            lower=body["lower"],
            upper=body["upper"],
            threshold=body["threshold"],
            evidence=body["evidence"],
            of_limit=_of_limit(body),
        )
        for body in sorted(bodies, key=_worst_first)
    )
    return Observation(
        window=window["number"],
        start_us=parse_instant_us(window["start"]),
        end_us=parse_instant_us(window["end"]),
        judgements=judgements,
    )


def _worst_first(body: Mapping[str, Any]) -> tuple[float, str]:
    return -(_of_limit(body) or 0.0), body["subject"]


def _of_limit(body: Mapping[str, Any]) -> float | None:
    """The share of its limit that the value has used up, on the bad side of it."""
    value, limit = body["value"], body["threshold"]
    if value is None or limit is None:
        return None
    value, limit = abs(value), abs(limit)
    part, whole = (value, limit) if is_bad_above(body["check"]) else (limit, value)
    return part / whole if whole else None
