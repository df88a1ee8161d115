"""Print the Grafana dashboard of the Helm chart, from a table of panels.

python scripts/make_dashboard.py > helm/evenhand/files/dashboard.json
"""

from __future__ import annotations

import json
from typing import Any

_OF = '{namespace=~"$namespace",component=~"$component"}'


def _with(label: str, value: str) -> str:
    return _OF.removesuffix("}") + f',{label}="{value}"}}'


_BY = "namespace, component, version"
# title, expression, legend, unit
PANELS = (
    (
        "Alerts that fire",
        f"max by (namespace, component, version, check, severity) (evenhand_alert_firing{_OF}) > 0",
        "{{namespace}}/{{component}} {{version}} {{check}} ({{severity}})",
        "short",
    ),
    (
        "Status of checks: breach",
        f"max by ({_BY}, check) (evenhand_finding_status{_with('status', 'breach')})",
        "{{component}} {{version}} {{check}}",
        "short",
    ),
    (
        "Drift, the ten largest",
        f"topk(10, max by ({_BY}, feature) (evenhand_drift{_OF}))",
        "{{component}} {{version}} {{feature}}",
        "short",
    ),
    (
        "Fairness",
        f"max by ({_BY}, attribute, metric) (evenhand_fairness{_OF})",
        "{{component}} {{version}} {{attribute}} {{metric}}",
        "short",
    ),
    (
        "Selection rate by group",
        f"max by ({_BY}, attribute, group) (evenhand_group_rate{_with('rate', 'selection')})",
        "{{component}} {{attribute}} {{group}}",
        "percentunit",
    ),
    (
        "Events that have a label",
        f"min by ({_BY}, attribute) (evenhand_label_coverage_ratio{_OF})",
        "{{component}} {{version}} {{attribute}}",
        "percentunit",
    ),
    (
        "Age of the last judged window",
        f"time() - max by ({_BY}) (evenhand_last_window_end_timestamp_seconds{_OF})",
        "{{component}} {{version}}",
        "s",
    ),
    (
        "Events by outcome in sidecars",
        "sum by (outcome) (rate(evenhand_collector_events_total[5m]))",
        "{{outcome}}",
        "cps",
    ),
    (
        "Delay of windows",
        "max(evenhand_window_delay_seconds)",
        "worst",
        "s",
    ),
    (
        "Deliveries of webhooks",
        "sum by (webhook, outcome) (rate(evenhand_deliveries_total[15m]))",
        "{{webhook}} {{outcome}}",
        "cps",
    ),
    (
        "Pods by what became of their sidecar",
        f"max by (namespace, component, state) (evenhand_component_pods{_OF})",
        "{{component}} {{state}}",
        "short",
    ),
    (
        "Policy drift",
        f"max by (namespace, component) (evenhand_policy_drift{_OF})",
        "{{namespace}}/{{component}}",
        "short",
    ),
)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return {
        "title": "Evenhand",
        "uid": "evenhand",
        "tags": ["evenhand"],
        "timezone": "utc",
        "schemaVersion": 39,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [_source(), _choice("namespace"), _choice("component")]},
        "panels": [_panel(i, *panel) for i, panel in enumerate(PANELS)],
    }


def _panel(number: int, title: str, expression: str, legend: str, unit: str) -> dict[str, Any]:
    return {
        "id": number + 1,
        "title": title,
        "type": "timeseries",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [{"refId": "A", "expr": expression, "legendFormat": legend}],
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _choice(label: str) -> dict[str, Any]:
    within = '{namespace=~"$namespace"}' if label == "component" else ""
    return {
        "name": label,
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "query": f"label_values(evenhand_last_event_timestamp_seconds{within}, {label})",
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "refresh": 2,
    }


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=1))
