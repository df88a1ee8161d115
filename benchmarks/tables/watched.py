"""A component, and the drift verdicts of its detector over recorded rows, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.base import Pane, WindowView
from detectors.drift.detector import make_drift
from detectors.reference import build_reference
from detectors.trailing import LENGTHS
from governance.component.schema import API_VERSION, KIND, Component

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from governance.event import EventBatch
    from governance.finding import Status, Verdict


def component(*categorical: str, covers_rhythm: bool = True, **monitoring: Any) -> Component:
    """A tabular component that watches every column; ``monitoring`` is that block."""
    features = {"from": "column:*", "categorical": list(categorical)}
    return Component.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": "tables"},
            "spec": {
                "model": {"name": "tables", "version": "1", "modality": ["tabular"]},
                "signals": {"favourable": {"in": ["1"]}, "features": {"tabular": features}},
                "baseline": {"ordered": True, "coversRhythm": covers_rhythm},
                "monitoring": monitoring,
            },
        }
    )


def drift_statuses(
    reference: EventBatch, declared: Component, traffic: EventBatch
) -> Iterator[Mapping[str, Status]]:
    """The drift status of every subject in each complete window, in the traffic's order."""
    for verdicts in drift_verdicts(reference, declared, traffic):
        yield {verdict.subject: verdict.status for verdict in verdicts}


def drift_verdicts(
    reference: EventBatch, declared: Component, traffic: EventBatch, *, longest: int = LENGTHS[-1]
) -> Iterator[tuple[Verdict, ...]]:
    """What the detector says of every subject in each complete window, in the traffic's order.

    A ladder has at most ``longest`` windows; 1 = each is judged alone.
    """
    rows = declared.spec.monitoring.windows.events or traffic.n
    version = declared.spec.model.version
    detector = make_drift(declared, build_reference(reference, declared, version=version))
    if detector is None:
        raise ValueError("the component has no tabular modality")
    panes: list[Pane] = []
    for number in range(traffic.n // rows):
        window = traffic.take(np.arange(number * rows, (number + 1) * rows))
        panes.append(Pane(number, number, number + 1, rows, detector.add(window)))
        verdicts = detector.judge(WindowView(panes[-longest:], {}))
        yield tuple(v for v in verdicts if v.check == "drift" and v.subject)
