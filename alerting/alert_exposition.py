"""What alerts look like to Prometheus: state, and the numbers that a notice shows. Pure.

The shipped rules (``alerting/rules.py``) read these; the last window's statistics are in
``exposition.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerting.annotations import MOST_SUBJECTS, loud_judgements
from alerting.sight import BLIND_CHECK
from governance.alert import Alert, AlertState
from governance.clock import SECOND_US
from governance.metrics import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from governance.alert import Judgement

_ALERT = ("namespace", "component", "version", "modality", "alert", "check")
_MOST_EVIDENCE = 15.0  # log10: beyond it nobody can tell the difference, and float would overflow
_OPEN = (AlertState.PENDING, AlertState.FIRING)


def alert_families(alerts: Iterable[Alert]) -> list[Family]:
    """Firing or not, who is blind, and the worst subjects of what is pending or fires."""
    alerts = list(alerts)
    judged = [alert for alert in alerts if alert.key.check != BLIND_CHECK]
    return [_firing(judged), _blind(alerts), *_numbers(judged)]


def _firing(alerts: list[Alert]) -> Family:
    samples = [
        (
            (*_of(alert), alert.severity.value, alert.reason.partition(":")[0]),
            float(alert.state is AlertState.FIRING),
        )
        for alert in alerts
    ]
    labels = (*_ALERT, "severity", "reason")
    meaning = "1 while the alert fires; the reason is the code of the last decision"
    return Family("evenhand_alert_firing", meaning, labels, tuple(samples))


def _blind(alerts: list[Alert]) -> Family:
    samples = [
        (
            (alert.key.component.namespace, alert.key.component.name),
            float(alert.state is AlertState.FIRING),
        )
        for alert in alerts
        if alert.key.check == BLIND_CHECK
    ]
    meaning = "1 while sources are expected and silent, or a window is not judged in time"
    return Family("evenhand_blind", meaning, ("namespace", "component"), tuple(samples))


def _numbers(alerts: list[Alert]) -> list[Family]:
    shown = [
        (alert, judgement)
        for alert in alerts
        if alert.state in _OPEN
        for judgement in loud_judgements(alert)[:MOST_SUBJECTS]
    ]
    read: dict[str, tuple[str, Callable[[Judgement], float | None]]] = {
        "evenhand_alert_value": (
            "Value of a subject of an alert that is pending or fires",
            lambda j: j.value,
        ),
        "evenhand_alert_lower": ("Lower bound of that value, 95 %", lambda j: j.lower),
        "evenhand_alert_upper": ("Upper bound of that value, 95 %", lambda j: j.upper),
        "evenhand_alert_threshold": ("The limit of that value", lambda j: j.threshold),
        "evenhand_alert_chance_windows": (
            "Chance alone gives such evidence less than once in so many",
            _chance,
        ),
    }
    return [
        Family(
            name,
            meaning,
            (*_ALERT, "subject"),
            tuple(
                ((*_of(alert), judgement.subject), number)
                for alert, judgement in shown
                if (number := take(judgement)) is not None
            ),
        )
        for name, (meaning, take) in read.items()
    ] + [_ends([alert for alert in alerts if alert.state in _OPEN and alert.history])]


def _ends(alerts: list[Alert]) -> Family:
    return Family(
        "evenhand_alert_window_end_timestamp_seconds",
        "End of the window that an alert that is pending or fires was last judged by",
        _ALERT,
        tuple((_of(alert), alert.history[-1].end_us / SECOND_US) for alert in alerts),
    )


def _chance(judgement: Judgement) -> float | None:
    if judgement.evidence is None or judgement.evidence <= 0:
        return None
    return float(10 ** min(judgement.evidence, _MOST_EVIDENCE))


def _of(alert: Alert) -> tuple[str, ...]:
    key = alert.key
    component = (key.component.namespace, key.component.name)
    return (*component, key.version, key.modality, key.fingerprint, key.check)
