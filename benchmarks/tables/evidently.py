"""What Evidently and Evenhand say of the same samples: ``tests/golden/evidently.json``.

Evenhand's side is its raw statistic, from the drift detector over one window, as findings carry it
in ``raw``. Where both define a statistic alike the numbers are equal; the notes say what is defined
otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from benchmarks.tables.table import Table
from detectors.base import Pane, WindowView
from detectors.drift.detector import make_drift
from detectors.reference import build_reference
from governance.component.schema import Component
from governance.event import Column, EventBatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from benchmarks.tables.table import Cell

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "tests/golden/evidently.json").read_text()
)
STATISTICS = ("wasserstein", "ks", "psi", "jensenshannon")
FLOOR = 0.0001  # Evidently's share of an empty bin

_WASSERSTEIN = "Wasserstein: both divide by the population standard deviation of the reference."
_KS = (
    "KS: Evidently shows a p-value only; Evenhand's distance gives the same one (above 10,000 rows "
    "in a sample, where SciPy takes the asymptotic formula)."
)
_PSI = (
    "PSI: Evidently takes shares as they are and 0.0001 for an empty bin, Evenhand adds half a row "
    "to every bin of both. More than 20 distinct numbers: Evidently cuts the pooled samples into "
    "equally wide bins (Sturges), Evenhand the reference into tenths of its rows."
)
_JS = (
    "Jensen-Shannon: Evidently's distance is in nats, Evenhand's in bits: theirs = ours x "
    "sqrt(ln 2) = 0.833 x ours; Evenhand smooths the reference by half a row; bins as for PSI."
)
NOTES = (_WASSERSTEIN, _KS, _PSI, _JS)


def table() -> Table:
    """Both numbers for every sample and statistic."""
    rows: list[list[Cell]] = []
    for case in GOLDEN["drift"]:
        for name, theirs in case["evidently"].items():
            mine = raw(case, name)
            converted = in_their_unit(case, name, mine)
            rows.append([case["name"], name, _digits(theirs), _digits(mine), _digits(converted)])
    version = GOLDEN["versions"]["evidently"]
    return Table(
        f"Evidently {version} and Evenhand on the same samples",
        ["sample", "statistic", "Evidently", "Evenhand's raw", "in their unit"],
        rows,
        NOTES,
    )


def raw(case: Mapping[str, Any], test: str) -> float:
    """Evenhand's raw statistic of a case."""
    kind = "numeric" if case["numeric"] else "categorical"
    component = _component({kind: test})
    past, window = (_batch(case, which) for which in ("reference", "window"))
    detector = make_drift(component, build_reference(past, component).for_version("1"))
    pane = Pane(0, 0, 1, window.n, detector.add(window))
    verdicts = detector.judge(WindowView([pane], {}))
    (verdict,) = (v for v in verdicts if v.check == "drift" and v.subject == "x")
    if verdict.raw is None or verdict.test != test:
        raise ValueError(f"{case['name']}: {test} was not measured: {verdict.reason}")
    return verdict.raw


def in_their_unit(case: Mapping[str, Any], test: str, mine: float) -> float:
    """Evenhand's number as Evidently would write it; bins and smoothing stay Evenhand's."""
    if test == "ks":
        n, n0 = sum(case["window"]), sum(case["reference"])
        return float(stats.kstwo.sf(mine, np.round(n * n0 / (n + n0))))
    return mine * float(np.sqrt(np.log(2))) if test == "jensenshannon" else mine


def their_bins(case: Mapping[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts of reference and window in the bins that Evidently cuts."""
    past, window = (np.array(case[which], dtype=np.int64) for which in ("reference", "window"))
    values = np.arange(len(past))
    if not case["numeric"] or np.count_nonzero(past) <= 20:
        return past, window
    pooled = np.repeat(values, past + window).astype(np.float64)
    edges = np.histogram_bin_edges(pooled, bins="sturges")
    counts = [np.histogram(values, edges, weights=rows)[0] for rows in (past, window)]
    return counts[0].astype(np.int64), counts[1].astype(np.int64)


def _component(drift: dict[str, str]) -> Component:
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "beside"},
            "spec": {
                "model": {"name": "m", "version": "1", "modality": ["tabular"]},
                "monitoring": {"windows": {"events": 1_000}, "drift": drift},
            },
        }
    )


def _batch(case: Mapping[str, Any], which: str) -> EventBatch:
    codes = np.repeat(np.arange(len(case[which]), dtype=np.int32), case[which])
    column = Column(codes.astype(np.float64))
    if not case["numeric"]:
        column = Column(codes, tuple(f"c{code:02d}" for code in range(len(case[which]))))
    return EventBatch("1", len(codes), {"tabular.x": column})


def _digits(number: float) -> str:
    return f"{number:.9g}"
