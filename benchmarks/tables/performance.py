"""Performance: what bins cost, what intervals and limits keep, what estimates see.

STATISTICS 2, 3.11. Populations are shares of (score bin, label), or of error buckets, so that the
true value of every measure is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from benchmarks.tables.populations import census_reference, census_traffic
from benchmarks.tables.table import Table, span
from detectors.cells import Cells
from detectors.error_buckets import ERROR_BUCKETS, error_buckets
from detectors.limit import LimitRule, against_limit
from detectors.outcome_table import FAVOURABLE, OUTCOMES, UNFAVOURABLE, OutcomeTable
from detectors.performance.catalog import MEASURES
from detectors.performance.degradation import Yardstick, worsening
from detectors.performance.estimated import make_estimates
from detectors.performance.seen import Seen, nothing_seen
from detectors.reference import build_reference
from detectors.score_bins import CENTRES, EDGES, NO_SCORE, score_bins
from detectors.trailing import DISPLAY_ERROR, LENGTHS, error_levels
from governance.component.metrics import RateCheck
from governance.component.schema import Component
from governance.event import Column, EventBatch
from governance.finding import Status
from governance.service.demo.census import reference_people, traffic_people

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.performance.measure import Measure

    Floats = NDArray[np.float64]

SIZES = (50, 200, 1_000)
CHUNK = 5_000
SCORED = tuple(m for m in MEASURES if m.needs_scores or m.check is RateCheck.BALANCED_ACCURACY)
OF_NUMBERS = tuple(m for m in MEASURES if m.of_numbers)
BLOCK = range(26, 29)  # chunks of residents of group quarters


@dataclass(frozen=True, slots=True)
class Population:
    """Shares of (score bin, label), shape (SCORE_BINS, 2), or of error buckets, shape (n,)."""

    name: str
    shares: Floats

    def seen(self, counts: Floats) -> Seen:
        """Counts of the shape of ``shares`` as a window."""
        return _of_scores(counts) if counts.ndim == 2 else _of_errors(counts)

    def truth(self, measure: Measure) -> float:
        """The measure of the whole population."""
        read = measure.read(self.seen(self.shares * 1e12))
        return read.value if read is not None else 0.0

    def draws(self, n: int, repeats: int, seed: int) -> NDArray[np.int64]:
        """Counts of samples of ``n`` events, shape (repeats, cells)."""
        rng = np.random.default_rng([17, seed, n])
        return rng.multinomial(n, self.shares.ravel(), repeats)


@cache
def scored() -> tuple[Population, ...]:
    """Scores that are calibrated, sharp, of a rare outcome, and that promise too much."""
    shapes = {"calibrated": (1.2, 0.9, 1.0), "sharp": (0.3, 0.3, 1.0), "rare": (0.4, 6.0, 1.0)}
    shapes["overconfident"] = (0.8, 0.8, 0.6)
    made = []
    for name, (a, b, skill) in shapes.items():
        weight = np.diff(stats.beta.cdf(EDGES, a, b))
        favourable = np.clip(0.5 + (CENTRES - 0.5) * skill, 0, 1)
        made.append(
            Population(name, np.stack([weight * (1 - favourable), weight * favourable], axis=1))
        )
    return tuple(made)


@cache
def of_numbers() -> tuple[Population, ...]:
    """Errors that are normal, heavy in the tails, and skewed, each with some bias."""
    rng = np.random.default_rng(3)
    errors = {
        "normal": rng.normal(0.3, 1, 400_000),
        "t, 6 degrees": 0.3 + rng.standard_t(6, 400_000),
        "log-normal": rng.lognormal(0, 0.5, 400_000) - 1,
    }
    counts = {n: np.bincount(error_buckets(e), minlength=ERROR_BUCKETS) for n, e in errors.items()}
    return tuple(Population(name, count / count.sum()) for name, count in counts.items())


def asked() -> list[tuple[Measure, tuple[Population, ...]]]:
    """Every measure with its populations."""
    return [(m, scored()) for m in SCORED] + [(m, of_numbers()) for m in OF_NUMBERS]


def coverage_of(measure: Measure, population: Population, n: int, repeats: int) -> float:
    """Share of 95 % intervals that hold the truth; a sample that gives none holds it."""
    truth, held = population.truth(measure), 0
    for counts in population.draws(n, repeats, 1):
        read = measure.read(population.seen(counts.reshape(population.shares.shape)))
        low, high = (-np.inf, np.inf) if read is None else read.bounds(DISPLAY_ERROR)
        held += low - 1e-9 <= truth <= high + 1e-9
    return held / repeats


def coverage(repeats: int = 1_000) -> Table:
    """Coverage of every interval, over its populations."""
    rows = []
    for measure, populations in asked():
        found = [[coverage_of(measure, p, n, repeats) for p in populations] for n in SIZES]
        bias = [_mean_bias(measure, p, 200, repeats // 2) for p in populations]
        rows.append([measure.check.value, *map(span, found), f"{max(bias, key=abs):+.2f}"])
    head = ["measure", *(f"{n:,} labels" for n in SIZES), "largest bias at 200 (sd)"]
    return Table("Coverage of 95 % intervals, over populations", head, rows)


def alarms(measure: Measure, population: Population, pane: int, ladders: int) -> tuple[int, int]:
    """False breaches (A = 1,000) and warnings at a limit that is the truth, in full ladders."""
    truth = population.truth(measure)
    rule = LimitRule(truth, measure.above, *error_levels(1_000, 1))
    found = [
        against_limit(
            [e.over(k) for k, s in ladder if (e := measure.read(s)) is not None], rule
        ).status
        for ladder in _ladders(population, pane, ladders)
    ]
    return found.count(Status.BREACH), found.count(Status.WARNING)


def degradation_alarms(
    measure: Measure, population: Population, pane: int, ladders: int
) -> tuple[int, int]:
    """False breaches and warnings of "not worse at all" against 2,000 labels of one population."""
    breach, warning = error_levels(1_000, 1)
    rule = LimitRule(0.0, above=True, breach_error=breach, warning_error=warning)
    references = population.draws(2_000, ladders, 2)
    found = []
    for counts, ladder in zip(references, _ladders(population, pane, ladders), strict=True):
        before = measure.read(population.seen(counts.reshape(population.shares.shape)))
        yardstick = Yardstick(measure, before)
        readings = [e.over(k) for k, seen in ladder if (e := measure.read(seen)) is not None]
        found.append(against_limit(worsening(yardstick, readings), rule).status)
    return found.count(Status.BREACH), found.count(Status.WARNING)


def false_alarms(ladders: int = 400) -> Table:
    """Ladders of 64 panes exactly at the limit, and exactly as good as the reference."""
    rows = []
    for measure, populations in asked():
        judged = [alarms(measure, p, n, ladders) for p in populations for n in (20, 200)]
        compared = [degradation_alarms(measure, p, 200, ladders) for p in populations]
        if measure.check is RateCheck.MEAN_ERROR:
            compared = []  # a bias is not compared with the reference's
        cells = [_of(judged, ladders), _of(compared, ladders)]
        rows.append([measure.check.value, *(part for cell in cells for part in cell)])
    head = ["measure", "limit: breaches", "warnings", "degradation: breaches", "warnings"]
    return Table("At the limit, and as good as the reference: ladders (A = 1,000)", head, rows)


def bins() -> Table:
    """Values from bins beside exact ones: relative error over 42 chunks of census traffic."""
    people, events = traffic_people(), census_traffic()
    score, label = events.columns["score"].values, people.employed.astype(np.int64)
    parts = [(score[at : at + CHUNK], label[at : at + CHUNK]) for at in range(0, len(score), CHUNK)]
    rng = np.random.default_rng(0)
    for a, b in ((0.2, 0.2), (0.05, 0.05), (0.3, 5.0)):
        drawn = rng.beta(a, b, CHUNK)
        parts.append((drawn, (rng.random(CHUNK) < drawn).astype(np.int64)))
    rows = []
    for measure in (m for m in MEASURES if m.needs_scores):
        errors = [_relative_error(measure, *part) for part in parts]
        rows.append([measure.check.value, *map(_per_cent, (errors[:-3], errors[-3:]))])
    head = ["measure", "census chunks: largest error (%)", "Beta scores: largest error (%)"]
    return Table("Measures from 254 bins of the score beside exact values", head, rows)


@dataclass(frozen=True, slots=True)
class Chunk:
    """What labels say of one chunk, and what its scores say."""

    realised: Floats  # accuracy, ROC AUC
    estimated: Floats


@cache
def chunks(*, calibrated: bool) -> tuple[Chunk, ...]:
    """42 chunks of census traffic; ``calibrated`` by the labels of 2015."""
    reference = _labelled(census_reference(), reference_people().employed)
    traffic = _labelled(census_traffic(), traffic_people().employed)
    declared = _component()
    learned = build_reference(reference, declared).for_version("1") if calibrated else None
    estimates = make_estimates(declared, learned)
    found = []
    for at in range(0, traffic.n, CHUNK):
        part = traffic.take(np.arange(at, min(at + CHUNK, traffic.n)))
        expected = estimates.expected(estimates.add(part)) if estimates is not None else None
        seen = _window(part)
        if expected is not None:
            found.append(Chunk(_accuracy_and_area(seen), _accuracy_and_area(expected)))
    return tuple(found)


def estimates() -> Table:
    """Estimates without labels beside what the labels say later."""
    rows = []
    for name, calibrated in (("scores as they are", False), ("calibrated on 2015", True)):
        found = chunks(calibrated=calibrated)
        off = np.array([np.abs(c.realised - c.estimated) for c in found])
        rows.append([name, *off.mean(axis=0).tolist(), *off.max(axis=0).tolist()])
        fall = _fall([c.realised for c in found]), _fall([c.estimated for c in found])
        rows[-1] += [f"{seen:.3f} / {said:.3f}" for seen, said in zip(*fall, strict=True)]
    head = ["scores", "accuracy: mean error", "ROC AUC: mean error"]
    head += ["accuracy: largest", "ROC AUC: largest"]
    head += ["accuracy lost in the block: real / estimated", "ROC AUC lost: real / estimated"]
    return Table("Estimates for 42 chunks of 5,000 people, without a label", head, rows)


def _fall(values: list[Floats]) -> Floats:
    """How much lower the worst chunk of the block is than the mean of the others."""
    inside = np.array([values[k] for k in BLOCK])
    others = np.array([value for k, value in enumerate(values) if k not in BLOCK])
    return np.asarray(others.mean(axis=0) - inside.min(axis=0))


def _of(found: list[tuple[int, int]], ladders: int) -> list[str]:
    if not found:
        return ["-", "-"]
    looked = len(found) * ladders
    return [f"{sum(counts)} of {looked:,}" for counts in zip(*found, strict=True)]


def _ladders(population: Population, pane: int, ladders: int) -> list[list[tuple[int, Seen]]]:
    """Full ladders: the sums of the last 1, 2, 4 ... 64 panes."""
    found = []
    shape = population.shares.shape
    for ladder in range(ladders):
        steps = [LENGTHS[0], *np.diff(LENGTHS).tolist()]
        rng = np.random.default_rng([18, ladder, pane])
        added = [rng.multinomial(pane * step, population.shares.ravel()) for step in steps]
        sums = np.cumsum(added, axis=0)
        found.append(
            [(k, population.seen(s.reshape(shape))) for k, s in zip(LENGTHS, sums, strict=True)]
        )
    return found


def _mean_bias(measure: Measure, population: Population, n: int, repeats: int) -> float:
    """Mean error of the value in standard deviations of the value."""
    draws = population.draws(n, repeats, 4)
    read = [measure.read(population.seen(d.reshape(population.shares.shape))) for d in draws]
    values = np.array([r.value for r in read if r is not None])
    return float((values.mean() - population.truth(measure)) / max(values.std(), 1e-12))


def _of_scores(counts: Floats) -> Seen:
    cells = np.zeros((NO_SCORE + 1, OUTCOMES))
    cells[:NO_SCORE, UNFAVOURABLE:] = counts
    table = np.zeros((1, OUTCOMES, OUTCOMES))
    for prediction, side in ((UNFAVOURABLE, CENTRES < 0.5), (FAVOURABLE, CENTRES >= 0.5)):
        table[0, prediction, UNFAVOURABLE:] = counts[side].sum(axis=0)
    predictions = table.sum(axis=-1)
    return Seen(
        OutcomeTable(_plain(predictions), _plain(table)),
        _plain(cells),
        nothing_seen().predicted,
        nothing_seen().errors,
    )


def _of_errors(counts: Floats) -> Seen:
    nothing = nothing_seen()
    return Seen(nothing.table, nothing.scored, nothing.predicted, _plain(counts))


def _plain(counts: Floats) -> Cells:
    counts = counts.astype(np.float64)
    return Cells(counts, counts, counts)


def _relative_error(measure: Measure, score: Floats, label: NDArray[np.int64]) -> float:
    cells = np.zeros((NO_SCORE, 2))
    np.add.at(cells, (score_bins(Column(score), len(score)), label), 1)
    read = measure.read(_of_scores(cells))
    if read is None:
        return 0.0
    found = read.value if read.raw is None else read.raw
    return abs(found / _EXACT[measure.check](score, label) - 1)


def _exact_area(score: Floats, label: NDArray[np.int64]) -> float:
    ranks = stats.rankdata(score)[label == 1]
    m, n = len(ranks), len(label) - len(ranks)
    return float((ranks.sum() - m * (m + 1) / 2) / (m * n))


def _exact_loss(score: Floats, label: NDArray[np.int64]) -> float:
    given = np.clip(np.where(label == 1, score, 1 - score), 1e-15, 1)
    return float(-np.log(given).mean())


def _exact_calibration(score: Floats, label: NDArray[np.int64]) -> float:
    tenth = np.minimum((score * 10).astype(int), 9)
    gaps = np.bincount(tenth, label, 10) - np.bincount(tenth, score, 10)
    return float(np.abs(gaps).sum() / len(score))


_EXACT = {
    RateCheck.ROC_AUC: _exact_area,
    RateCheck.LOG_LOSS: _exact_loss,
    RateCheck.BRIER_SCORE: lambda s, y: float(((s - y) ** 2).mean()),
    RateCheck.EXPECTED_CALIBRATION_ERROR: _exact_calibration,
}


def _per_cent(errors: list[float]) -> str:
    return f"{100 * max(errors):.3f}"


def _component() -> Component:
    limits = {"estimated_accuracy": 0.5, "estimated_roc_auc": 0.5}
    metrics = [{"name": name, "threshold": limit} for name, limit in limits.items()]
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "census"},
            "spec": {
                "model": {"name": "census", "version": "1", "modality": ["tabular"]},
                "signals": {"favourable": {"in": ["1"]}},
                "release": {"rolloutMetrics": metrics},
            },
        }
    )


def _labelled(events: EventBatch, employed: NDArray[np.int64]) -> EventBatch:
    columns = {name: events.columns[name] for name in ("score", "prediction", "time")}
    columns["favourable"] = Column(columns["prediction"].values.astype(np.int8))
    columns["label"] = Column(employed.astype(np.int8))
    return EventBatch("1", events.n, columns)


def _window(events: EventBatch) -> Seen:
    cells = np.zeros((NO_SCORE, 2))
    label = events.columns["label"].values.astype(np.int64)
    np.add.at(cells, (score_bins(events.columns["score"], events.n), label), 1)
    return _of_scores(cells)


def _accuracy_and_area(seen: Seen) -> Floats:
    read = {m.check: m.read(seen) for m in MEASURES if m.check in _BOTH}
    return np.array([e.value if (e := read[check]) else 0.0 for check in _BOTH])


_BOTH = (RateCheck.ACCURACY, RateCheck.ROC_AUC)
