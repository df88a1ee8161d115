"""Evenhand's side of every contest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import embeddings as spectra
from benchmarks import judging as looks
from benchmarks.peers.cases import CASES, name
from benchmarks.tables.watched import component, drift_statuses
from detectors.base import Pane, WindowView
from detectors.drift.detector import make_drift
from detectors.fairness.family import make_fairness
from detectors.reference import build_reference
from detectors.stats.mmd import gram_null, log_e_of, mmd_effect, tail_probability
from governance.algebra.fourier import SUM_SCALE, Projection, bandwidth
from governance.component.schema import API_VERSION, KIND, Component
from governance.event import Column, EventBatch
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from detectors.base import Detector
    from detectors.stats.mmd import GramNull
    from governance.finding import Verdict

    Run = Callable[[], dict[str, float]]

PACKAGE = "evenhand"
OUTPUTS = frozenset({"prediction", "score", "time"})
ATTRIBUTES = ("a", "b")
METRICS = (
    "demographic_parity_difference",
    "equal_opportunity_difference",
    "false_positive_rate_difference",
)


def bare(folder: Path) -> Run:
    """One searchsorted and bincount a number, one bincount a category: the least there is to do."""
    window = events(folder / "window.npz")

    def run() -> dict[str, float]:
        looks.bare_pass(window)
        return {}

    return run


def count(folder: Path) -> Run:
    """Binning and summing one window."""
    detector, window = _drift(folder), events(folder / "window.npz")

    def run() -> dict[str, float]:
        detector.add(window)
        return {}

    return run


def count_and_judge(folder: Path) -> Run:
    """The same, and the verdict on this window."""
    detector, window = _drift(folder), events(folder / "window.npz")

    def run() -> dict[str, float]:
        pane = Pane(0, 0, 1, window.n, detector.add(window))
        verdicts = detector.judge(WindowView([pane], {}))
        return {v.subject: v.raw or 0.0 for v in verdicts if v.check == "drift" and v.subject}

    return run


def fairness(folder: Path) -> Run:
    """Three differences of a, b and a x b with their intervals, from decisions and labels."""
    batch, count = _decisions(folder), fairness_detector()
    names = {a: batch.columns[f"group.{a}"].dictionary or () for a in ATTRIBUTES}

    def run() -> dict[str, float]:
        sums, labelled = count.add(batch), count.add_outcomes(batch)
        pane = Pane(0, 0, 1, batch.n, sums, labelled)
        return _differences(count.judge(WindowView([pane], names)))

    return run


def count_decisions(folder: Path) -> Run:
    """The same without the verdict: what is added up."""
    batch, count = _decisions(folder), fairness_detector()

    def run() -> dict[str, float]:
        count.add(batch)
        count.add_outcomes(batch)
        return {}

    return run


def embedding(folder: Path) -> Run:
    """Fourier sums of a window, distance, p-value, e-value and interval."""
    fitted = _fitted(folder)
    return lambda: fitted.verdict(fitted.projection.sums(fitted.window))


def verdict(folder: Path) -> Run:
    """The same where sums have come from collectors: distance, p-value, e-value and interval."""
    fitted = _fitted(folder)
    sums = fitted.projection.sums(fitted.window)
    return lambda: fitted.verdict(sums)


def correlation(_: Path) -> Run:
    """Our distance beside exact MMD, over windows that move away."""
    return lambda: {"correlation": spectra.measure().correlation}


def judging(_: Path) -> Run:
    """Seconds and bytes of what a closed window costs."""

    def run() -> dict[str, float]:
        costs = looks.measure()
        return {
            "judge": costs.judge,
            "close": costs.close,
            "together": looks.together(looks.TOGETHER),
            "ladder_bytes": float(costs.ladder_bytes),
        }

    return run


def alarms(folder: Path) -> Run:
    """The share of windows in which any column is in breach."""

    def run() -> dict[str, float]:
        found: dict[str, float] = {}
        for stretch, rows in CASES:
            reference = events(folder / f"reference-{stretch}.npz")
            traffic = events(folder / f"{name(stretch, rows)}.npz")
            declared = component(*_categories(reference), windows={"events": rows})
            looked = [set(s.values()) for s in drift_statuses(reference, declared, traffic)]
            case = name(stretch, rows)
            breaches = [Status.BREACH in statuses for statuses in looked]
            found |= {f"{case} breach": float(np.mean(breaches)), f"{case} windows": len(looked)}
        return found

    return run


WORKS: dict[str, Callable[[Path], Run]] = {
    "bare": bare,
    "count": count,
    "count_and_judge": count_and_judge,
    "fairness": fairness,
    "count_decisions": count_decisions,
    "embedding": embedding,
    "verdict": verdict,
    "correlation": correlation,
    "judging": judging,
    "alarms": alarms,
}


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A reference of embeddings, and a window."""

    projection: Projection
    mean: NDArray[np.float64]
    null: GramNull
    m: NDArray[np.float64]
    window: NDArray[np.float32]

    def verdict(self, sums: NDArray[np.int64]) -> dict[str, float]:
        """What is said of the window's sums."""
        moved = sums / SUM_SCALE / len(self.window) - self.mean
        squared = np.array((moved**2).sum())
        p = tail_probability(squared, self.m, self.null)
        mmd = float(mmd_effect(squared, self.m, self.null).value)
        return {"mmd": mmd, "p": float(p), "log e": float(log_e_of(p))}


