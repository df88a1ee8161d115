"""Fairness of labels: false breaches and coverage of accuracy parity and calibration within groups.

STATISTICS 3.6. Groups are equal: as often right, and calibrated though their scores differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.table import Cell, Table
from detectors.base import Pane, WindowView
from detectors.fairness.catalog import METRICS
from detectors.fairness.cells import PREFIX, Subject
from detectors.fairness.family import Fairness
from detectors.fairness.parity import Rule
from detectors.fairness.question import Question
from detectors.fairness.score_cells import SCORE_BINS, SCORE_SCALE
from detectors.outcome_table import FAVOURABLE, OUTCOMES, UNFAVOURABLE
from detectors.trailing import error_levels
from governance.component.metrics import FairnessMetric
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from governance.algebra.sums import Sums
    from governance.finding import Verdict

ACCURACY = FairnessMetric.ACCURACY_SCORE_DIFFERENCE
CALIBRATION = FairnessMetric.CALIBRATION_WITHIN_GROUPS_DIFFERENCE
NEW = (ACCURACY, FairnessMetric.ACCURACY_SCORE_RATIO, CALIBRATION)
SIZES = {
    "2 of 50": (50, 50),
    "3 of 5, 20, 100": (5, 20, 100),
    "10 of 2 to 50": (2, 2, 5, 5, 10, 10, 20, 20, 50, 50),
}
PANES, HOUR_US = 64, 3_600_000_000
RIGHT = 0.8  # of all predictions
_CENTRES = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
_SPREADS = np.array([[0.1, 0.2, 0.4, 0.2, 0.1], [0.4, 0.3, 0.15, 0.1, 0.05]])  # by turns


@dataclass(frozen=True, slots=True)
class Truth:
    """Groups of one attribute: events of each in a pane, how far off their accuracy and scores."""

    sizes: Sequence[int]
    off: Sequence[float] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What the groups are called."""
        return tuple(f"group {number}" for number in range(len(self.sizes)))

    @property
    def gaps(self) -> NDArray[np.float64]:
        """How far each group is off, shape (groups,)."""
        return np.array(self.off) if self.off else np.zeros(len(self.sizes))

    @property
    def difference(self) -> float:
        """The true largest difference."""
        return float(np.ptp(self.gaps))


def detector(metric: FairnessMetric, threshold: float | None, every: int) -> Fairness:
    """The rule of one metric on one attribute."""
    rule = Rule(METRICS[metric].form, threshold, 30, *error_levels(every, 1))
    question = Question("g", "tabular", METRICS[metric], rule)
    return Fairness((Subject(("g",)),), (question,), max_loss=1.0)


def ladders(truth: Truth, runs: int, *, panes: int = PANES, seed: int = 21) -> Iterator[WindowView]:
    """Independent ladders of ``panes`` panes in which groups are treated as ``truth`` says."""
    rng = np.random.default_rng(seed)
    for _ in range(runs):
        drawn = [_pane(i, truth, _sums(rng, truth)) for i in range(panes)]
        yield WindowView(drawn, {"g": truth.names}, labels_mature=True)


def breaches(metric: FairnessMetric, truth: Truth, threshold: float, every: int, runs: int) -> int:
    """How many ladders are in breach."""
    rule = detector(metric, threshold, every)
    verdicts = (verdict for view in ladders(truth, runs) for verdict in rule.judge(view))
    return sum(verdict.status is Status.BREACH for verdict in verdicts)


def shown(metric: FairnessMetric, truth: Truth, runs: int) -> list[Verdict]:
    """What single windows show."""
    rule = detector(metric, None, 1_000)
    return [v for view in ladders(truth, runs, panes=1) for v in rule.judge(view)]


