"""What a person reads who is paged: numbers, evidence in words, where to look, what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerting.evaluate import evidence_words, number
from alerting.sight import BLIND_CHECK
from governance.clock import format_instant

if TYPE_CHECKING:
    from governance.alert import Alert, AlertKey, Judgement

COMPONENT_ALERT = "EvenhandComponent"
BLIND_ALERT = "EvenhandBlind"
MOST_SUBJECTS = 5  # that are described; the rest is counted


@dataclass(frozen=True, slots=True)
class Links:
    """Where links of notices lead: the API's address as people reach it, and the runbooks'."""

    external_url: str
    runbook_url: str = ""

    def component(self, key: AlertKey) -> str:
        """The component's state."""
        return f"{self.external_url.rstrip('/')}/api/v1/components/{key.component}"

    def runbook(self, alertname: str) -> str:
        """What to do; by default as the API serves it."""
        base = self.runbook_url or f"{self.external_url.rstrip('/')}/runbooks"
        return f"{base.rstrip('/')}/{alertname}.md"


def alert_name(key: AlertKey) -> str:
    """What Alertmanager calls it, and its runbook."""
    return BLIND_ALERT if key.check == BLIND_CHECK else COMPONENT_ALERT


def loud_judgements(alert: Alert) -> list[Judgement]:
    """Of the newest window: its breaches and warnings, the worst first, subjects before sums."""
    if not alert.history:
        return []
    newest = alert.history[-1].judgements
    loud = [j for j in newest if j.status.value in {"breach", "warning"}]
    return [j for j in loud if j.subject] or loud


def annotations_of(alert: Alert, links: Links) -> dict[str, str]:
    """Texts by name; what is not known is left out."""
    key, shown = alert.key, loud_judgements(alert)
    texts = {
        "summary": _summary(alert, shown),
        "description": _description(alert, shown),
        "subjects": ", ".join(j.subject for j in shown[:MOST_SUBJECTS] if j.subject),
        "window": _window(alert),
        "reason": alert.reason,
        "component_url": links.component(key),
        "runbook_url": links.runbook(alert_name(key)),
        **(_numbers(shown[0]) if shown else {}),
    }
    return {name: text for name, text in texts.items() if text}


def _summary(alert: Alert, shown: list[Judgement]) -> str:
    key = alert.key
    if key.check == BLIND_CHECK:
        return f"{key.component} cannot be seen: {alert.reason.partition(': ')[2]}"
    subjects = ", ".join(j.subject for j in shown[:MOST_SUBJECTS] if j.subject)
    more = len(shown) - MOST_SUBJECTS
    words = f"{key.check} on {key.component} {key.version}" + (f": {subjects}" if subjects else "")
    return f"{words} and {more} more" if more > 0 else words


def _description(alert: Alert, shown: list[Judgement]) -> str:
    if alert.key.check == BLIND_CHECK:
        return "Its alerts are held until it is seen again: nothing new can be judged."
    return "\n".join(j.summary for j in shown[:MOST_SUBJECTS])


def _window(alert: Alert) -> str:
    if not alert.history:
        return ""
    newest = alert.history[-1]
    bounds = f"{format_instant(newest.start_us)} to {format_instant(newest.end_us)}"
    return bounds if alert.key.check == BLIND_CHECK else f"{newest.window} ({bounds})"


def _numbers(worst: Judgement) -> dict[str, str]:
    texts = {"value": worst.value, "threshold": worst.threshold}
    found = {name: number(value) for name, value in texts.items() if value is not None}
    if worst.lower is not None and worst.upper is not None:
        found["interval"] = f"{number(worst.lower)} to {number(worst.upper)} (95 %)"
    if worst.evidence is not None and worst.evidence > 0:
        found["evidence"] = evidence_words(worst.evidence)
    return found