def events(path: Path) -> EventBatch:
    """Columns as they come off the wire: categories are codes into a dictionary."""
    with np.load(path) as read:
        columns = {_column(name): _coded(read[name]) for name in read.files}
    return EventBatch("1", len(next(iter(columns.values())).values), columns)


def decided(columns: Mapping[str, NDArray[np.int8]]) -> EventBatch:
    """Decisions with labels: attributes a and b, prediction and label."""
    groups = {f"group.{a}": _group(columns[a]) for a in ATTRIBUTES}
    outcomes = {"favourable": Column(columns["prediction"]), "label": Column(columns["label"])}
    return EventBatch("1", len(columns["label"]), groups | outcomes)


def fairness_detector() -> Detector:
    """Judges three differences of a, b and a x b."""
    detector = make_fairness(
        Component.model_validate(
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "metadata": {"name": "peers"},
                "spec": {
                    "model": {"name": "peers", "version": "1", "modality": ["tabular"]},
                    "signals": {
                        "favourable": {"in": ["1"]},
                        "groups": {"a": "column:a", "b": "column:b"},
                        "label": "column:label",
                    },
                    "governance": {
                        "biasDetection": {
                            "thresholds": dict.fromkeys(METRICS, 0.1),
                            "intersections": [["a", "b"]],
                        }
                    },
                },
            }
        ),
        None,
    )
    if detector is None:
        raise ValueError("the component judges no fairness")
    return detector


def _decisions(folder: Path) -> EventBatch:
    with np.load(folder / "decisions.npz") as read:
        return decided({name: read[name] for name in read.files})


def _group(codes: NDArray[np.int8]) -> Column:
    """Stable codes, as ``Vocabulary`` gives them to detectors."""
    return Column(codes, tuple(map(str, range(int(codes.max()) + 1))))


def _column(name: str) -> str:
    return name if name in OUTPUTS else f"tabular.{name}"


def _coded(values: Any) -> Column:
    if values.dtype.kind in "fi":
        return Column(values)
    texts, codes = np.unique(values, return_inverse=True)
    return Column(codes.astype(np.int32), tuple(map(str, texts)))


def _categories(reference: EventBatch) -> list[str]:
    coded = (name for name, column in reference.columns.items() if column.dictionary)
    return [name.removeprefix("tabular.") for name in coded if name not in OUTPUTS]


def _drift(folder: Path) -> Detector:
    reference = events(folder / "reference.npz")
    declared = component(*_categories(reference), windows={"events": 10_000})
    detector = make_drift(declared, build_reference(reference, declared, version="1"))
    if detector is None:
        raise ValueError("the component has no tabular modality")
    return detector


def _fitted(folder: Path) -> Fitted:
    reference, window = np.load(folder / "reference.npy"), np.load(folder / "window.npy")
    scale = (1.0,) * reference.shape[1]
    projection = Projection("model", scale, bandwidth(reference.astype(float)), seed=7, unit=True)
    mean = projection.sums(reference) / SUM_SCALE / len(reference)
    picked = [features for _, features in projection.pieces(reference)]
    null = gram_null(np.concatenate(picked) / np.float64(SUM_SCALE))
    m = np.array(1 / (1 / len(window) + 1 / len(reference)))
    return Fitted(projection, mean, null, m, window)


def _differences(verdicts: list[Verdict]) -> dict[str, float]:
    found: dict[str, float | None] = {}
    for v in verdicts:
        name = f"{v.check} {v.subject}"
        found |= {name: v.value, f"{name} lower": v.lower, f"{name} upper": v.upper}
    return {name: value for name, value in found.items() if value is not None}
