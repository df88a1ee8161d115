"""The additive cells of fairness, against a counter that goes event by event."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.base import WindowView
from detectors.fairness.cells import CROSS, MAX_GROUPS, PREFIX, Subject
from detectors.fairness.family import Fairness
from detectors.fairness.groups import read_groups
from detectors.trailing import trailing_windows
from governance.algebra.sums import SQUARED_WEIGHT_SCALE, WEIGHT_SCALE
from governance.event import Column, EventBatch
from tests.detectors.scenes import VOCABULARY, batch, pane, view

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEX, RACE, BOTH = Subject(("sex",)), Subject(("race",)), Subject(("sex", "race"))
DETECTOR = Fairness((SEX, RACE, BOTH), (), max_loss=1.0)


def events(n: int = 2_000) -> EventBatch:
    rng = np.random.default_rng(3)
    return batch(
        sex=rng.integers(-1, 2, n),
        race=rng.integers(-1, 3, n),
        favourable=rng.integers(-1, 2, n),
        label=rng.integers(0, 2, n),
    )


def test_tables_equal_counting_one_by_one() -> None:
    """Every (group, prediction, label) cell of attributes and intersection is the true count."""
    people = events()
    (window,) = trailing_windows(view([pane(DETECTOR, people, people)]), PREFIX)
    rows = list(
        zip(*(people.columns[c].values.tolist() for c in _COLUMNS), strict=True),
    )
    for subject, codes in ((SEX, (0,)), (RACE, (1,)), (BOTH, (0, 1))):
        groups = read_groups(window, subject, VOCABULARY)
        slow = Counter((*(row[i] for i in codes), row[2], row[3]) for row in rows)
        for index, code in enumerate(_codes(subject)):
            for prediction in (0, 1):
                for label in (0, 1):
                    found = groups.table.outcomes.events[index, prediction + 1, label + 1]
                    assert found == slow[*code, prediction, label]


def test_every_event_is_in_a_cell() -> None:
    """Events without a group or a prediction are in cells of their own: the cells add up to n."""
    people = events()
    for array in (*DETECTOR.add(people).values(), *DETECTOR.add_outcomes(people).values()):
        assert array.sum() == people.n


def test_intersections_are_named_by_their_groups() -> None:
    """The groups of sex x race are the combinations of their names, in the order of the codes."""
    people = events()
    (window,) = trailing_windows(view([pane(DETECTOR, people)]), PREFIX)
    groups = read_groups(window, BOTH, VOCABULARY)
    assert groups.names[:2] == (f"female{CROSS}asian", f"female{CROSS}black")
    assert len(groups.names) == 6


def test_groups_past_the_bound_are_counted_apart() -> None:
    """Codes past the bound take no cell of their own and are counted as beyond."""
    names = tuple(f"zip {code}" for code in range(MAX_GROUPS + 5))
    codes = np.arange(len(names), dtype=np.int32)
    column = {"group.zip": Column(codes, names), "favourable": Column(np.ones_like(codes))}
    detector = Fairness((Subject(("zip",)),), (), max_loss=1.0)
    looked = view([pane(detector, EventBatch("1", len(codes), column))], vocabulary={"zip": names})
    (window,) = trailing_windows(looked, PREFIX)
    groups = read_groups(window, Subject(("zip",)), {"zip": names})
    assert (len(groups.names), groups.beyond) == (MAX_GROUPS, 5)


@pytest.mark.parametrize("most", [2, 40])
@pytest.mark.parametrize("sampled", [False, True])
def test_cells_of_an_attribute_are_the_same_beside_intersections(
    most: int, *, sampled: bool
) -> None:
    """An attribute's cells do not depend on what else is asked, be codes past a bound or not."""
    rng = np.random.default_rng(5)
    sex, race = rng.integers(-1, 2, 3_000), rng.integers(-1, most, 3_000)
    weight = rng.choice([1.0, 3.5], 3_000) if sampled else np.ones(3_000)
    people = batch(sex=sex, race=race, favourable=sex, label=sex, weight=weight)
    subjects = (SEX, RACE, BOTH, Subject(("sex", "age")), Subject(("sex", "race", "age")))
    together = Fairness(subjects, (), max_loss=1.0)
    for subject in subjects:
        alone = Fairness((subject,), (), max_loss=1.0)
        for how in ("add", "add_outcomes"):
            cells, among = getattr(alone, how)(people), getattr(together, how)(people)
            assert all(np.array_equal(cells[name], among[name]) for name in cells)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cells_equal_the_slow_count(data: st.DataObject) -> None:
    """Whatever the columns hold and however wide they are, cells are those of one loop."""
    n = data.draw(st.sampled_from([0, 1, 5, 400, 3_000]), "events")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), "seed"))
    people = EventBatch("1", n, _columns(data, rng, n))
    subjects = (SEX, RACE, BOTH, Subject(("sex", "age")))
    fast = Fairness(subjects, (), max_loss=1.0)
    for parts, sums in (
        (("favourable",), fast.add(people)),
        (("favourable", "label"), fast.add_outcomes(people)),
    ):
        for subject in subjects:
            name = f"{PREFIX}{subject.name}.{'outcomes' if len(parts) > 1 else 'predictions'}"
            for suffix, array in _slow_cells(people, subject, parts).items():
                found = sums.get(name + suffix, np.zeros_like(array))
                assert np.array_equal(found, array), (subject.name, suffix)


