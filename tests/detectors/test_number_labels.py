"""Numbers as predictions and labels: the join against counting by hand, through restarts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.catalog import make_detectors
from detectors.component_state import ComponentState, Position
from detectors.error_buckets import (
    ERROR_BUCKETS,
    LARGEST,
    LARGEST_BUCKETS,
    SMALLEST,
    UNKNOWN,
    VALUES,
    error_buckets,
)
from governance.component.schema import Component
from governance.event import Column, EventBatch, LabelBatch
from governance.finding import Status
from tests.detectors.log import HOUR, MINUTE, START, Reader, document, ids

LIMITS = {"mean_absolute_error": 1.0, "root_mean_squared_error": 1.0, "mean_error": 0.5}
ODD = [1e300, -1e300, float("inf"), float("nan"), 0.0, -0.0, 5e-324]


def forecaster(*, favourable: bool = False) -> Component:
    """A component whose predictions are numbers, unless outcomes are declared."""
    signals = {"favourable": {"in": ["1"]} if favourable else None, "groups": {}}
    spec = document(signals=signals, labelHorizon="3h", falseAlarmEvery=100)
    if not favourable:
        del spec["spec"]["signals"]["favourable"]
    metrics = [{"name": name, "threshold": limit} for name, limit in LIMITS.items()]
    spec["spec"]["release"] = {"rolloutMetrics": metrics}
    return Component.model_validate(spec)


def reader() -> Reader:
    return Reader(ComponentState(forecaster(), None, make_detectors))


def predictions(at: int, names: list[int], values: list[float]) -> EventBatch:
    columns = {
        "event_id": Column(ids(*names)),
        "time": Column(np.full(len(names), at)),
        "prediction": Column(np.array(values, dtype=np.float64)),
    }
    return EventBatch("v1", len(names), columns)


def truths(names: list[int], values: list[float], *, again: bool = False) -> LabelBatch:
    columns = {
        "event_id": Column(ids(*names)),
        "label": Column(np.array(values, dtype=np.float64)),
        "supersedes": Column(np.full(len(names), again, dtype=np.int8)),
    }
    return LabelBatch(len(names), columns)


def last(log: Reader) -> dict[str, Any]:
    """The last revision of each check's verdict on the first window."""
    own = [f for f in log.findings if f.window.start_us == START // HOUR * HOUR]
    return {f.verdict.check: f.verdict for f in own if f.verdict.check in LIMITS}


def test_a_bucket_is_within_one_per_cent_of_what_it_holds() -> None:
    """Of either sign, and whatever is too large or no number at all has its place."""
    rng = np.random.default_rng(0)
    errors = rng.choice([-1, 1], 20_000) * np.exp(rng.uniform(-20, 27, 20_000))
    assert np.abs(VALUES[error_buckets(errors)] / errors - 1).max() <= 0.01 + 1e-9
    assert error_buckets(np.array([np.nan, np.inf, -np.inf])).tolist() == [UNKNOWN] * 3
    assert VALUES[error_buckets(np.array([0.0, SMALLEST, -SMALLEST]))].tolist() == [0, 0, 0]
    assert tuple(error_buckets(np.array([2 * LARGEST, -1e300])).tolist()) == LARGEST_BUCKETS
    assert ERROR_BUCKETS == len(VALUES) < 2**16 - 1


def test_errors_of_numbers_are_measured() -> None:
    """MAE, RMSE and bias as plain numpy has them, from labels before, after and corrected."""
    rng = np.random.default_rng(1)
    names = list(range(400))
    predicted = rng.normal(100, 10, 400)
    truth = predicted - rng.normal(1.5, 2, 400)
    log = reader()
    log.labels(START, truths(names[:100], truth[:100].tolist()))
    log.events(START + MINUTE, predictions(START, names, predicted.tolist()))
    log.labels(START + 2 * MINUTE, truths(names[100:], (truth[100:] + 50).tolist()))
    log.store()
    log.labels(START + 3 * MINUTE, truths(names[100:], truth[100:].tolist(), again=True))
    log.store()
    log.finish()
    error, verdicts = predicted - truth, last(log)
    expected = {
        "mean_absolute_error": np.abs(error).mean(),
        "root_mean_squared_error": np.sqrt((error**2).mean()),
        "mean_error": abs(error.mean()),
    }
    for check, value in expected.items():
        assert verdicts[check].value == pytest.approx(value, rel=2e-3)
        assert (verdicts[check].status, verdicts[check].labels) == (Status.BREACH, 400)
        assert verdicts[check].lower < verdicts[check].value < verdicts[check].upper
    assert verdicts["mean_error"].raw == pytest.approx(error.mean(), rel=2e-3)
    assert log.state.counts["labels_corrected"] == 300


NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.sampled_from(ODD))
STEP = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["events", "labels", "labels", "again", "store"]),
        "names": st.lists(st.integers(0, 12), min_size=1, max_size=6, unique=True),
        "values": st.lists(NUMBERS, min_size=6, max_size=6),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=20))
