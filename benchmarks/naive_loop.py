"""What anybody would write first: kafka-python, orjson, dictionaries and counters, an event a step.

It counts what Evenhand counts: a histogram of every feature, of prediction, score and latency, the
errors, the table of groups, predictions and labels; it drops ids that came before and joins labels
by id; and at the end of a window it compares histograms with the reference (PSI) and rates between
groups. It keeps nothing over a restart, and knows no weights, intervals, versions or late events.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks import detector_log
from benchmarks.detector_log import GROUPS

EDGES = [-3 + 6 * i / 126 for i in range(127)]
LATENCIES = [1.0202**i for i in range(800)]


@dataclass
class Window:
    """Counts of one window."""

    events: int = 0
    histograms: dict[str, Counter[Any]] = field(default_factory=lambda: defaultdict(Counter))
    errors: int = 0
    selected: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    labelled: Counter[tuple[str, str, str, int]] = field(default_factory=Counter)


class NaiveLoop:
    """Counts events one by one."""

    def __init__(self, window: int, reference: dict[str, Counter[Any]]) -> None:
        self._size = window
        self._reference = reference
        self.window = Window()
        self._pending: dict[str, tuple[Window, dict[str, Any]]] = {}
        self.judged = self.joined = 0

    def take(self, raw: bytes) -> None:
        """One message."""
        event = orjson.loads(raw)
        if "label" in event:
            self._label(event)
            return
        id_ = event.pop("id")
        if id_ in self._pending:
            return
        window = self.window
        count(window.histograms, event)
        window.errors += event["status_code"] >= 500
        for group in GROUPS:
            window.selected[group, event[f"group.{group}"], event["prediction"]] += 1
        self._pending[id_] = (window, event)
        window.events += 1
        if window.events >= self._size:
            self._judge()

    def _label(self, event: dict[str, Any]) -> None:
        window, seen = self._pending.get(event["id"], (None, {}))
        if window is not None:
            self.joined += 1
            for group in GROUPS:
                place = group, seen[f"group.{group}"], seen["prediction"], event["label"]
                window.labelled[place] += 1

    def _judge(self) -> None:
        window, self.window = self.window, Window()
        for name, reference in self._reference.items():
            psi(reference, window.histograms[name])
        for group, names in GROUPS.items():
            rates = [window.selected[group, name, "1"] / window.events for name in names]
            self.judged += max(rates) - min(rates) >= 0


def count(histograms: dict[str, Counter[Any]], event: dict[str, Any]) -> None:
    """Every column that has a histogram."""
    for name, value in event.items():
        if name == "latency_ms":
            histograms[name][bisect(LATENCIES, value)] += 1
        elif isinstance(value, float):
            histograms[name][bisect(EDGES, value)] += 1
        elif name.startswith("tabular.") or name == "prediction":
            histograms[name][value] += 1


def psi(reference: Counter[Any], window: Counter[Any]) -> float:
    """Population stability index of two histograms."""
    n, m = reference.total(), window.total()
    total = 0.0
    for key in reference.keys() | window.keys():
        p, q = (reference[key] + 0.5) / n, (window[key] + 0.5) / m
        total += (p - q) * math.log(p / q)
    return total


def reference_histograms() -> dict[str, Counter[Any]]:
    """Histograms of the reference's traffic."""
    histograms: dict[str, Counter[Any]] = defaultdict(Counter)
    for raw in detector_log.as_json(10_000):
        event = orjson.loads(raw)
        if "label" not in event:
            count(histograms, event)
    return histograms