def table(runs: int = 1_000) -> Table:
    """False breaches of ladders of equal groups."""
    rows: list[list[Cell]] = []
    for metric in NEW:
        ratio = metric is FairnessMetric.ACCURACY_SCORE_RATIO
        for name, sizes in SIZES.items():
            strict = breaches(metric, Truth(sizes), 1.0 if ratio else 0.0, 20, runs)
            usual = breaches(metric, Truth(sizes), 0.8 if ratio else 0.1, 1_000, runs)
            rows.append([metric.value, name, strict / runs, usual / runs])
    head = ["metric", "groups", "no limit, 1 in 20", "limit .1 (.8), 1 in 1,000"]
    title = f"Equal groups: share of {runs:,} ladders of 64 panes in breach"
    return Table(title, head, rows, ["no limit: any difference is one, so bounds alone must hold."])


COVERED = {
    "3 equal, 200 each": Truth((200, 200, 200)),
    "6 equal, 200 to 2,000": Truth((200, 200, 500, 500, 1_000, 2_000)),
    "3, one off by .15, 400 each": Truth((400, 400, 400), (0.0, 0.0, -0.15)),
    "3, one off by .15, 4,000 each": Truth((4_000, 4_000, 4_000), (0.0, 0.0, -0.15)),
}


def coverage(runs: int = 1_000) -> Table:
    """What bounds and values of single windows are worth."""
    rows: list[list[Cell]] = []
    for metric in (ACCURACY, CALIBRATION):
        for name, truth in COVERED.items():
            verdicts = shown(metric, truth, runs)
            rows.append([metric.value, name, truth.difference, *covered(verdicts, truth)])
    head = ["metric", "groups", "truth", "bounds hold", "raw, mean", "value, mean"]
    return Table(f"Bounds of one window, {runs:,} windows a case", head, rows)


def covered(verdicts: Sequence[Verdict], truth: Truth) -> tuple[float, float, float]:
    """Share of windows whose bounds hold the truth, mean raw value, mean value."""
    held = [(v.lower or 0) <= truth.difference <= (v.upper or 0) for v in verdicts]
    values = [v.value or 0.0 for v in verdicts]
    raw = [v.value or 0.0 if v.raw is None else v.raw for v in verdicts]
    return float(np.mean(held)), float(np.mean(raw)), float(np.mean(values))


def _pane(number: int, truth: Truth, outcomes: Sums) -> Pane:
    start = number * HOUR_US
    events = outcomes[f"{PREFIX}g.outcomes"].sum(axis=2)
    sums = {f"{PREFIX}g.predictions": events}
    return Pane(number, start, start + HOUR_US, sum(truth.sizes), sums, outcomes)


def _sums(rng: np.random.Generator, truth: Truth) -> Sums:
    groups = len(truth.sizes)
    spread = _SPREADS[np.arange(groups) % 2]
    scored = rng.multinomial(truth.sizes, spread)
    chance = np.clip(_CENTRES + truth.gaps[:, None], 0, 1)
    favourable = rng.binomial(scored, chance)
    labels = np.zeros((groups + 2, SCORE_BINS, OUTCOMES), dtype=np.int64)
    labels[2:, :, FAVOURABLE], labels[2:, :, UNFAVOURABLE] = favourable, scored - favourable
    scores = np.zeros((groups + 2, SCORE_BINS), dtype=np.int64)
    scores[2:] = np.rint(scored * _CENTRES * SCORE_SCALE)
    return {
        f"{PREFIX}g.outcomes": _outcomes(rng, truth),
        f"{PREFIX}g.calibration": labels,
        f"{PREFIX}g.scores": scores,
    }


def _outcomes(rng: np.random.Generator, truth: Truth) -> NDArray[np.int64]:
    chosen = rng.binomial(truth.sizes, 0.4)
    cells = np.zeros((len(truth.sizes) + 2, OUTCOMES, OUTCOMES), dtype=np.int64)
    for prediction, n in ((FAVOURABLE, chosen), (UNFAVOURABLE, np.array(truth.sizes) - chosen)):
        right = rng.binomial(n, RIGHT + truth.gaps)
        cells[2:, prediction, prediction] = right
        cells[2:, prediction, FAVOURABLE + UNFAVOURABLE - prediction] = n - right
    return cells
