"""What the demo sees of its own service: the API and the metrics, as anyone may read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Change:
    """One alert in one state."""

    check: str
    state: str
    window: int  # the newest judged one
    summary: str


class Watch:
    """Reads the API; remembers which changes of alerts were told already."""

    def __init__(self, api: str) -> None:
        self._client = httpx.Client(base_url=api, timeout=30, trust_env=False)
        self._states: dict[tuple[str, str, int], str] = {}

    def changes(self) -> list[Change]:
        """Alerts whose state is another than at the last call."""
        found = []
        for alert in self.alerts():
            key = (alert["fingerprint"], alert["check"], alert["incident"])
            if self._states.get(key) != alert["state"]:
                self._states[key] = alert["state"]
                found.append(_change(alert))
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert as it stands."""
        found: list[dict[str, Any]] = self._get("/api/v1/alerts")["alerts"]
        return found

    def findings(self, **which: str) -> list[dict[str, Any]]:
        """The last revision of every finding that the filter names, oldest window first."""
        newest: dict[str, dict[str, Any]] = {}
        parameters = {"limit": "1000", **which}
        while True:
            page = self._get("/api/v1/findings", parameters)
            for finding in page["findings"]:
                known = newest.get(finding["id"])
                if known is None or known["revision"] < finding["revision"]:
                    newest[finding["id"]] = finding
            if page["cursor"] is None:
                return sorted(newest.values(), key=lambda f: f["window"]["number"])
            parameters["cursor"] = page["cursor"]

    def close(self) -> None:
        """Free the connection."""
        self._client.close()

    def _get(self, path: str, parameters: dict[str, str] | None = None) -> dict[str, Any]:
        answer = self._client.get(path, params=parameters)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body


def scrape(url: str) -> list[tuple[str, dict[str, str], float]]:
    """Samples of a Prometheus exposition: name, labels, value."""
    answer = httpx.get(url, timeout=10, trust_env=False).raise_for_status()
    return [
        (name, dict(_LABEL.findall(labels)), float(value))
        for name, labels, value in _SAMPLE.findall(answer.text)
    ]


def _change(alert: dict[str, Any]) -> Change:
    loud = [w for w in alert["windows"] if w["status"] in {"breach", "warning"}]
    told = loud[-1]["judgements"] if loud else []
    worst = next((j["summary"] for j in told if j["subject"]), "")
    newest = alert["windows"][-1]["number"]
    return Change(alert["check"], alert["state"], newest, worst or alert["reason"])
