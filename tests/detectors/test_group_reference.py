"""How much rates of groups differ between reference windows, and what verdicts make of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.fairness.family import make_fairness
from detectors.feature_reference import RowPanes
from detectors.group_reference import RATES, GroupReference, group_references
from detectors.profile import parse_profile, profile_text
from detectors.reference import Reference, WindowCut, build_reference
from detectors.stats.overdispersion import Block, rho_ladder
from governance.errors import ConfigError
from governance.event import Column, EventBatch
from governance.finding import Status
from tests.detectors.scenes import batch, component, judging, near, pane, view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.outcome_table import Rate
    from governance.component.schema import Component
    from governance.finding import Verdict

PARITY = "demographic_parity_difference"
SEXES = ("female", "male")
PANE = 200


def people(n: int = 12_000, *, household: int = 1, seed: int = 4) -> EventBatch:
    """Women and men in households whose members are all selected, or none."""
    rng = np.random.default_rng(seed)
    homes = -(-n // household)
    selected = np.repeat(rng.random(homes) < 0.4, household)[:n]
    sex = np.repeat(rng.integers(0, 2, homes), household)[:n]
    return batch(sex=sex, favourable=selected, label=rng.random(n) < 0.5)


def cut(n: int, rows: int = PANE) -> RowPanes:
    return RowPanes(np.arange(n) // rows, n // rows)


def measured(events: EventBatch, rows: int = PANE) -> GroupReference:
    return group_references(events, cut(events.n, rows))["sex"]


def slow_counts(
    events: EventBatch, rows: NDArray[np.intp], places: dict[tuple[int, ...], int]
) -> dict[int, list[int]]:
    """Per pane how many rows lie at each kind of place, row by row."""
    counts: dict[int, list[int]] = {}
    for row in rows.tolist():
        prediction = int(events.columns["favourable"].values[row]) + 1
        label = int(events.columns["label"].values[row]) + 1
        for place in ((prediction,), (prediction, label)):
            if place in places:
                counts.setdefault(row // PANE, [0, 0])[places[place]] += 1
    return counts


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: rate.name)
def test_ladders_are_those_of_counting_row_by_row(rate: Rate) -> None:
    """Of every rate: its successes and failures per pane, as 1.2 reads two bins."""
    events = people(4_000, household=2)
    known = measured(events)
    places = {place: int(place in rate.success) for place in rate.whole}
    for code, name in enumerate(SEXES):
        counts = slow_counts(events, np.flatnonzero(_sex(events) == code), places)
        numbers = np.array(sorted(counts))
        panes = np.array([counts[number] for number in numbers.tolist()])
        expected = rho_ladder(panes, panes.sum(axis=0), numbers=numbers, complete=20)
        assert known.groups[name][rate.name] == expected


def test_households_show() -> None:
    """Independent persons have rho about 1 in one pane, households of four about 4."""
    alone, together = measured(people()), measured(people(household=4))
    for name in SEXES:
        assert alone.rho(name, "selection", 100) <= 1.4
        assert 3 <= together.rho(name, "selection", 100) <= 6


def test_the_rho_of_a_window_is_that_of_the_next_larger_block() -> None:
    """Larger than the largest block it stays; a group that was not measured takes the largest."""
    known = GroupReference(
        {
            "a": {"selection": (Block(1, 100.0, 1.5), Block(2, 200.0, 3.0))},
            "b": {"selection": (Block(1, 10.0, 2.0),)},
        }
    )
    found = [known.rho("a", "selection", n) for n in (1, 100, 101, 200, 10_000)]
    assert found == [1.5, 1.5, 3.0, 3.0, 3.0]
    assert known.rho("new", "selection", 50) == 2.0
    assert known.rho("new", "selection", 150) == 3.0
    assert known.rho("a", "accuracy", 50) == 1.0


def test_a_rare_group_is_measured_in_eighths_of_its_own_rows() -> None:
    """Where too few panes hold the group, its rows in time order are cut into eight."""
    events = people(4_000)
    sex = np.where(np.arange(4_000) < 3_960, 0, 1).astype(np.int32)
    events = replace(events, columns={**events.columns, "group.sex": Column(sex, SEXES)})
    (block,) = measured(events).groups["male"]["selection"]
    assert (block.k, block.rows) == (1, 5.0)


def test_the_largest_groups_are_measured() -> None:
    """Of 300 groups the 64 largest, so a profile stays small."""
    sizes = np.arange(300) + 10
    codes = np.random.default_rng(1).permutation(np.repeat(np.arange(300), sizes))
    names = tuple(f"zip {number:03}" for number in range(300))
    columns = {
        "favourable": Column((codes % 2).astype(np.int8)),
        "group.zip": Column(codes.astype(np.int32), names),
    }
    known = group_references(EventBatch("1", len(codes), columns), cut(len(codes), 1_000))["zip"]
    assert set(known.groups) == set(names[-64:])


def test_rows_without_order_or_outcome_tell_nothing() -> None:
    """Not in time order, or no prediction: no attribute is measured."""
    events = people()
    assert group_references(events, None) == {}
    alone = EventBatch("1", events.n, {"group.sex": events.columns["group.sex"]})
    assert group_references(alone, cut(events.n)) == {}


def declared() -> Component:
    return component(
        governance=judging(thresholds={PARITY: 0.1}, groups=["sex"]),
        monitoring={"windows": {"events": PANE}, "falseAlarmEvery": 20},
        baseline={"ordered": True},
    )


def measured_reference(events: EventBatch) -> Reference:
    score = Column(np.random.default_rng(3).random(events.n))
    return build_reference(replace(events, columns={**events.columns, "score": score}), declared())


def test_profiles_keep_groups() -> None:
    """Written and read back a profile is the same reference, with the same rho."""
    reference = measured_reference(people(household=4))
    read = parse_profile(profile_text(reference), "profile")
    assert read.id == reference.id
    assert read.groups["sex"].groups == reference.groups["sex"].groups


def test_references_without_groups_keep_their_id() -> None:
    """What a profile without groups is the hash of has not changed."""
    reference = Reference(10, True, WindowCut("events", 5, 5), {}, {})  # noqa: FBT003 - a field
    assert "groups" not in reference.content()
    assert "groups" not in profile_text(reference)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"sex": {"female": {"no_rate": [[1, 5.0, 1.0]]}}}, "names no rate"),
        ({"sex": {"female": {}}}, "names no rate"),
        ({"sex": {"female": {"selection": [[2, 5.0, 1.0]]}}}, "lengths are not 1, 2, 4"),
        ({"sex": {"female": {"selection": [[1, 5.0, 0.5]]}}}, ">= 1"),
    ],
)
def test_groups_that_do_not_fit_say_where(stored: object, message: str) -> None:
    """A profile with an impossible rho is refused, with place and remedy."""
    text = profile_text(measured_reference(people()))
    head, groups = text.split('"groups":', 1)
    end = groups.index(',"inputs"')
    damaged = head + '"groups":' + str(stored).replace("'", '"') + groups[end:]
    with pytest.raises(ConfigError, match=message):
        parse_profile(damaged, "profile")


def judged(reference: Reference | None, events: EventBatch, **keys: object) -> Verdict:
    detector = make_fairness(declared(), reference, **keys)  # type: ignore[arg-type]
    assert detector is not None
    (verdict,) = detector.judge(view([pane(detector, events)]))
    return verdict


def test_evidence_is_divided_by_rho() -> None:
    """Size per group stays what was counted; the evidence of all is less by rho."""
    reference = measured_reference(people(household=4))
    events = people(PANE, household=4, seed=9)
    alone, known = judged(None, events), judged(reference, events)
    rho = [reference.groups["sex"].rho(g.group, "selection", g.events) for g in known.groups]
    assert [g.events for g in known.groups] == [g.events for g in alone.groups]
    assert (known.value, known.events) == (alone.value, alone.events)
    expected = sum(g.events / r for g, r in zip(known.groups, rho, strict=True))
    assert known.effective_events == near(expected)
    assert (known.upper or 0) - (known.lower or 0) > (alone.upper or 0) - (alone.lower or 0)


def test_small_groups_are_those_of_few_events() -> None:
    """The minimum size counts events, not what they are worth."""
    reference = measured_reference(people(household=4))
    events = people(PANE, household=4, seed=9)
    verdict = judged(reference, events)
    assert verdict.status is not Status.INSUFFICIENT
    assert (verdict.effective_events or 0) < 2 * 30 < min(g.events for g in verdict.groups)


def test_live_groups_are_found_by_their_keyed_codes() -> None:
    """Values without names travel as keyed codes: their rho is that of the value."""
    reference = measured_reference(people(household=4))
    events = people(PANE, household=4, seed=9)
    detector = make_fairness(
        declared(), reference, keyed=lambda attribute, value: f"{attribute}|{value}"
    )
    assert detector is not None
    names = {"sex": tuple(f"group.sex|{name}" for name in SEXES)}
    (verdict,) = detector.judge(view([pane(detector, events)], vocabulary=names))
    assert verdict.effective_events == judged(reference, events).effective_events


def test_an_intersection_takes_the_larger_rho() -> None:
    """A joint group is worth no more than either of its groups."""
    known = {
        "sex": GroupReference({"female": {"selection": (Block(1, 1e6, 2.0),)}}),
        "race": GroupReference({"asian": {"selection": (Block(1, 1e6, 5.0),)}}),
    }
    reference = replace(measured_reference(people()), groups=known)
    governance = judging(metrics=[PARITY], groups=["sex"], intersections=[["sex", "race"]])
    detector = make_fairness(component(governance=governance), reference)
    assert detector is not None
    rng = np.random.default_rng(1)
    events = batch(
        sex=rng.integers(0, 2, 3_000),
        race=rng.integers(0, 3, 3_000),
        favourable=rng.integers(0, 2, 3_000),
    )
    sex, joint = detector.judge(view([pane(detector, events)]))
    assert sex.effective_events == near(3_000 / 2)
    assert joint.effective_events == near(3_000 / 5)


def _sex(events: EventBatch) -> NDArray[np.int32]:
    return events.columns["group.sex"].values
