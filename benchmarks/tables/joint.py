"""Joint drift: how soon a dependence that broke is found, how often one that held is blamed.

25 real features (18 of the census, 7 of Elec2 where it is here), two of them replaced by a pair
whose correlation is known. Only the pair comes apart: every single feature keeps its distribution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.census import STRETCHES
from benchmarks.tables.populations import (
    CENSUS_CATEGORIES,
    census_reference,
    census_traffic,
    everyday,
    only,
)
from benchmarks.tables.table import Table
from benchmarks.tables.watched import component
from detectors.base import Pane, WindowView
from detectors.drift.coded import Coded
from detectors.drift.joint import THRESHOLD, Joint, joint_part
from detectors.drift.subjects import feature_subjects
from detectors.joint_reference import sums_of
from detectors.ladder import climb
from detectors.reference import build_reference
from detectors.stats.correlation import moments
from detectors.stats.evidence import LOG_E_CAP
from detectors.trailing import LENGTHS
from governance.algebra.products import SCALE, symmetric
from governance.component.schema import Modality
from governance.event import Column, EventBatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.tables.table import Cell
    from detectors.ladder import Readings

    Rows = NDArray[np.int8]

EVERY = 1_000
PAIR, APART = 0.62, 0.03
REFERENCE_ROWS = 20_000
LONGEST = LENGTHS[-1]
NEVER = LONGEST + 1
SIZES = (50, 200, 1_000)
KINDS = ("numbers", "a number and a category")


@dataclass(frozen=True, slots=True)
class Scene:
    """What joint measures with, and the scores of usual and of changed rows, shape (d, n)."""

    joint: Joint
    usual: Rows
    changed: Rows

    @property
    def features(self) -> int:
        """How many features there are."""
        return len(self.usual)

    def pane(self, rows: Rows) -> Pane:
        """The pane of some rows."""
        n = rows.shape[1]
        sums = np.append(sums_of(rows), n * SCALE)
        return Pane(0, 0, 1, n, {self.joint.array: sums})

    def draw(self, rng: np.random.Generator, rows: int, *, changed: bool) -> Pane:
        """A pane of rows that are drawn with replacement."""
        pool = self.changed if changed else self.usual
        return self.pane(pool[:, rng.integers(pool.shape[1], size=rows)])

    def readings(self, panes: list[Pane]) -> Readings:
        """The ladder of panes, newest last."""
        lengths = [k for k in LENGTHS if k <= len(panes)]
        return self.joint.look(WindowView(panes, {}), lengths).readings


@cache
def scene(features: int, rows: int, kind: str, reference_rows: int, seed: int = 0) -> Scene:
    """A reference of so many features, cut into panes of ``rows``."""
    held, apart = _population(features, kind, PAIR), _population(features, kind, APART)
    declared = component(*CENSUS_CATEGORIES, "class", "pair_b", windows={"events": rows})
    if kind == KINDS[0]:
        declared = component(*CENSUS_CATEGORIES, "class", windows={"events": rows})
    chosen = np.random.default_rng([7, seed]).permutation(held.n)[:reference_rows]
    reference = build_reference(held.take(chosen), declared, version="1")
    known = reference.joint
    if known is None:
        raise ValueError(f"{features} features have no joint reference")
    subjects = feature_subjects(declared, reference, Modality.TABULAR.value, None)
    joint = Joint(declared, reference, known, subjects)
    scored = [
        np.stack(
            [
                steps.astype(np.int8)[reference.inputs[name].bins.codes(c.values, c.dictionary)]
                for name, steps in zip(known.features, known.steps, strict=True)
                for c in (batch.columns[name],)
            ]
        )
        for batch in (held, apart)
    ]
    return Scene(joint, *scored)


def delays(runs: int = 20) -> Table:
    """Mean windows from the moment a pair comes apart to its breach."""
    cells: list[list[Cell]] = []
    for features, kind in ((25, KINDS[0]), (25, KINDS[1]), (5, KINDS[0]), (2, KINDS[0])):
        for rows in SIZES:
            there = scene(features, rows, kind, REFERENCE_ROWS)
            rng = np.random.default_rng([9, features, rows])
            found = [_delay(rng, there, rows) for _ in range(runs)]
            effect, covered = _effect(rng, there, rows)
            cells.append([kind, features, rows, float(np.mean(found)), max(found), effect, covered])
    head = ["pair of", "features", "rows", "mean windows", "longest", "effect", "covered"]
    notes = [
        f"The pair's correlation falls from {PAIR} to {APART}; {NEVER} = not in {LONGEST} windows;",
        "effect: mean of one window alone; covered: how often its interval holds the true effect.",
    ]
    return Table("Windows until a pair that came apart is in breach", head, cells, notes)


def false_alarms(windows: int = 2_000) -> Table:
    """Windows of usual rows: how often evidence, effect and both are there."""
    cells: list[list[Cell]] = []
    for reference_rows in (2_000, REFERENCE_ROWS):
        for rows in (30, 50, 200, 1_000, 10_000):
            count = windows if rows < 10_000 else windows // 5
            log_e, value = _usual(reference_rows, rows, count)
            big = value >= THRESHOLD
            levels = [float((log_e >= np.log(level)).mean()) for level in (20, 100, 1_000)]
            alarms = float((big & (log_e >= np.log(EVERY))).mean())
            cells.append([reference_rows, rows, *levels, float(big.mean()), alarms, count])
    head = ["n0", "rows", "E >= 20", "E >= 100", "E >= 1,000", "big", "breach", "windows"]
    notes = [
        "One window alone of 25 features in which nothing changed, four references each; promised",
        "of E: at most .05, .01, .001; breach: big and E >= 1,000, as if joint were alone.",
    ]
    return Table("False alarms of joint", head, cells, notes)


def census(rows: int = 5_000) -> Table:
    """The effect of joint in windows of real traffic, each alone, by what happens in it."""
    declared = component(*CENSUS_CATEGORIES, windows={"events": rows})
    reference = build_reference(census_reference(), declared, version="1")
    subjects = feature_subjects(declared, reference, Modality.TABULAR.value, None)
    (joint,) = joint_part(declared, reference, subjects)
    cells: list[list[Cell]] = []
    for period, stretches in STRETCHES.items():
        effects = [
            float(joint.look(_view_of(joint, start, rows), [1]).readings.effect.value[0, 0])
            for first, last in stretches
            for start in range(-(-first // rows) * rows, last - rows + 1, rows)
        ]
        low, middle, high = np.quantile(effects, (0, 0.5, 1)).tolist()
        cells.append([period, len(effects), low, middle, high])
    head = ["census", "windows", "smallest", "median", "largest"]
    return Table(f"Effect of joint in windows of {rows:,} people, against 2015", head, cells)


def _view_of(joint: Joint, start: int, rows: int) -> WindowView:
    sums = joint.add(Coded(only(census_traffic(), start, start + rows), rounds=False))
    return WindowView([Pane(0, 0, 1, rows, sums)], {})


def _population(features: int, kind: str, correlation: float) -> EventBatch:
    people = everyday()
    rng = np.random.default_rng(5)
    one, noise = rng.normal(size=people.n), rng.normal(size=people.n)
    other = correlation * one + np.sqrt(1 - correlation**2) * noise
    tabular = [name for name in people.columns if name.startswith("tabular.")]
    columns = {name: people.columns[name] for name in tabular[: features - 2]}
    second = Column(other)
    if kind == KINDS[1]:
        codes = np.array([2, 0, 3, 1])[np.searchsorted([-1.0, 0.2, 0.9], other)]
        second = Column(codes.astype(np.int32), ("north", "east", "south", "west"))
    pair = {"tabular.pair_a": Column(one), "tabular.pair_b": second}
    return replace(people, columns={**columns, **pair})


def _delay(rng: np.random.Generator, there: Scene, rows: int) -> int:
    panes = [there.draw(rng, rows, changed=False) for _ in range(LONGEST)]
    members = there.joint.members
    for window in range(1, NEVER):
        panes = [*panes[1:], there.draw(rng, rows, changed=True)]
        readings = there.readings(panes)
        climbed = climb(readings, members.thresholds, members.lengths)
        if climbed.evidence[0] >= EVERY * (there.features + 1):
            return window
    return NEVER


def _effect(
    rng: np.random.Generator, there: Scene, rows: int, windows: int = 400
) -> tuple[float, float]:
    """Mean effect of one window, and how often its interval holds the true one."""
    truth = _true_effect(there)
    found = [there.readings([there.draw(rng, rows, changed=True)]).effect for _ in range(windows)]
    lower, upper = (
        np.array([getattr(e, side)[0, 0] for e in found]) for side in ("lower", "upper")
    )
    mean = float(np.mean([effect.value[0, 0] for effect in found]))
    return mean, float(((lower <= truth) & (truth <= upper)).mean())


def _true_effect(there: Scene) -> float:
    """That of the populations, between which no reference stands."""
    before, after = (
        moments(symmetric(sums_of(rows), there.features)).correlation
        for rows in (there.usual, there.changed)
    )
    return float(np.sqrt(((after - before) ** 2).sum(axis=1)).max())


def _usual(reference_rows: int, rows: int, windows: int) -> tuple[NDArray[np.float64], ...]:
    log_e, value = np.empty(windows), np.empty(windows)
    for window in range(windows):
        there = scene(25, 200, KINDS[0], reference_rows, seed=1 + window * 4 // windows)
        rng = np.random.default_rng([11, reference_rows, rows, window])
        found = there.readings([there.draw(rng, rows, changed=False)])
        log_e[window] = min(LOG_E_CAP, found.log_e[0, 0])
        value[window] = found.effect.value[0, 0]
    return log_e, value
