from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.drift.detector import make_drift
from detectors.profile import parse_profile, profile_text
from detectors.reference import Reference, build_reference
from governance.algebra.sums import merge
from governance.errors import ConfigError, ShapeError
from governance.event import Column, EventBatch
from governance.finding import Status, Verdict
from tests.detectors.scenes import component, empty_pane, pane, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detectors.base import Detector, Pane
    from governance.component.schema import Component

ROWS = 500
PLANS = ("basic", "plus", "pro", "max")


def events(n: int, seed: int, *, numbers: float = 0.62, plans: bool = True) -> EventBatch:
    """Age and income correlate by ``numbers``; the plan goes by the height, or by chance."""
    rng = np.random.default_rng(seed)
    age, height = rng.normal(size=n), rng.normal(size=n)
    income = numbers * age + np.sqrt(1 - numbers**2) * rng.normal(size=n)
    tall = height + 0.5 * rng.normal(size=n) if plans else 1.118 * rng.normal(size=n)
    order = np.array([2, 0, 3, 1])  # of the names, so that names are in no order
    plan = order[np.searchsorted([-1.0, 0.0, 1.2], tall)]
    return EventBatch(
        "1",
        n,
        {
            "tabular.age": Column(40 + 12 * age),
            "tabular.height": Column(170 + 9 * height),
            "tabular.income": Column(np.exp(10 + income)),
            "tabular.plan": Column(plan.astype(np.int32), PLANS),
        },
    )


def declared(**blocks: Any) -> Component:
    monitoring = {"windows": {"events": ROWS}} | blocks.pop("monitoring", {})
    signals = {"features": {"tabular": {"from": "column:*"} | blocks.pop("tabular", {})}}
    return component(signals=signals, monitoring=monitoring, **({"baseline": ORDERED} | blocks))


ORDERED = {"ordered": True}
REFERENCE = build_reference(events(20_000, seed=0), declared())


def detector(reference: Reference = REFERENCE, **blocks: Any) -> Detector:
    return make_drift(declared(**blocks), reference)


def judge(made: Detector, panes: list[Pane]) -> dict[str, Verdict]:
    """Verdicts of check drift, by subject."""
    return {v.subject: v for v in made.judge(view(panes)) if v.check == "drift"}


def one(batch: EventBatch, reference: Reference = REFERENCE, **blocks: Any) -> dict[str, Verdict]:
    made = detector(reference, **blocks)
    return judge(made, [pane(made, batch)])


def changed(batch: EventBatch, name: str, change: Callable[[NDArray[Any]], Any]) -> EventBatch:
    """The same batch with the values of one column changed."""
    column = batch.columns[name]
    return replace(
        batch, columns={**batch.columns, name: replace(column, values=change(column.values))}
    )


def test_nothing_changed() -> None:
    """Usual traffic is ok; test, threshold, interval and effective events are said."""
    joint = one(events(ROWS, seed=1))["joint"]
    assert (joint.status, joint.test, joint.threshold) == (Status.OK, "correlation", 0.3)
    assert joint.value is not None
    assert joint.lower is not None
    assert joint.upper is not None
    assert 0 <= joint.lower <= joint.value < joint.upper
    assert joint.effective_events is not None
    assert 300 < joint.effective_events < ROWS


def test_a_broken_correlation_is_found_where_no_feature_changed() -> None:
    """Margins are as ever, only the pair came apart: joint breaches alone, and names the pair."""
    found = one(events(ROWS, seed=1, numbers=0.0))
    assert found["joint"].status is Status.BREACH
    assert found["joint"].value == pytest.approx(0.6, abs=0.12)
    assert found["joint"].reason.startswith("changed: correlation of age and income fell from 0.6")
    assert {v.status for name, v in found.items() if name not in {"", "joint"}} == {Status.OK}
    assert found[""].status is Status.BREACH
    assert found[""].reason == found["joint"].reason.replace("changed: ", "changed: joint: ")


