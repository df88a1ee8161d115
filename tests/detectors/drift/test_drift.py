from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.drift.detector import make_drift
from detectors.reference import Reference, build_reference
from governance.algebra.sums import merge
from governance.errors import ShapeError
from governance.event import Column, EventBatch
from governance.finding import Status, Verdict
from tests.detectors.scenes import component, empty_pane, pane, view

if TYPE_CHECKING:
    from detectors.base import Detector, Pane
    from governance.component.schema import Component

WINDOWS: dict[str, Any] = {"windows": {"events": 500}}
SIGNALS = {"favourable": {"in": ["1"]}, "prediction": "column:prediction"}


def events(n: int, seed: int, *, shift: float = 0.0, new: float = 0.0, gone: float = 0.0) -> Any:
    """Events: ``age`` moved by ``shift`` sd, a share of new plans, a share of missing ages."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40 + 12 * shift, 12, n)
    age[rng.random(n) < gone] = np.nan
    plan = rng.choice(["basic", "plus", "pro"], n, p=[0.6, 0.3, 0.1]).astype(object)
    plan[rng.random(n) < new] = "trial"
    columns = {
        "tabular.age": Column(age),
        "tabular.plan": Column.encode(plan.tolist()),
        "prediction": Column.encode(rng.choice(["0", "1"], n).tolist()),
        "score": Column(rng.random(n)),
    }
    return EventBatch("1", n, columns)


def declared(**blocks: Any) -> Component:
    monitoring = WINDOWS | blocks.pop("monitoring", {})
    baseline = {"ordered": True} | blocks.pop("baseline", {})
    return component(
        **({"signals": SIGNALS} | blocks | {"monitoring": monitoring, "baseline": baseline})
    )


REFERENCE = build_reference(events(20_000, seed=0), declared())


def detector(reference: Reference | None = REFERENCE, **blocks: Any) -> Detector:
    made = make_drift(declared(**blocks), reference)
    assert made is not None
    return made


def judge(made: Detector, panes: list[Pane]) -> dict[tuple[str, str], Verdict]:
    verdicts = made.judge(view(panes))
    found = {(verdict.check, verdict.subject): verdict for verdict in verdicts}
    assert len(found) == len(verdicts)
    return found


def one(batch: EventBatch, reference: Reference | None = REFERENCE, **blocks: Any) -> Any:
    """The verdicts on one pane."""
    made = detector(reference, **blocks)
    return judge(made, [pane(made, batch)])


def test_every_subject_has_one_verdict() -> None:
    """The component, every feature and output, all features together, and the quality of each."""
    subjects = ["age", "plan", "prediction", "score"]
    expected = [("drift", s) for s in ["", *subjects, "joint"]]
    expected += [("data_quality", s) for s in subjects]
    assert list(one(events(500, seed=1))) == expected


def test_nothing_changed() -> None:
    """Usual traffic is ok, for the component and every subject, with value and interval."""
    found = one(events(500, seed=1))
    assert {verdict.status for verdict in found.values()} == {Status.OK}
    age = found["drift", "age"]
    assert (age.test, age.threshold, age.modality, age.panes, age.events) == (
        "wasserstein",
        0.1,
        "tabular",
        1,
        500,
    )
    assert 0 <= age.lower <= age.value < age.upper
    assert age.evidence_bar == pytest.approx(math.log10(1_000 * 5))


def test_a_moved_number_is_found() -> None:
    """A shift of half a standard deviation breaches, and is told in words."""
    found = one(events(500, seed=1, shift=0.5))
    age, whole = found["drift", "age"], found["drift", ""]
    assert (age.status, whole.status) == (Status.BREACH, Status.BREACH)
    assert age.value == pytest.approx(0.5, abs=0.1)
    assert age.evidence > age.evidence_bar
    assert age.reason.startswith("changed: above ")
    assert whole.reason == age.reason.replace("changed: ", "changed: age: ")
    assert (whole.value, whole.evidence, whole.threshold) == (None, None, None)
    assert found["drift", "plan"].status is Status.OK


def test_a_new_category_is_found() -> None:
    """Categories that the reference never saw are told as unseen."""
    plan = one(events(500, seed=1, new=0.2))["drift", "plan"]
    assert (plan.status, plan.test) == (Status.BREACH, "jensenshannon")
    assert plan.reason.startswith("changed: unseen categories rose from 0.0 % to 2")


def test_missing_values_are_data_quality() -> None:
    """A share of missing values breaches data quality, not the drift of the numbers."""
    found = one(events(500, seed=1, gone=0.3))
    quality = found["data_quality", "age"]
    assert (quality.status, quality.test) == (Status.BREACH, "missing_share")
    assert quality.value == pytest.approx(0.3, abs=0.05)
    assert quality.reason.startswith("changed: missing values rose from 0.0 % to ")
    assert found["drift", "age"].status is Status.OK


def test_text_among_numbers_is_data_quality() -> None:
    """Words in a numeric column are non-finite values; the worse share speaks."""
    batch = events(500, seed=1)
    words = Column.encode([*["oops"] * 100, *["40"] * 400])
    batch = replace(batch, columns={**batch.columns, "tabular.age": words})
    quality = one(batch)["data_quality", "age"]
    assert (quality.status, quality.test) == (Status.BREACH, "non_finite_share")


def test_a_column_that_does_not_come_is_missing() -> None:
    """A batch without a column counts as missing values of all its events."""
    batch = events(500, seed=1)
    rest = {name: column for name, column in batch.columns.items() if name != "tabular.age"}
    found = one(replace(batch, columns=rest))
    assert found["data_quality", "age"].value == pytest.approx(1, abs=0.01)
    assert found["drift", "age"].reason.startswith("small: no window can be read yet")
    assert found["drift", ""].reason == "not_judged: small (age)"
    assert found["drift", ""].status is Status.OK


def test_codes_without_a_text_are_an_error() -> None:
    """A dictionary column whose codes do not fit is refused, by name of the column."""
    batch = events(500, seed=1)
    wrong = Column(np.full(500, 7, dtype=np.int32), ("basic",))
    batch = replace(batch, columns={**batch.columns, "tabular.plan": wrong})
    with pytest.raises(ShapeError, match=r"'tabular\.plan': a column holds code 7"):
        detector().add(batch)


def test_unknown_columns_change_nothing() -> None:
    """A feature that the reference does not know is named, with what to do, and not compared."""
    batch = events(500, seed=1)
    more = {**batch.columns, "tabular.shoe": Column(np.zeros(500))}
    found, plain = one(replace(batch, columns=more)), one(batch)
    assert found["drift", ""].reason == (
        "not_compared: shoe (500 events), which the reference lacks: measure it again with "
        "`evenhand baseline`, or exclude it in spec.signals.features.tabular"
    )
    assert {k: v for k, v in found.items() if k[1]} == {k: v for k, v in plain.items() if k[1]}


def test_unknown_columns_that_are_excluded() -> None:
    """Who leaves a feature out is not told about it."""
    features = {"tabular": {"from": "column:*", "exclude": ["shoe"]}}
    batch = events(500, seed=1)
    more = {**batch.columns, "tabular.shoe": Column(np.zeros(500))}
    found = one(replace(batch, columns=more), signals=SIGNALS | {"features": features})
    assert found["drift", ""].reason == ""


def test_many_unknown_columns() -> None:
    """What is remembered of a batch is bounded, and what is said; events add up over batches."""
    batch = events(500, seed=1)
    more = {f"tabular.x{i}": Column(np.zeros(500)) for i in range(2_000)}
    wide = replace(batch, columns={**batch.columns, **more})
    assert len(detector().add(wide)) <= len(detector().add(batch)) + 16
    made = detector()
    both = merge([made.add(wide), made.add(wide)])
    found = judge(made, [replace(pane(made, batch), sums=both)])["drift", ""].reason
    assert found.count("(1000 events)") == 8
    assert ", 8 more, which the reference lacks" in found


def test_batches_add_up() -> None:
    """A pane of many batches equals one batch of all of its events, in any order."""
    made, batch = detector(), events(900, seed=3)
    parts = [made.add(batch.take(np.arange(start, 900, 3))) for start in (2, 0, 1)]
    whole = made.add(batch)
    assert {name: array.tolist() for name, array in merge(parts).items()} == {
        name: array.tolist() for name, array in whole.items()
    }


def test_equal_weights_change_nothing_but_counts() -> None:
    """Events that all stand for four others weigh as much evidence as if each were alone."""
    batch = events(500, seed=1, shift=0.5)
    weighted = {**batch.columns, "weight": Column(np.full(500, 4.0))}
    plain, sampled = one(batch), one(replace(batch, columns=weighted))
    assert sampled["drift", "age"].value == pytest.approx(plain["drift", "age"].value)
    assert sampled["drift", "age"].effective_events == pytest.approx(
        plain["drift", "age"].effective_events
    )


def test_no_reference() -> None:
    """Without a reference there is exactly one finding, which says what to do."""
    ((key, verdict),) = one(events(500, seed=1), reference=None).items()
    assert key == ("drift", "")
    assert (verdict.status, verdict.modality) == (Status.INSUFFICIENT, "tabular")
    assert verdict.reason.startswith("no reference: build one")


def test_a_modality_that_the_reference_does_not_hold() -> None:
    """A component that reads text alone is told that its reference is of tables."""
    model = {"name": "m", "version": "1", "modality": ["text"]}
    tables = replace(REFERENCE, outputs={})
    found = one(events(500, seed=1), reference=tables, model=model, signals={})
    whole = found["drift", ""]
    assert (whole.modality, whole.status) == ("text", Status.INSUFFICIENT)
    assert whole.reason == (
        "reference: it holds no feature that the component watches; not_declared: tabular "
        "(500 events), which spec.model.modality does not list"
    )


def test_outputs_of_another_version() -> None:
    """A new version is judged on inputs at once; its outputs wait for a reference."""
    found = one(events(500, seed=1), reference=REFERENCE.for_version("2"))
    prediction = found["drift", "prediction"]
    assert prediction.status is Status.INSUFFICIENT
    assert prediction.reason.startswith("reference_building: 0/1000 events: the outputs of ver")
    assert found["drift", "age"].status is Status.OK
    assert found["drift", ""].reason == "not_judged: reference_building (prediction, score)"


def test_a_version_without_inputs_to_compare() -> None:
    """Where nothing at all can be compared the component says why."""
    outputs_only = replace(REFERENCE, inputs={})
    found = one(events(500, seed=1), reference=outputs_only.for_version("2"))
    assert list(found) == [("drift", s) for s in ("", "prediction", "score")]
    assert found["drift", ""].reason.startswith("reference_building: 0/1000")


def test_an_empty_pane() -> None:
    """Without an event everything is insufficient and nothing old is shown as new."""
    made = detector()
    found = judge(made, [pane(made, events(500, seed=1)), empty_pane(1)])
    assert {v.status for v in found.values()} == {Status.INSUFFICIENT}
    assert {v.reason.partition(":")[0] for v in found.values()} == {"no_events"}
    assert {v.value for v in found.values()} == {None}


def test_lost_telemetry() -> None:
    """Above maxLoss nothing is judged, and the share is told."""
    made = detector()
    found = judge(made, [pane(made, events(500, seed=1, shift=1), lost_share=0.06)])
    assert found["drift", ""].status is Status.INSUFFICIENT
    assert found["drift", "age"].reason.startswith("lost: 0.06 of")


def test_few_events() -> None:
    """A handful of events is too small to judge, and says how small."""
    reason = one(events(15, seed=1))["drift", "plan"].reason
    assert reason.startswith("small: the longest window has 1")


def test_small_panes_add_up() -> None:
    """Panes that are too small alone are judged over a longer window."""
    made = detector()
    panes = [pane(made, events(20, seed=k), number=k) for k in range(8)]
    assert judge(made, panes[:1])["drift", "age"].status is Status.INSUFFICIENT
    assert judge(made, panes)["drift", "age"].status is Status.OK


def test_a_small_reference() -> None:
    """Under 1,000 rows nothing is judged, and the reason says how many are needed."""
    small = build_reference(events(900, seed=0), declared())
    found = one(events(500, seed=1, shift=2), reference=small)
    assert found["drift", "age"].status is Status.INSUFFICIENT
    assert found["drift", "age"].reason == "reference: it has 900 rows, at least 1000 are needed"


def test_a_reference_that_was_cut_otherwise() -> None:
    """A profile for other windows is not used; the reason names both and the remedy."""
    reason = one(events(500, seed=1), monitoring={"windows": {"every": "1h"}})["drift", ""].reason
    assert "cut for windows of events: 500, the component declares every: 1h" in reason


def test_rows_without_order() -> None:
    """A training table is judged with doubt: independence is assumed, and said."""
    unordered = build_reference(events(20_000, seed=0), declared(baseline={"ordered": False}))
    found = one(events(500, seed=1), reference=unordered)
    assert found["drift", "age"].reason.startswith("independence: assumed")
    assert found["drift", "age"].effective_events == pytest.approx(1 / (2 * (1 / 500 + 1 / 20_000)))


@pytest.mark.parametrize(("covers", "status"), [(False, Status.WARNING), (True, Status.BREACH)])
def test_a_reference_of_three_days(covers: bool, status: Status) -> None:  # noqa: FBT001 - a table
    """Shorter than a week it can only warn, unless it is said to cover the rhythm."""
    rows = events(20_000, seed=0)
    times = Column(np.linspace(0, 3 * 86_400e6, 20_000).astype(np.int64))
    short = build_reference(replace(rows, columns={**rows.columns, "time": times}), declared())
    baseline = {"coversRhythm": covers}
    age = one(events(500, seed=1, shift=1), reference=short, baseline=baseline)["drift", "age"]
    assert age.status is status
    assert ("capped: the reference spans 3.0 days" in age.reason) == (not covers)


@pytest.mark.parametrize("test", ["psi", "jensenshannon", "wasserstein", "ks"])
def test_declared_statistic_and_threshold(test: str) -> None:
    """Each feature can have its own statistic and threshold."""
    drift = {"features": {"age": {"test": test, "threshold": 0.3}}}
    age = one(events(500, seed=1, shift=2), monitoring={"drift": drift})["drift", "age"]
    assert (age.test, age.threshold, age.status) == (test, 0.3, Status.BREACH)


def test_a_distance_between_categories() -> None:
    """A statistic for numbers on a category is not judged; the reason names the ones that fit."""
    drift = {"features": {"plan": {"test": "ks"}}}
    plan = one(events(500, seed=1), monitoring={"drift": drift})["drift", "plan"]
    assert plan.status is Status.INSUFFICIENT
    assert plan.reason.endswith("ks needs numbers: declare psi or jensenshannon")


@pytest.mark.parametrize("kind", ["constant", "missing", "infinite"])
def test_degenerate_features(kind: str) -> None:
    """Constant, missing and infinite features give verdicts without a NaN."""
    value = {"constant": 5.0, "missing": np.nan, "infinite": np.inf}[kind]

    def with_odd(batch: EventBatch) -> EventBatch:
        odd = {"tabular.odd": Column(np.full(batch.n, value))}
        return replace(batch, columns={**batch.columns, **odd})

    reference = build_reference(with_odd(events(20_000, seed=0)), declared())
    odd = one(with_odd(events(500, seed=1)), reference=reference)["drift", "odd"]
    if kind == "constant":
        assert (odd.status, odd.test) == (Status.OK, "jensenshannon")
    else:
        assert odd.reason == "reference: it holds no finite value"
    assert not any(isinstance(x, float) and math.isnan(x) for x in (odd.value, odd.upper))


def test_excluded_features_are_not_judged() -> None:
    """A feature that the component leaves out later is not judged any more."""
    features = {"tabular": {"from": "column:*", "exclude": ["age"]}}
    found = one(events(500, seed=1), signals=SIGNALS | {"features": features})
    assert ("drift", "age") not in found


def test_keyed_codes_are_counted_and_not_named() -> None:
    """Categories that travel as codes are known, and the words do not give their names away."""
    made = make_drift(declared(), REFERENCE, keyed=lambda column, name: f"{column}|{name}")
    assert made is not None
    batch = events(500, seed=1)
    plan = batch.columns["tabular.plan"]
    texts = tuple(f"tabular.plan|{name}" for name in plan.dictionary or ())
    coded = replace(batch, columns={**batch.columns, "tabular.plan": Column(plan.values, texts)})
    assert judge(made, [pane(made, coded)])["drift", "plan"].status is Status.OK
    pro = Column.encode(["tabular.plan|pro"] * 500)
    moved = replace(batch, columns={**batch.columns, "tabular.plan": pro})
    reason = judge(made, [pane(made, moved)])["drift", "plan"].reason
    assert reason.startswith("changed: category 3 of 3 by reference share rose from 10 % to 100 %")
    assert "pro" not in reason


def test_a_feature_that_is_called_prediction() -> None:
    """A feature with the name of an output keeps its prefix, so that findings do not collide."""

    def twice(batch: EventBatch) -> EventBatch:
        same = {"tabular.prediction": batch.columns["prediction"]}
        return replace(batch, columns={**batch.columns, **same})

    reference = build_reference(twice(events(20_000, seed=0)), declared())
    found = one(twice(events(500, seed=1)), reference=reference)
    assert {("drift", "prediction"), ("drift", "tabular.prediction")} <= set(found)


def test_slide_needs_a_whole_window() -> None:
    """With slide the first window is judged when all of its panes are there."""
    windows = {"windows": {"every": "2h", "slide": "1h"}}
    rows = events(20_000, seed=0)
    times = Column(np.arange(20_000) * 7_200_000)  # 500 an hour
    reference = build_reference(
        replace(rows, columns={**rows.columns, "time": times}), declared(monitoring=windows)
    )
    made = detector(reference, monitoring=windows, baseline={"coversRhythm": True})
    panes = [pane(made, events(500, seed=k), number=k) for k in range(2)]
    assert judge(made, panes[:1])["drift", "age"].reason.startswith("small: no window can be read")
    assert judge(made, panes)["drift", "age"].panes == 2


def test_panes_of_another_reference_are_not_read() -> None:
    """Counts that were made for other bins are no events of this reference."""
    other = build_reference(events(5_000, seed=9), declared())
    old, new = detector(other), detector()
    assert judge(new, [pane(old, events(500, seed=1))])["drift", "age"].reason.startswith("no_ev")


def test_verdicts_repeat() -> None:
    """Judging the same panes again gives the same verdicts, byte for byte."""
    made = detector()
    panes = [pane(made, events(100, seed=k), number=k) for k in range(5)]
    assert made.judge(view(panes)) == detector().judge(view(panes))
