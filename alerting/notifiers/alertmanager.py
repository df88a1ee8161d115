"""The direct road to Alertmanager (API v2): a stateless loop over the alerts table.

Every firing alert is posted to every replica each minute with ``endsAt`` four minutes ahead, and
resolved ones for fifteen minutes. Nothing is remembered between posts, so a crash of ours or of
Alertmanager's is healed by the next minute; if all of us die, the alerts end by themselves after
four minutes and the rule ``EvenhandDown`` says why.

Alertmanager stores the valid alerts of a batch also when it answers 400 to it. Which ones it has
refused it does not say, so then each is posted alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from alerting.annotations import alert_name, annotations_of
from governance.alert import Alert, AlertState
from governance.clock import SECOND_US, format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alerting.annotations import Links

POST_EVERY_SECONDS = 60.0
_ENDS_AHEAD = 4  # times the interval of posts
RESOLVED_FOR_US = 900 * SECOND_US
_MOST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Posting:
    """What did not go well: replicas to try again, and alerts that will never be taken."""

    failures: list[str] = field(default_factory=list)
    refused: list[tuple[Alert, str]] = field(default_factory=list)


class AlertmanagerPoster:
    """Posts alerts to every replica."""

    def __init__(
        self, urls: Sequence[str], links: Links, *, every_seconds: float = POST_EVERY_SECONDS
    ) -> None:
        self.every_seconds = every_seconds
        self._urls = [url.rstrip("/") for url in urls]
        self._links = links
        self._client = httpx.Client(timeout=10.0, trust_env=False)

    def post(self, alerts: Iterable[Alert], now_us: int) -> Posting:
        """Send all alerts that people should know of now; never raises for what a replica does."""
        current = [alert for alert in alerts if is_current(alert, now_us)]
        posting = Posting()
        for url in self._urls if current else ():
            self._post_to(url, current, posting, now_us)
        return posting

    def close(self) -> None:
        """Free connections."""
        self._client.close()

    def _post_to(self, url: str, alerts: list[Alert], posting: Posting, now_us: int) -> None:
        answer = self._send(url, alerts, now_us)
        if isinstance(answer, str):
            posting.failures.append(f"{url}: {answer}")
        elif answer.status_code == HTTPStatus.BAD_REQUEST and len(alerts) > 1:
            for alert in alerts:
                self._post_to(url, [alert], posting, now_us)
        elif answer.status_code == HTTPStatus.BAD_REQUEST:
            posting.refused.append((alerts[0], f"{url}: {answer.text[:_MOST_WORDS]}"))
        elif not answer.is_success:
            words = f"answered {answer.status_code}: {answer.text[:_MOST_WORDS]}"
            posting.failures.append(f"{url}: {words}")

    def _send(self, url: str, alerts: list[Alert], now_us: int) -> httpx.Response | str:
        ends_us = now_us + round(_ENDS_AHEAD * self.every_seconds * SECOND_US)
        body = [posted_alert(alert, self._links, now_us, ends_us) for alert in alerts]
        try:
            return self._client.post(f"{url}/api/v2/alerts", json=body)
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"


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


def posted_alert(alert: Alert, links: Links, now_us: int, ends_us: int) -> dict[str, Any]:
    """One entry of the API's array; labels identify, annotations explain."""
    key = alert.key
    starts_us = alert.firing_since_us or now_us
    resolved = alert.state is AlertState.RESOLVED and alert.resolved_at_us is not None
    if resolved:
        ends_us = max(alert.resolved_at_us or now_us, starts_us)  # a clock may have stepped back
    return {
        "labels": {
            "alertname": alert_name(key),
            "namespace": key.component.namespace,
            "component": key.component.name,
            "version": key.version,
            "modality": key.modality,
            "check": key.check,
            "severity": alert.severity.value,
        },
        "annotations": annotations_of(alert, links),
        "startsAt": format_instant(starts_us),
        "endsAt": format_instant(ends_us),
        "generatorURL": links.component(key),
    }
