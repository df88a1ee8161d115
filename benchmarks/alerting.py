"""Evaluator and scrape: 1,000 components with 30 findings each, in a SQLite file.

Seconds are of processor time. Findings are read as they come, so that a scrape only writes lines
that are text already (``alerting/statistics.py``).
"""

from __future__ import annotations

import json
import tempfile
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alerting.statistics import Statistics
from governance.clock import SystemClock
from governance.component.key import ComponentKey
from governance.config import Settings
from governance.finding import Finding, Status, Window
from governance.metrics import Metrics
from governance.service.build import build_alert_worker
from governance.store.checkpoints import Checkpoint, Checkpoints, GenerationRow, RegisterRow
from governance.store.presence import Presence
from tests.alerting.stored import finding, open_migrated, spec

if TYPE_CHECKING:
    from governance.service.stores import Store

COMPONENTS, FEATURES = 1_000, 25
OTHERS = ("error_rate", "latency_p95", "accuracy", "traffic")
HOUR_US = 3_600_000_000


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_migrated(Path(folder))
        _fill(store)
        metrics = Metrics()
        worker = build_alert_worker(Settings(), store, SystemClock(), metrics)
        began = time.process_time()
        while worker.work():
            pass
        seconds = time.process_time() - began
        evaluated = metrics.registry.get_sample_value("evenhand_findings_evaluated_total") or 0
        print(f"evaluator: {evaluated / seconds:,.0f} findings a second of one core")
        for name in ("first scrape", "second scrape", "third scrape"):
            began = time.process_time()
            text = metrics.render()
            seconds = time.process_time() - began
            print(f"{name}: {seconds:.2f} s, {text.count(b'evenhand'):,} lines, {len(text):,} B")
        print(f"memory held between scrapes: {_held(store):.0f} bytes a series")
        store.engine.dispose()


def _held(store: Store) -> float:
    statistics = Statistics(store.findings)
    tracemalloc.start()
    shown = statistics.read({})
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    series = sum(part.lines.count("\n") for one in shown.values() for part in one.parts)
    return held / series


def _fill(store: Store) -> None:
    checkpoints, now_us = Checkpoints(store.engine), SystemClock().now_us()
    claim = checkpoints.claim(0, "bench")
    number = now_us // HOUR_US - 1
    window = Window("every", number, number * HOUR_US, (number + 1) * HOUR_US)
    rows: dict[str, list[Any]] = {"registers": [], "generations": [], "findings": []}
    for i in range(COMPONENTS):
        key = ComponentKey("shop", f"component-{i}")
        document = json.loads(spec())
        document["metadata"]["name"] = key.name
        rows["generations"].append(GenerationRow(key, 1, 0, json.dumps(document)))
        rows["registers"].append(RegisterRow(key, b"-", Presence(now_us, beating=True)))
        rows["findings"] += [replace(f, component=key, window=window) for f in _found(i)]
    checkpoints.commit(claim, Checkpoint(1, now_us, **rows))


def _found(component: int) -> list[Finding]:
    """One window: a breach on one component in fifty."""
    status = Status.BREACH if component % 50 == 0 else Status.OK
    subjects = ["", *(f"feature_{i}" for i in range(FEATURES))]
    drift = [finding(0, status if i < 3 else Status.OK, s) for i, s in enumerate(subjects)]
    calm = finding(0, Status.OK, "")
    return drift + [replace(calm, verdict=replace(calm.verdict, check=name)) for name in OTHERS]
