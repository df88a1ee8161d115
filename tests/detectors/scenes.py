"""Components, batches and views for tests of detectors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.base import Pane, WindowView
from governance.algebra.sums import merge
from governance.component.schema import Component
from governance.event import Column, EventBatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from detectors.base import Detector

GROUPS = {"sex": "column:sex", "race": "column:race"}
VOCABULARY = {"sex": ("female", "male"), "race": ("asian", "black", "white")}
HOUR_US = 3_600_000_000
_DTYPES = {
    "favourable": np.int8,
    "label": np.int8,
    "status_code": np.int16,
    "latency_ms": np.float64,
    "score": np.float64,
    "weight": np.float64,
}


def near(value: float) -> Any:
    """Equal to 1e-9, absolute or relative."""
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def component(**blocks: Any) -> Component:
    """A tabular component whose outcomes and groups are declared; ``blocks`` go into its spec."""
    spec: dict[str, Any] = {
        "model": {"name": "scorer", "version": "1", "modality": ["tabular"]},
        "signals": {"favourable": {"in": ["1"]}, "groups": GROUPS, "label": "column:label"},
    }
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "scorer"},
            "spec": spec | blocks,
        }
    )


def judging(**bias: Any) -> dict[str, Any]:
    """The ``governance`` block with ``biasDetection``."""
    return {"biasDetection": bias}


def limiting(**limits: float | str) -> dict[str, Any]:
    """The ``release`` block with a limit per check."""
    metrics = [{"name": name, "threshold": limit} for name, limit in limits.items()]
    return {"rolloutMetrics": metrics}


def batch(**columns: ArrayLike) -> EventBatch:
    """Events by column; ``sex`` and ``race`` are stable codes into ``VOCABULARY``."""
    made = {}
    for name, values in columns.items():
        if name in VOCABULARY:
            codes = np.asarray(values, dtype=np.int32)
            made[f"group.{name}"] = Column(codes, VOCABULARY[name])
        else:
            made[name] = Column(np.asarray(values, dtype=_DTYPES[name]))
    n = len(next(iter(made.values())).values)
    return EventBatch("1", n, made)


def pane(
    detector: Detector,
    events: EventBatch,
    labelled: EventBatch | None = None,
    *,
    number: int = 0,
    lost_share: float = 0.0,
) -> Pane:
    """One pane of an hour."""
    start = number * HOUR_US
    outcomes = {} if labelled is None else detector.add_outcomes(labelled)
    return Pane(
        number, start, start + HOUR_US, events.n, detector.add(events), outcomes, lost_share
    )


def empty_pane(number: int = 0) -> Pane:
    """A pane in which nothing happened."""
    return Pane(number, number * HOUR_US, (number + 1) * HOUR_US, 0, {})


def view(
    panes: Sequence[Pane],
    *,
    vocabulary: Mapping[str, tuple[str, ...]] | None = None,
    labels_mature: bool = True,
) -> WindowView:
    """Trailing panes, oldest first."""
    until = "" if labels_mature else "2026-01-08T00:00:00Z"
    return WindowView(panes, vocabulary or VOCABULARY, labels_mature, until)


def merged(panes: Sequence[Pane]) -> Pane:
    """All panes as one."""
    return Pane(
        0,
        panes[0].start_us,
        panes[-1].end_us,
        sum(p.events for p in panes),
        merge(p.sums for p in panes),
        merge(p.outcomes for p in panes),
    )


def shared_folder() -> Path:
    """The folder of real data sets; the test is skipped, saying so, where it is absent."""
    default = Path(__file__).resolve().parents[3] / "shared"
    folder = Path(os.environ.get("EVENHAND_SHARED", default))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real data sets at {folder}: set EVENHAND_SHARED to their folder")
    return folder
