"""How much rates of groups differ between windows of real rows, and what ignoring it costs.

STATISTICS 2: rho per group and rate of the census of 2015, and false breaches of two equal groups
that come in households, with and without a reference that has seen them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.parity_labels import detector
from benchmarks.tables.populations import census_reference
from benchmarks.tables.table import Cell, Table
from detectors.base import Pane, WindowView
from detectors.fairness.family import Fairness
from detectors.feature_reference import RowPanes
from detectors.group_reference import GroupReference, group_references
from governance.component.metrics import FairnessMetric
from governance.event import Column, EventBatch
from governance.finding import Status
from governance.service.demo.census import reference_people

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

GROUPS = {"SEX": ("1", "2"), "RAC1P": ("1", "2", "6"), "DIS": ("1", "2")}
PANES = (200, 1_000, 5_000)
SHOWN = ("selection", "true_positive", "positive_predictive_value", "accuracy")
HOUSEHOLD, SELECTED = 4, 0.4
_PANE, _PANES = 100, 64


def table() -> Table:
    """Rho of the shortest and the longest block, for panes of three sizes."""
    known = {rows: _census(rows) for rows in PANES}
    rows: list[list[Cell]] = []
    for attribute, groups in GROUPS.items():
        for group in groups:
            for rate in SHOWN:
                found = [_ends(known[pane][attribute], group, rate) for pane in PANES]
                rows.append([f"{attribute} {group}", rate, *found])
    head = ["group", "rate", *(f"panes of {pane:,}" for pane in PANES)]
    notes = ["rho of one window - of the longest block; 1 = as independent events."]
    return Table("Rates of groups in the census of 2015", head, rows, notes)


def households(runs: int = 400) -> Table:
    """False breaches of equal groups whose members come four at a time, all selected or none."""
    rows: list[list[Cell]] = []
    for name, size in (("alone", 1), ("households of 4", HOUSEHOLD)):
        rows.append([name, *(breaches(size, runs, measured=m) / runs for m in (False, True))])
    head = ["persons come", "taken for independent", "reference measured"]
    notes = ["No limit, falseAlarmEvery 20: 0.05 is promised."]
    return Table(f"Two equal groups, {runs:,} ladders in breach", head, rows, notes)


def breaches(household: int, runs: int, *, measured: bool) -> int:
    """How many ladders of two equal groups are in breach though nothing differs."""
    rng = np.random.default_rng(22)
    rule = detector(FairnessMetric.DEMOGRAPHIC_PARITY_DIFFERENCE, 0.0, 20)
    if measured:
        rows = _people(rng, household, 60_000)
        cut = RowPanes(np.arange(rows.n) // _PANE, rows.n // _PANE)
        known = group_references(rows, cut)
        rule = Fairness(rule.subjects, rule.questions, rule.max_loss, known=known)
    statuses = (v.status for view in _ladders(rng, household, runs, rule) for v in rule.judge(view))
    return sum(status is Status.BREACH for status in statuses)


def _ladders(
    rng: np.random.Generator, household: int, runs: int, rule: Fairness
) -> Iterator[WindowView]:
    for _ in range(runs):
        people = _people(rng, household, _PANE * _PANES)
        parts = (people.take(slice(i * _PANE, (i + 1) * _PANE)) for i in range(_PANES))
        panes = [Pane(i, i, i + 1, _PANE, rule.add(part)) for i, part in enumerate(parts)]
        yield WindowView(panes, {"g": ("a", "b")}, labels_mature=True)


def _people(rng: np.random.Generator, household: int, n: int) -> EventBatch:
    homes = n // household
    group, chosen = rng.integers(0, 2, homes), rng.random(homes) < SELECTED
    columns = {
        "favourable": Column(np.repeat(chosen, household).astype(np.int8)),
        "group.g": Column(np.repeat(group, household).astype(np.int32), ("a", "b")),
    }
    return EventBatch("1", n, columns)


def _census(pane: int) -> Mapping[str, GroupReference]:
    rows, people = census_reference(), reference_people()
    groups = {f"group.{name}": rows.columns[f"tabular.{name}"] for name in GROUPS}
    columns = {
        "favourable": Column(rows.columns["prediction"].values.astype(np.int8)),
        "label": Column(_labels(people.employed)),
        **groups,
    }
    cut = RowPanes(np.arange(rows.n) // pane, rows.n // pane)
    return group_references(EventBatch("1", rows.n, columns), cut)


def _labels(employed: NDArray[np.generic]) -> NDArray[np.int8]:
    return np.asarray(employed).astype(np.int8)


def _ends(known: GroupReference, group: str, rate: str) -> str:
    ladder = known.groups[group][rate]
    first, last = ladder[0].rho, ladder[-1].rho
    return f"{first:.2f}" if len(ladder) == 1 else f"{first:.2f} - {last:.2f}"
