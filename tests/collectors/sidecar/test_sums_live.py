"""Sums of embeddings out of a real sidecar, window by window."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from collectors.modalities.text.trigrams import trigram_counts
from governance.bus.connect import open_bus
from governance.embeddings import SHIPPED
from governance.event import sum_name
from tests.collectors.events import arrived, events_in
from tests.collectors.sidecar import processes
from tests.collectors.sidecar.processes import model_server, sidecar

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

EVERY_US = 1_000_000
COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: loans, namespace: bank}
spec:
  model: {name: loans, version: "1", modality: [text]}
  governance: {dataPrivacy: {level: open}}
  monitoring: {windows: {every: 1s}}
"""
TEXTS = 100  # in one request, so that all are in one window
NAME = sum_name("text", SHIPPED["text"].hash)


def test_a_window_in_time_sends_its_sum_when_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While traffic rests: behind its events, with the window's end as watermark."""
    (tmp_path / "text.yaml").write_text(COMPONENT)
    monkeypatch.setattr(processes, "_COMPONENT", tmp_path / "text.yaml")
    said = [f"{number} people were born free" for number in range(TEXTS)]
    body = json.dumps({"instances": said}).encode()
    with model_server() as model, sidecar(tmp_path, model) as running:
        processes.ask(running.port, 1, path="/v1/models/loans:predict", body=body)
        bus = open_bus(running.bus_url)
        messages = arrived(bus, lambda seen: any(batch.sums for batch in events_in(seen)))
        bus.close()
    events, sums = events_in(messages)
    end_us = messages[-1].stamp.watermark_us
    assert (events.n, sums.n, sums.sums[NAME].n) == (TEXTS, 0, TEXTS)
    assert np.array_equal(sums.sums[NAME].values, SHIPPED["text"].sums(trigram_counts(said)))
    assert end_us is not None
    assert end_us % EVERY_US == 0
    assert set(events.columns["time"].values // EVERY_US) == {end_us // EVERY_US - 1}


def test_few_events_are_counted_where_the_operator_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """19 texts leave no sum, and a reason."""
    (tmp_path / "text.yaml").write_text(COMPONENT)
    monkeypatch.setattr(processes, "_COMPONENT", tmp_path / "text.yaml")
    body = json.dumps({"instances": ["few words"] * 19}).encode()
    with model_server() as model, sidecar(tmp_path, model) as running:
        processes.ask(running.port, 1, path="/v1/models/loans:predict", body=body)
        processes.wait_for(lambda: running.counters.reasons().get("sum_too_small") == 19)
        assert 'reason="sum_too_small"} 19' in running.get("/metrics")[1]
