"""A CPU budget on a real sidecar: contents of fewer events are looked into, and weights say so."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import numpy as np

from governance.bus.connect import open_bus
from governance.embeddings import SHIPPED
from governance.event import sum_name
from tests.collectors.events import arrived, events_in
from tests.collectors.sidecar import processes
from tests.collectors.sidecar.processes import model_server, sidecar

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from governance.event import EventBatch
    from tests.collectors.sidecar.processes import Sidecar

COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: loans, namespace: bank}
spec:
  model: {name: loans, version: "1", modality: [text]}
  governance: {dataPrivacy: {level: open}}
  capture: {cpuBudget: 0.02}
  monitoring: {windows: {events: 2000}}
"""
TEXTS = 100  # in one request: each is an event
AFTER = 30  # requests once contents are sampled
NAME = sum_name("text", SHIPPED["text"].hash)


def test_a_reader_over_its_budget_samples_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every event arrives; shares of contents are of all by their weights; metrics say it."""
    (tmp_path / "text.yaml").write_text(COMPONENT)
    monkeypatch.setattr(processes, "_COMPONENT", tmp_path / "text.yaml")
    long = "this is what it says " * 40
    said = ["You damned idiot, " + long] * (TEXTS // 5) + ["Good day, " + long] * (TEXTS * 4 // 5)
    body = json.dumps({"instances": said}).encode()
    with model_server() as model, sidecar(tmp_path, model) as running:
        sent = _ask_until_sampled(running, body)
        sent += processes.ask(running.port, AFTER, path="/v1/models/loans:predict", body=body)
        outcomes = running.settle(60)
        assert outcomes["published"] == sent * TEXTS
        text = running.get("/metrics")[1]
        assert _metric(text, "evenhand_collector_reader_cpu_seconds_total") > 0
        running.stop()
        bus = open_bus(running.bus_url)
        batches = events_in(arrived(bus))
        bus.close()
    _check_events([batch for batch in batches if batch.n], sent * TEXTS)
    weights = {batch.sums[NAME].weight for batch in batches if batch.sums}
    assert len(weights) > 1
    assert min(weights) == 1
    assert sum(batch.sums[NAME].n for batch in batches if batch.sums) < sent * TEXTS


def _check_events(batches: list[EventBatch], sent: int) -> None:
    assert sum(batch.n for batch in batches) == sent
    for batch in batches:
        assert np.isfinite(batch.columns["text.characters"].values).all()
    sampled = [batch for batch in batches if "contents_weight" in batch.columns]
    assert sum(batch.n for batch in sampled) >= AFTER * TEXTS
    weight = np.concatenate([batch.columns["contents_weight"].values for batch in sampled])
    toxicity = np.concatenate([batch.columns["text.toxicity"].values for batch in sampled])
    assert np.array_equal(np.isnan(toxicity), weight == 0)
    variance = float((weight.max() - 1) * len(weight))
    assert abs(weight.sum() - len(weight)) < 4 * np.sqrt(variance)
    toxic = float((weight * np.nan_to_num(toxicity > 0)).sum() / weight.sum())
    assert abs(toxic - 0.2) < 4 * np.sqrt(0.16 * variance) / len(weight)


def _ask_until_sampled(running: Sidecar, body: bytes) -> int:
    """Requests that were sent until not all contents were looked into."""
    deadline, sent = time.monotonic() + 120, 0
    while _metric(running.get("/metrics")[1], "evenhand_collector_contents_ratio") == 1:
        assert time.monotonic() < deadline, "the share did not fall in 120 s"
        sent += processes.ask(running.port, 2, path="/v1/models/loans:predict", body=body)
        running.settle(60)  # one after the other: the reader is never far behind
    return sent


def _metric(text: str, name: str) -> float:
    found = re.search(rf"^{name}\{{.*\}} (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return float(found[1])