def test_joint_codes_are_bounded() -> None:
    """An intersection has at most 1,024 joint groups, however many attributes it joins."""
    bounds = {k: Subject(("a",) * k).bound for k in (1, 2, 3, 5)}
    assert bounds == {1: 1024, 2: 32, 3: 10, 5: 4}


def test_a_missing_column_is_no_group() -> None:
    """A batch without the attribute's column counts its events in no group."""
    sums = DETECTOR.add(batch(favourable=[1, 0, 1]))
    looked = WindowView([pane(DETECTOR, batch(favourable=[1, 0, 1]))], VOCABULARY)
    (window,) = trailing_windows(looked, PREFIX)
    assert read_groups(window, SEX, VOCABULARY).table.predictions.events.sum() == 0
    assert all(array.sum() == 3 for array in sums.values())


def _columns(data: st.DataObject, rng: np.random.Generator, n: int) -> dict[str, Column]:
    """Group codes and outcomes of any type and range, with and without labels and weights."""
    columns = {}
    for attribute in ("sex", "race"):
        low, high = data.draw(st.sampled_from([(-1, 0), (-1, 2), (0, 2), (0, 7), (-1, 130)]))
        dtype = np.int16 if high > 100 else data.draw(st.sampled_from([np.int8, np.int32]))
        columns[f"group.{attribute}"] = Column(rng.integers(low, high, n).astype(dtype))
    for name in ("favourable", "label"):
        low, high = data.draw(st.sampled_from([(0, 2), (-1, 2), (-1, 0), (1, 2), (-3, 9)]), name)
        dtype = data.draw(st.sampled_from([np.int8, np.int32]))
        columns[name] = Column(rng.integers(low, high, n).astype(dtype))
    if data.draw(st.booleans(), "no labels"):
        del columns["label"]
    if data.draw(st.booleans(), "sampled"):
        columns["weight"] = Column(rng.choice([1.0, 2.5, 40.0], n))
    return columns


def _slow_cells(
    people: EventBatch, subject: Subject, parts: tuple[str, ...]
) -> dict[str, NDArray[np.int64]]:
    """Event by event: where it is, and by how much it counts."""
    known = [_codes_of(people, f"group.{attribute}") for attribute in subject.attributes]
    places = [[code + 2 if code < subject.bound else 0 for code in codes] for codes in known]
    extents = [min(max([-1, *codes]) + 3, subject.bound + 2) for codes in known]
    for part in parts:
        places.append([code + 1 if code in {0, 1} else 0 for code in _codes_of(people, part)])
        extents.append(3)
    column = people.columns.get("weight")
    weights = [1.0] * people.n if column is None else column.values.tolist()
    cells = {
        suffix: np.zeros(extents, dtype=np.int64)
        for suffix in ("", ".excess_weight", ".excess_squared_weight")
    }
    for weight, *place in zip(weights, *places, strict=True):
        cells[""][tuple(place)] += 1
        cells[".excess_weight"][tuple(place)] += round((weight - 1) * WEIGHT_SCALE)
        squared = round((weight**2 - 1) * SQUARED_WEIGHT_SCALE)
        cells[".excess_squared_weight"][tuple(place)] += squared
    return cells


def _codes_of(people: EventBatch, name: str) -> list[int]:
    column = people.columns.get(name)
    return [-1] * people.n if column is None else column.values.tolist()


_COLUMNS = ("group.sex", "group.race", "favourable", "label")


def _codes(subject: Subject) -> list[tuple[int, ...]]:
    sizes = [len(VOCABULARY[attribute]) for attribute in subject.attributes]
    return [tuple(index) for index in np.ndindex(*sizes)]
