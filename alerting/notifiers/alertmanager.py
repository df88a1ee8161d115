"""The direct road to Alertmanager (API v2): a stateless loop over the alerts table.

Every firing alert is posted to every replica each minute with ``endsAt`` four minutes ahead, and
resolved ones for fifteen minutes. Nothing is remembered between posts, so a crash of ours or of
Alertmanager's is healed by the next minute; if all of us die, the alerts end by themselves after
four minutes and the rule ``EvenhandDown`` says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from governance.alert import Alert, AlertState
from governance.clock import SECOND_US, format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

POST_EVERY_SECONDS = 60
_ENDS_AHEAD_US = 240 * SECOND_US
RESOLVED_FOR_US = 900 * SECOND_US
_MAX_SUMMARY_SUBJECTS = 5


class AlertmanagerPoster:
    """Posts alerts to every replica; ``post`` returns what went wrong, replica by replica."""

    def __init__(self, urls: Sequence[str], external_url: str) -> None:
        self._urls = [url.rstrip("/") for url in urls]
        self._external_url = external_url.rstrip("/")
        self._client = httpx.Client(timeout=10.0, trust_env=False)

    def post(self, alerts: Iterable[Alert], now_us: int) -> list[str]:
        """Send all alerts that people should know of now; an empty list means all went well."""
        body = [
            posted_alert(alert, self._external_url, now_us)
            for alert in alerts
            if is_current(alert, now_us)
        ]
        if not body:
            return []
        return [failure for url in self._urls if (failure := self._post_one(url, body))]

    def close(self) -> None:
        """Free connections."""
        self._client.close()

    def _post_one(self, url: str, body: list[dict[str, Any]]) -> str | None:
        try:
            answer = self._client.post(f"{url}/api/v2/alerts", json=body)
        except httpx.HTTPError as error:
            return f"{url}: {type(error).__name__}: {error}"
        if answer.is_success:
            return None
        # Alertmanager stores the valid alerts of a batch even when it answers 400.
        return f"{url}: answered {answer.status_code}: {answer.text[:200]}"


def is_current(alert: Alert, now_us: int) -> bool:
    """Whether Alertmanager should hear of the alert: it fires, or it resolved lately."""
    if alert.state is AlertState.FIRING:
        return True
    resolved = alert.resolved_at_us
    return (
        alert.state is AlertState.RESOLVED
        and resolved is not None
        and now_us - resolved < RESOLVED_FOR_US
    )


def posted_alert(alert: Alert, external_url: str, now_us: int) -> dict[str, Any]:
    """One entry of the API's array; labels identify, annotations explain."""
    key = alert.key
    resolved = alert.state is AlertState.RESOLVED and alert.resolved_at_us is not None
    ends_us = alert.resolved_at_us if resolved else now_us + _ENDS_AHEAD_US
    page = f"{external_url}/api/v1/components/{key.component}"
    return {
        "labels": {
            "alertname": "EvenhandComponent",
            "namespace": key.component.namespace,
            "component": key.component.name,
            "version": key.version,
            "modality": key.modality,
            "check": key.check,
            "severity": alert.severity.value,
        },
        "annotations": alert_annotations(alert),
        "startsAt": format_instant(alert.firing_since_us or now_us),
        "endsAt": format_instant(ends_us or now_us),
        "generatorURL": page,
    }


def alert_annotations(alert: Alert) -> dict[str, str]:
    """What a person reads: worst subjects, their numbers, the window, the decision's reason."""
    if not alert.history:
        return {"reason": alert.reason}
    newest = alert.history[-1]
    loud = [j for j in newest.judgements if j.status.value in {"breach", "warning"}]
    shown = [j for j in loud if j.subject] or loud
    subjects = ", ".join(j.subject for j in shown if j.subject)
    window = f"{format_instant(newest.start_us)} to {format_instant(newest.end_us)}"
    return {
        "summary": f"{alert.key.check} on {alert.key.component} {alert.key.version}"
        + (f": {subjects}" if subjects else ""),
        "description": "\n".join(j.summary for j in shown[:_MAX_SUMMARY_SUBJECTS]),
        "subjects": subjects,
        "window": f"{newest.window} ({window})",
        "reason": alert.reason,
    }
