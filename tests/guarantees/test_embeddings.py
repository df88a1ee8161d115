"""The promises of embedding drift: p-values that are right, false breaches that are rare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.special import bdtrc

from detectors.base import Pane, WindowView
from detectors.drift.detector import make_drift
from detectors.embedding_reference import EmbeddingReference, embedding_reference
from detectors.reference import build_reference
from detectors.stats.mmd import log_e_of, tail_probability
from detectors.stats.overdispersion import effective_size
from governance.algebra.fourier import SUM_SCALE
from governance.embeddings import SHIPPED
from governance.event import EventBatch
from governance.finding import Status
from tests.detectors.scenes import component

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LEVELS = (0.05, 0.01)
EVIDENCE = (20, 100, 1_000)
REFERENCE_ROWS = 300
EVERY = 20  # the loosest setting that is allowed: one window in 20
WINDOWS = 300
ERROR = 0.005  # of each of these tests


def voices(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    """Three speakers who share some habits and have heavy tails."""
    speakers = np.random.default_rng(1).normal(0, 1.5, (3, 54))
    shared = rng.standard_t(4, (n, 6)) @ np.random.default_rng(2).normal(0, 0.4, (6, 54))
    spoken = speakers[rng.integers(0, 3, n)] + shared + rng.normal(0, 0.5, (n, 54))
    return (spoken * SHIPPED["voice"].scale).astype(np.float32)


def texts(rng: np.random.Generator, n: int) -> NDArray[np.uint16]:
    """Counts of 3-grams, some of which are frequent; short and long texts."""
    frequent = np.random.default_rng(3).gamma(0.4, 0.6, 512)
    length = rng.lognormal(-0.5, 0.6, (n, 1))
    return rng.poisson(length * frequent).astype(np.uint16)


POPULATIONS: dict[str, Callable[[np.random.Generator, int], NDArray[Any]]] = {
    "voice": voices,
    "text": texts,
}


def probability(reference: EmbeddingReference, vectors: NDArray[Any]) -> float:
    """How likely the window's distance is where nothing changed."""
    rows = vectors[reference.projection.usable(vectors)]
    mean = reference.projection.sums(rows) / SUM_SCALE / len(rows)
    m = effective_size(np.array(1.0), np.array(float(len(rows))), np.array(float(reference.rows)))
    squared = np.array(((mean - reference.mean) ** 2).sum())
    return float(tail_probability(squared, m, reference.null))


@pytest.mark.parametrize(
    ("modality", "rows", "looks"),
    [
        ("voice", 20, 120),
        ("text", 50, 60),
        pytest.param("voice", 20, 1_500, marks=pytest.mark.slow),
        pytest.param("text", 50, 1_500, marks=pytest.mark.slow),
        pytest.param("text", 300, 1_500, marks=pytest.mark.slow),
    ],
)
def test_small_probabilities_are_as_rare_as_they_say(modality: str, rows: int, looks: int) -> None:
    """One window per random reference: p below .05 and .01 no more often than that.

    Farther out the null is an approximation in windows of 20 (p < .001 in 4 of 1,000 here); the
    evidence that is made of it pays ten times for that.
    """
    rng, draw = np.random.default_rng(5), POPULATIONS[modality]
    found = []
    for _ in range(looks):
        reference = embedding_reference(modality, draw(rng, REFERENCE_ROWS), None)
        assert reference is not None
        found.append(probability(reference, draw(rng, rows)))
    for level in LEVELS:
        assert _is_as_rare(sum(p < level for p in found), looks, level)
    evidence = np.exp(log_e_of(np.array(found)))
    for bar in EVIDENCE:
        assert _is_as_rare(int((evidence >= bar).sum()), looks, 1 / bar)
    assert np.mean(found) == pytest.approx(0.5, abs=0.12)  # and not just because all are large


@pytest.mark.parametrize("rows", [10, 50])
def test_false_breaches_are_as_rare_as_promised(rows: int) -> None:
    """Over the whole ladder, down to ten recordings a window, at the least of thresholds."""
    rng = np.random.default_rng(rows)
    declared = component(
        model={"name": "m", "version": "1", "modality": ["voice"]},
        signals={},
        baseline={"ordered": True},
        monitoring={
            "windows": {"events": rows},
            "falseAlarmEvery": EVERY,
            "drift": {"features": {"embedding": {"threshold": 1e-6}}},
        },
    )

    def events(n: int) -> EventBatch:
        return EventBatch("1", n, {}, vectors={"voice": voices(rng, n)})

    detector = make_drift(declared, build_reference(events(2_000), declared))
    panes: list[Pane] = []
    false = 0
    for number in range(WINDOWS):
        panes.append(Pane(number, number, number + 1, rows, detector.add(events(rows))))
        verdicts = detector.judge(WindowView(panes[-64:], {}))
        false += any(verdict.status is Status.BREACH for verdict in verdicts)
    assert _is_as_rare(false, WINDOWS, 1 / EVERY)


def _is_as_rare(seen: int, looks: int, probability: float) -> bool:
    """Whether a fair coin of that probability would show as many, but for ``ERROR``."""
    return seen == 0 or bool(bdtrc(seen - 1, looks, probability) > ERROR)
