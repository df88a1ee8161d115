"""The additive cells of fairness, against a counter that goes event by event."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from detectors.base import WindowView
from detectors.fairness.cells import CROSS, MAX_GROUPS, PREFIX, Subject, read_groups
from detectors.fairness.family import Fairness
from detectors.trailing import trailing_windows
from governance.event import Column, EventBatch
from tests.detectors.scenes import VOCABULARY, batch, pane, view

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


_COLUMNS = ("group.sex", "group.race", "favourable", "label")


def _codes(subject: Subject) -> list[tuple[int, ...]]:
    sizes = [len(VOCABULARY[attribute]) for attribute in subject.attributes]
    return [tuple(index) for index in np.ndindex(*sizes)]