def test_a_category_that_no_longer_goes_by_a_number_is_found() -> None:
    """Plans are drawn as often as before, but by chance."""
    found = one(events(ROWS, seed=1, plans=False))
    assert found["joint"].status is Status.BREACH
    assert "correlation of height and plan fell from 0." in found["joint"].reason
    assert {v.status for name, v in found.items() if name not in {"", "joint"}} == {Status.OK}


@pytest.mark.parametrize(("rows", "within"), [(50, 8), (200, 2), (1_000, 1)])
def test_small_panes_add_up(rows: int, within: int) -> None:
    """A broken pair is found within 8 windows of 50 rows, 2 of 200, the first of 1,000."""
    known = declared(monitoring={"windows": {"events": rows}})
    made = make_drift(known, build_reference(events(20_000, seed=0), known))
    panes = [pane(made, events(rows, 100 + k), number=k) for k in range(8)]
    panes += [pane(made, events(rows, 200 + k, numbers=0.0), number=8 + k) for k in range(within)]
    assert judge(made, panes[:8])["joint"].status is Status.OK
    assert judge(made, panes)["joint"].status is Status.BREACH


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0, 4.0, 40.0])
def test_features_that_move_one_by_one_are_not_blamed_on_joint(shift: float) -> None:
    """Age moved, its dependence on income did not; out of all bins nothing can be said of it."""
    moved = changed(events(ROWS, seed=1), "tabular.age", lambda age: age + 12 * shift)
    found = one(moved)
    assert found["age"].status is Status.BREACH
    assert found["joint"].status is Status.OK


@pytest.mark.parametrize("numbers", [0.62, 0.0])
def test_scales_do_not_matter(numbers: float) -> None:
    """A rising change of a feature's scale, in reference and window, changes no verdict."""

    def logged(batch: EventBatch) -> EventBatch:
        return changed(batch, "tabular.income", lambda income: np.log(income) ** 3)

    plain = one(events(ROWS, 1, numbers=numbers))["joint"]
    reference = build_reference(logged(events(20_000, seed=0)), declared())
    other = one(logged(events(ROWS, 1, numbers=numbers)), reference)["joint"]
    assert other.status is plain.status
    assert other.value == pytest.approx(plain.value, abs=0.02)


@pytest.mark.parametrize("plans", [True, False])
def test_names_of_categories_do_not_matter(plans: bool) -> None:  # noqa: FBT001 - a table
    """Other names, in another order, give the same verdict."""

    def renamed(batch: EventBatch) -> EventBatch:
        names = Column(batch.columns["tabular.plan"].values, ("z", "b", "y", "a"))
        return replace(batch, columns={**batch.columns, "tabular.plan": names})

    plain = one(events(ROWS, 1, plans=plans))["joint"]
    reference = build_reference(renamed(events(20_000, seed=0)), declared())
    assert one(renamed(events(ROWS, 1, plans=plans)), reference)["joint"] == plain


def test_batches_add_up_exactly() -> None:
    """However rows are cut into batches, the sums are the same integers; so with weights."""
    made, batch = detector(), events(3_000, seed=1)
    weight = Column(np.random.default_rng(2).uniform(1, 9, batch.n))
    for events_ in (batch, replace(batch, columns={**batch.columns, "weight": weight})):
        whole = made.add(events_)
        cut = [events_.take(np.arange(a, min(a + 700, batch.n))) for a in range(0, batch.n, 700)]
        parts = merge(made.add(part) for part in cut)
        assert {n: a.tolist() for n, a in whole.items()} == {
            n: a.tolist() for n, a in parts.items()
        }


def test_weights_of_one_change_nothing() -> None:
    """And equal weights only what rounding does."""
    batch = events(ROWS, seed=1, numbers=0.0)
    ones = replace(batch, columns={**batch.columns, "weight": Column(np.ones(ROWS))})
    fours = replace(batch, columns={**batch.columns, "weight": Column(np.full(ROWS, 4.0))})
    plain = one(batch)["joint"]
    assert one(ones)["joint"] == plain
    sampled = one(fours)["joint"]
    assert (sampled.value, sampled.effective_events) == pytest.approx(
        (plain.value, plain.effective_events), rel=1e-9
    )


