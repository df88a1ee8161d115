"""From findings to observations: which alert a finding belongs to, and what it says in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerting.lifecycle import worst_first
from governance.alert import AlertKey, Judgement, Observation
from governance.clock import parse_instant_us
from governance.component.key import ComponentKey
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def observations(
    bodies: Iterable[Mapping[str, Any]],
) -> list[tuple[AlertKey, Observation]]:
    """Group finding objects by alert and window, oldest window first within an alert.

    Parameters
    ----------
    bodies
        Finding objects as ``Finding.to_json`` makes them; of several revisions of one finding
        the newest counts.
    """
    newest: dict[str, Mapping[str, Any]] = {}
    for body in bodies:
        known = newest.get(body["id"])
        if known is None or known["revision"] <= body["revision"]:
            newest[body["id"]] = body
    grouped: dict[tuple[AlertKey, int], list[Mapping[str, Any]]] = {}
    for body in newest.values():
        grouped.setdefault((alert_key(body), body["window"]["number"]), []).append(body)
    ordered = sorted(grouped.items(), key=lambda item: item[0])
    return [(key, _observation(window)) for (key, _), window in ordered]


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
    words = f"{name} is {_number(body['value'])}"
    if body["lower"] is not None and body["upper"] is not None:
        words += f" [{_number(body['lower'])}, {_number(body['upper'])}]"
    if body["threshold"] is not None:
        words += f", limit {_number(body['threshold'])}"
    if body["evidence"] is not None and body["evidence"] > 0:
        words += f"; if nothing had changed, less than once in {_times(body['evidence'])} windows"
    return f"{words} ({body['reason']})" if body["reason"] else words


def _observation(bodies: list[Mapping[str, Any]]) -> Observation:
    window = bodies[0]["window"]
    judgements = worst_first(
        Judgement(
            subject=body["subject"],
            status=Status(body["status"]),
            revision=body["revision"],
            finding_id=body["id"],
            summary=summarise(body),
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
    if body["value"] is None or not body["threshold"]:
        return 0.0, body["subject"]
    return -body["value"] / body["threshold"], body["subject"]


def _number(value: float) -> str:
    return f"{value:.3g}"


def _times(evidence_log10: float) -> str:
    if evidence_log10 >= 6:
        return f"10^{evidence_log10:.0f}"
    return f"{10**evidence_log10:,.0f}"
