"""The rules that Prometheus is given: one for what components do, the rest for Evenhand itself.

``evenhand rules`` prints them; ``docs/examples/prometheus/evenhand.rules.yml`` is its output.
Whether a component breaches was decided already, so its rule only reads ``evenhand_alert_firing``:
no threshold is repeated here. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerting.annotations import BLIND_ALERT, COMPONENT_ALERT, MOST_SUBJECTS

if TYPE_CHECKING:
    from alerting.annotations import Links

_ALERT = "alert, namespace, component, version, modality, check"


@dataclass(frozen=True, slots=True)
class RuleTimes:
    """Durations as Prometheus writes them, and the jobs that scrape Evenhand.

    ``keep_firing_for`` bridges a restart of ``evenhand alert``: without it, series that are away
    for one scrape end an alert and begin it again. ``patience`` is how long a state of Evenhand
    itself lasts before somebody is told.
    """

    keep_firing_for: str = "10m"
    patience: str = "10m"
    job: str = "evenhand.*"


def rule_groups(links: Links, times: RuleTimes | None = None) -> dict[str, Any]:
    """The rules file as a mapping, in the order in which it is printed."""
    times = times or RuleTimes()
    components = [_component(links, times), _blind(links, times)]
    return {
        "groups": [
            {"name": "evenhand-components", "rules": components},
            {"name": "evenhand-itself", "rules": [*_itself(links, times)]},
        ]
    }


def _component(links: Links, times: RuleTimes) -> dict[str, Any]:
    return {
        "alert": COMPONENT_ALERT,
        "expr": f"max by ({_ALERT}, severity) (evenhand_alert_firing) == 1",
        "keep_firing_for": times.keep_firing_for,
        "annotations": {
            "summary": "{{ $labels.check }} on {{ $labels.namespace }}/{{ $labels.component }} "
            "{{ $labels.version }}" + _each("value", "{{ .Labels.subject }} ", before=": "),
            "description": _DESCRIPTION,
            "value": _each("value", '{{ .Labels.subject }} {{ .Value | printf "%.3g" }}; '),
            "interval": _interval(),
            "threshold": _each("threshold", '{{ .Labels.subject }} {{ .Value | printf "%.3g" }}; '),
            "evidence": _each("chance_windows", "{{ .Labels.subject }} " + _CHANCE + "; "),
            "window": 'ended {{ range query (printf "max(evenhand_alert_window_end_timestamp_'
            'seconds{alert=%q})" $labels.alert) }}{{ .Value | humanizeTimestamp }}{{ end }}',
            "component_url": f"{links.external_url.rstrip('/')}/api/v1/components/"
            "{{ $labels.namespace }}/{{ $labels.component }}",
            "runbook_url": links.runbook(COMPONENT_ALERT),
        },
    }


_CHANCE = (
    'would happen less than once in {{ .Value | printf "%.0f" }} windows if nothing had changed'
)
_WORST = f"topk({MOST_SUBJECTS}, max by (subject) (evenhand_alert_%s{{alert=%%q}}))"


def _each(number: str, words: str, *, before: str = "") -> str:
    """A template that says something of each of the worst subjects."""
    found = f'query (printf "{_WORST % number}" $labels.alert)'
    first = f"{{{{ if eq $i 0 }}}}{before}{{{{ end }}}}" if before else ""
    return f"{{{{ range $i, $_ := {found} }}}}{first}{words}{{{{ end }}}}"


def _interval() -> str:
    bounds = "".join(
        f'{{{{ range query (printf "max(evenhand_alert_{side}{{alert=%q,subject=%q}})" '
        f'$labels.alert .Labels.subject) }}}}{{{{ .Value | printf "%.3g" }}}}{{{{ end }}}}{after}'
        for side, after in (("lower", " to "), ("upper", "; "))
    )
    return _each("lower", "{{ .Labels.subject }} " + bounds)


_DESCRIPTION = (
    "{{ $labels.severity }} of {{ $labels.check }}, model version {{ $labels.version }}"
    "{{ with $labels.modality }}, {{ . }}{{ end }}. The other annotations hold value, interval, "
    "threshold and evidence of the worst subjects."
)


def _blind(links: Links, times: RuleTimes) -> dict[str, Any]:
    return {
        "alert": BLIND_ALERT,
        "expr": "max by (namespace, component) (evenhand_blind) == 1",
        "keep_firing_for": times.keep_firing_for,
        "labels": {"severity": "breach"},
        "annotations": {
            "summary": "{{ $labels.namespace }}/{{ $labels.component }} cannot be seen: its "
            "sources are silent, or its windows are not judged",
            "description": "Its alerts are held until it is seen again: nothing new can be judged.",
            "component_url": f"{links.external_url.rstrip('/')}/api/v1/components/"
            "{{ $labels.namespace }}/{{ $labels.component }}",
            "runbook_url": links.runbook(BLIND_ALERT),
        },
    }


def _itself(links: Links, times: RuleTimes) -> list[dict[str, Any]]:
    job, wait = f'job=~"{times.job}"', times.patience
    lost = "sum by (namespace, component) (rate(evenhand_lost_events_total[15m]))"
    counted = "sum by (namespace, component) (rate(evenhand_detector_events_total[15m]))"
    dropped = 'sum by (job) (rate(evenhand_collector_events_total{outcome="dropped_full"}[15m]))'
    failing = 'sum by (webhook) (increase(evenhand_deliveries_total{outcome=~"dead|refused"}[1h]))'
    posts = "sum(increase(evenhand_alertmanager_failures_total[10m]))"
    refused = "sum(increase(evenhand_alertmanager_refused_total[1h]))"
    unstable = 'evenhand_unjudged_subjects{reason=~"reference.*",reason!~".*building.*"}'
    rules = [
        (
            "EvenhandDown",
            f"up{{{job}}} == 0 or absent(evenhand_findings_evaluated_total)",
            wait,
            "breach",
            "A part of Evenhand does not answer: components are not watched, or nobody is told",
        ),
        (
            "EvenhandLagging",
            "max by (namespace, component) (evenhand_window_delay_seconds) > 60",
            wait,
            "warning",
            (
                "Windows of {{ $labels.namespace }}/{{ $labels.component }} are judged "
                "{{ $value | humanizeDuration }} after they were due; the objective is 60 s"
            ),
        ),
        (
            "EvenhandLosingEvents",
            f"({lost} / {counted} > 0.05) or ({dropped} > 0)",
            wait,
            "warning",
            (
                "Events of {{ with $labels.component }}{{ $labels.namespace }}/{{ . }}{{ else }}"
                "{{ $labels.job }}{{ end }} are lost on their way"
            ),
        ),
        (
            "EvenhandDeliveryFailing",
            f"({failing} > 0) or ({posts} > 5) or ({refused} > 0)",
            None,
            "warning",
            (
                "{{ with $labels.webhook }}Deliveries to webhook {{ . }} are given up{{ else }}"
                "Alertmanager does not take alerts{{ end }}"
            ),
        ),
        (
            "EvenhandReferenceUnstable",
            f"max by (namespace, component, version, modality, check) ({unstable}) > 0",
            "1h",
            "warning",
            (
                "{{ $labels.check }} of {{ $labels.namespace }}/{{ $labels.component }} "
                "{{ $labels.version }} is not judged: its reference is of no use for it"
            ),
        ),
        (
            "EvenhandWatchdog",
            "vector(1)",
            None,
            "none",
            "Always fires: let somebody outside be told when it stops",
        ),
    ]
    return [_own(links, *rule) for rule in rules]


def _own(  # noqa: PLR0913, PLR0917 - the columns of the table above
    links: Links, name: str, expr: str, wait: str | None, severity: str, summary: str
) -> dict[str, Any]:
    rule: dict[str, Any] = {"alert": name, "expr": expr}
    if wait is not None:
        rule["for"] = wait
    rule["labels"] = {"severity": severity}
    rule["annotations"] = {"summary": summary, "runbook_url": links.runbook(name)}
    return rule