def test_numbers_that_privacy_rounds() -> None:
    """Live numbers are rounded before they are scored, as the reference's were."""
    anonymous = {"governance": {"dataPrivacy": {"anonymizationRequired": True}}}
    reference = build_reference(events(20_000, seed=0), declared(**anonymous))
    assert one(events(ROWS, seed=1), reference, **anonymous)["joint"].status is Status.OK
    broken = one(events(ROWS, seed=1, numbers=0.0), reference, **anonymous)["joint"]
    assert broken.status is Status.BREACH


def test_categories_that_travel_as_codes() -> None:
    """Keyed codes score as the names that they stand for."""
    made = make_drift(declared(), REFERENCE, keyed=lambda column, name: f"{column}/{name}")
    batch = events(ROWS, seed=1, plans=False)
    codes = tuple(f"tabular.plan/{name}" for name in PLANS)
    keyed = Column(batch.columns["tabular.plan"].values, codes)
    coded = replace(batch, columns={**batch.columns, "tabular.plan": keyed})
    assert judge(made, [pane(made, coded)])["joint"] == one(batch)["joint"]


def test_a_threshold_of_its_own() -> None:
    """``features.joint`` sets it; the threshold of all subjects does not."""
    batch = events(ROWS, seed=1, numbers=0.0)
    limits = {"drift": {"threshold": 0.05, "features": {"joint": {"threshold": 0.8}}}}
    found = one(batch, monitoring=limits)["joint"]
    assert (found.status, found.threshold) == (Status.OK, 0.8)
    assert one(batch, monitoring={"drift": {"threshold": 0.05}})["joint"].threshold == 0.3


def test_it_can_be_left_out() -> None:
    """``exclude: [joint]`` takes it out of the reference and out of the verdicts."""
    assert "joint" not in one(events(ROWS, seed=1), tabular={"exclude": ["joint"]})
    assert build_reference(events(2_000, 0), declared(tabular={"exclude": ["joint"]})).joint is None


def test_features_that_are_left_out_are_no_part_of_it() -> None:
    """Neither when the reference is measured, nor later: then it says to measure again."""
    without = declared(tabular={"exclude": ["income"]})
    reference = build_reference(events(20_000, seed=0), without)
    assert reference.joint is not None
    assert reference.joint.features == ("tabular.age", "tabular.height", "tabular.plan")
    late = one(events(ROWS, seed=1, numbers=0.0), tabular={"exclude": ["income"]})["joint"]
    assert late.status is Status.INSUFFICIENT
    assert late.reason.startswith("reference: the dependence of features was measured with tabular")
    assert "income, which the component leaves out: build it again" in late.reason


def test_one_feature_alone_depends_on_nothing() -> None:
    """There is no such subject."""
    alone = {"tabular": {"exclude": ["income", "height", "plan"]}}
    reference = build_reference(events(2_000, seed=0), declared(**alone))
    assert reference.joint is None
    assert "joint" not in one(events(ROWS, seed=1), reference, **alone)


def test_a_reference_of_before() -> None:
    """A profile that does not say how features depend on each other says what to do."""
    found = one(events(ROWS, seed=1), replace(REFERENCE, joint=None))
    assert found["joint"].status is Status.INSUFFICIENT
    assert found["joint"].reason.startswith("reference: it does not say how its features depend")
    assert found[""].reason == "not_judged: reference (joint)"


def test_a_profile_keeps_it() -> None:
    """Read back from its profile a reference judges as it did; edited steps are refused."""
    text = profile_text(REFERENCE)
    back = parse_profile(text, "p.json")
    batch = events(ROWS, seed=1, numbers=0.0)
    assert one(batch, back)["joint"] == one(batch)["joint"]
    plain = profile_text(replace(REFERENCE, joint=None))
    assert parse_profile(plain, "p.json").joint is None
    with pytest.raises(ConfigError, match=r"joint\.steps: those of 'tabular.none' fit no bins"):
        parse_profile(text.replace('"features":["tabular.age"', '"features":["tabular.none"'), "p")