def test_the_join_of_numbers_against_a_dictionary(steps: list[dict[str, Any]]) -> None:
    """What a window holds is what each event's newest prediction and final label say, exactly."""
    log, said, labels = reader(), dict[int, float](), dict[int, float]()
    for i, step in enumerate(steps):
        at, names = START + i * 1_000_000, step["names"]
        values = dict(zip(names, step["values"], strict=False))
        if step["kind"] == "events":
            fresh = [name for name in names if name not in said]
            if fresh:
                said |= {name: values[name] for name in fresh}
                log.events(at, predictions(START, fresh, [values[n] for n in fresh]))
        elif step["kind"] == "store":
            log.store()
        else:
            again = step["kind"] == "again"
            log.labels(at, truths(names, list(values.values()), again=again))
            for name, value in values.items():
                if abs(value) < 3e38 and (again or name not in labels):
                    labels[name] = value
    met = [name for name in said if name in labels]
    with np.errstate(over="ignore", invalid="ignore"):
        short = np.array([[said[n], labels[n]] for n in met]).reshape(-1, 2).astype(np.float32)
        buckets = error_buckets(short[:, 0].astype(np.float64) - short[:, 1])
    assert counted(log.state) == np.bincount(buckets, minlength=ERROR_BUCKETS).tolist()


@settings(max_examples=25, deadline=None)
@given(st.lists(STEP, max_size=14))
def test_storing_and_reading_back_changes_no_finding(steps: list[dict[str, Any]]) -> None:
    """Numbers and their errors: the same bytes, wherever the state was written down."""
    plain, stored = reader(), reader()
    for i, step in enumerate(steps):
        at, names, values = START + i * 20 * MINUTE, step["names"], step["values"]
        for log in (plain, stored):
            if step["kind"] == "events":
                log.events(at, predictions(at, names, values[: len(names)]))
            elif step["kind"] != "store":
                again = step["kind"] == "again"
                log.labels(at, truths(names, values[: len(names)], again=again))
        stored.store()
    for log in (plain, stored):
        log.finish()
    assert [f.to_line() for f in plain.findings] == [f.to_line() for f in stored.findings]
    assert plain.state.counts == stored.state.counts


def counted(state: ComponentState) -> list[int]:
    """Labelled events by error, over all panes."""
    total = np.zeros(ERROR_BUCKETS, dtype=np.int64)
    for place in state._memory.places.values():
        place.panes.add_up(place.pane)
        outcomes = place.pane.view().outcomes
        total += outcomes.get("performance.errors", np.zeros_like(total))
    return total.tolist()


def test_labels_of_another_kind_meet_nothing() -> None:
    """When numbers become outcomes, labels of earlier events are orphans, also after a restart."""
    log = reader()
    log.events(START, predictions(START, [1, 2], [1.0, 2.0]))
    log.labels(START, truths([1, 9], [1.0, 1.0]))
    log.state.respecify(forecaster(favourable=True), None, 2)
    specs = {1: log.first, 2: log.state.spec}
    log.store(specs)
    log.labels(START + MINUTE, truths([1, 2], [1.0, 1.0]))
    log.store(specs)
    log.finish()
    counts = log.state.counts
    assert (counts["labels_joined"], counts["labels_orphaned"]) == (1, 3)


def test_texts_are_no_errors() -> None:
    """A label or a prediction that is no number is counted and said."""
    log = reader()
    log.events(START, predictions(START, [1, 2], [1.0, float("nan")]))
    words = LabelBatch(1, {"event_id": Column(ids(1)), "label": Column.encode(["good"])})
    log.state.labels(words, Position(9, START))
    log.labels(START, truths([2], [1.0]))
    log.finish()
    verdict = last(log)["mean_absolute_error"]
    assert log.state.counts["labels_unusable"] == 1
    assert verdict.status is Status.INSUFFICIENT
    assert "no events whose prediction and label are numbers" in verdict.reason