def test_a_small_reference() -> None:
    """Under 1,000 rows nothing is judged; the reason says how many there are."""
    small = build_reference(events(999, seed=0), declared())
    assert one(events(ROWS, seed=1), small)["joint"].reason == (
        "reference: it has 999 rows, at least 1000 are needed"
    )


def test_constant_features() -> None:
    """Where fewer than two features vary nothing depends on anything."""
    batch = events(2_000, seed=0)
    same = {name: Column(np.ones(2_000)) for name in batch.columns if name != "tabular.age"}
    reference = build_reference(replace(batch, columns={**batch.columns, **same}), declared())
    found = one(events(ROWS, seed=1), reference)["joint"]
    assert found.reason == "reference: fewer than two of its features vary"


def test_features_that_determine_each_other() -> None:
    """A copy that comes apart is found; while it holds nothing is."""

    def copied(batch: EventBatch) -> EventBatch:
        return replace(
            batch, columns={**batch.columns, "tabular.copy": batch.columns["tabular.age"]}
        )

    reference = build_reference(copied(events(20_000, seed=0)), declared())
    usual = copied(events(ROWS, seed=1))
    assert one(usual, reference)["joint"].status is Status.OK
    apart = changed(usual, "tabular.copy", np.random.default_rng(3).permutation)
    assert one(apart, reference)["joint"].status is Status.BREACH


@pytest.mark.parametrize("rows", [1, 2, 20])
def test_windows_of_few_events(rows: int) -> None:
    """Under 25 effective events it is too small to judge, and no number misleads."""
    found = one(events(rows, seed=1))["joint"]
    assert found.status is Status.INSUFFICIENT
    assert found.reason.startswith("small: the longest window has ")


def test_an_empty_pane() -> None:
    """Without an event nothing old is shown as new."""
    made = detector()
    found = judge(made, [pane(made, events(ROWS, seed=1)), empty_pane(1)])["joint"]
    assert (found.status, found.value) == (Status.INSUFFICIENT, None)
    assert found.reason.startswith("no_events")


def test_missing_columns_and_values() -> None:
    """What is missing scores as the mean: correlations shrink, nothing fails."""
    batch = events(ROWS, seed=1)
    columns = {name: c for name, c in batch.columns.items() if name != "tabular.height"}
    columns["tabular.age"] = Column(np.full(ROWS, np.nan))
    columns["tabular.income"] = Column(np.full(ROWS, np.inf))
    found = one(replace(batch, columns=columns))["joint"]
    assert found.status is Status.OK
    assert found.value == 0.0


def test_a_code_without_a_text() -> None:
    """It is refused, by name of the column."""
    batch = changed(events(ROWS, seed=1), "tabular.plan", lambda codes: codes + 9)
    with pytest.raises(ShapeError, match=r"tabular\.plan"):
        detector().add(batch)


def test_rows_without_order() -> None:
    """A training table is judged with doubt, which is said and paid for."""
    unordered = build_reference(events(20_000, seed=0), declared(baseline={"ordered": False}))
    found = one(events(ROWS, seed=1), unordered, baseline={"ordered": False})["joint"]
    assert found.reason.startswith("independence: assumed")
    assert found.effective_events == pytest.approx(1 / (2 * (1 / ROWS + 1 / 10_000)))


def test_a_feature_of_the_same_name() -> None:
    """A column that is called joint is shown with its modality."""

    def named(batch: EventBatch) -> EventBatch:
        return replace(
            batch, columns={**batch.columns, "tabular.joint": batch.columns["tabular.age"]}
        )

    reference = build_reference(named(events(2_000, seed=0)), declared())
    assert {"joint", "tabular.joint"} <= set(one(named(events(ROWS, seed=1)), reference))
