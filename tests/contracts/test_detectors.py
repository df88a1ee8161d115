"""What every detector of the catalog must keep: arithmetic, purity, and calm about bad input."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.base import Pane, WindowView
from detectors.catalog import FACTORIES, make_detectors
from detectors.points import PointSource
from detectors.reasons import NO_THRESHOLD
from detectors.reference import build_reference
from detectors.stats.rate_change import Track
from governance.algebra.packed import pack, unpack
from governance.algebra.sums import merge, subtract
from governance.component.metrics import FairnessMetric, LimitKind, RateCheck
from governance.event import FINISH_REASONS, Column, ComponentKey, EventBatch
from governance.finding import Finding, Status, Verdict, Window
from tests.detectors.scenes import HOUR_US, VOCABULARY, component, judging, limiting, view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from detectors.base import Detector
    from detectors.reference import Reference
    from detectors.stats.rate_change import Change
    from governance.component.schema import Component

JOBS = ("baker", "clerk", "nurse")
OF_NUMBERS = "performance of numbers"  # another kind of component
DETECTORS = (*FACTORIES, OF_NUMBERS)
SHOWN_ONLY = frozenset({"traffic"})  # judged by no limit
ABOVE = frozenset(check for check in RateCheck if check.value.endswith("_rate"))


def everything(**blocks: Any) -> Component:
    """A component that gives every detector all it can want."""
    limits = {check.value: _limit(check) for check in RateCheck}
    spec: dict[str, Any] = {
        "model": {"name": "scorer", "version": "1", "modality": ["tabular", "text"]},
        "governance": judging(
            thresholds={metric.value: _threshold(metric) for metric in FairnessMetric},
            intersections=[["sex", "race"]],
        ),
        "release": limiting(**limits),
    }
    return component(**(spec | blocks))


def _limit(check: RateCheck) -> float | str:
    """What the traffic of the scene passes once it has moved."""
    if check.kind is LimitKind.SHARE:
        return 0.2 if check in ABOVE else 0.9
    if check.needs_labels:
        return 0.5
    return "40ms" if check.kind is LimitKind.DURATION else 30


def _threshold(metric: FairnessMetric) -> float:
    return 0.8 if metric.value.endswith("_ratio") else 0.1


@cache
def reference(*, of_numbers: bool = False) -> Reference:
    declared = everything(signals={"label": "column:label"}) if of_numbers else everything()
    return build_reference(labelled(traffic(1_500, seed=99)), declared)


@cache
def detector(name: str) -> Detector:
    if name == OF_NUMBERS:
        declared = everything(signals={"label": "column:label"})
        made = FACTORIES["performance"](declared, reference(of_numbers=True))
    else:
        made = FACTORIES[name](everything(), reference())
    assert made is not None
    return made


def traffic(n: int, seed: int = 0, shift: float = 0.0) -> EventBatch:
    """Events with every column; ``shift`` moves what can be moved."""
    rng = np.random.default_rng(seed)
    sex, race = rng.integers(-1, 2, n), rng.integers(-1, 3, n)
    score = rng.beta(2 + 3 * shift, 2, n)
    favourable = np.where(rng.random(n) < 0.02, -1, score - 0.4 * (sex == 1) * shift > 0.5)
    words = rng.poisson(0.2 + 0.1 * shift * (np.arange(512) < 64), (n, 512)).astype(np.uint16)
    words[rng.random(n) < 0.05] = 0  # no text
    return EventBatch(
        "1",
        n,
        {
            "tabular.age": Column(rng.normal(40 + 12 * shift, 9, n)),
            "tabular.job": Column(rng.integers(-1, 3, n).astype(np.int32), JOBS),
            "prediction": Column((favourable == 1).astype(np.int32), ("0", "1")),
            "score": Column(score),
            "favourable": Column(favourable.astype(np.int8)),
            "status_code": Column(rng.choice([200, 404, 503, 0], n).astype(np.int16)),
            "latency_ms": Column(rng.lognormal(3, 1, n)),
            "ttft_ms": Column(rng.lognormal(3, 1, n)),
            "input_tokens": Column(rng.poisson(40, n).astype(np.int32)),
            "output_tokens": Column(rng.integers(-1, 90, n).astype(np.int32)),
            "request_bytes": Column(rng.integers(0, 5_000, n)),
            "response_bytes": Column(rng.integers(0, 5_000, n)),
            "truncated": Column(rng.integers(0, 2, n).astype(np.int8)),
            "undecodable": Column(rng.integers(-1, 2, n).astype(np.int8)),
            "refusal": Column(rng.integers(-1, 2, n).astype(np.int8)),
            "finish_reason": Column(rng.integers(-1, 3, n).astype(np.int32), FINISH_REASONS),
            "group.sex": Column(sex.astype(np.int32), VOCABULARY["sex"]),
            "group.race": Column(race.astype(np.int32), VOCABULARY["race"]),
            "text.response_schema_valid": Column(rng.choice([0.0, 1.0, np.nan], n)),
        },
        vectors={"text": words},
    )


def labelled(events: EventBatch, seed: int = 1) -> EventBatch:
    """The events with labels, right four times out of five, and errors of numbers."""
    rng = np.random.default_rng(seed)
    if "label" in events.columns:
        return events
    unknown = Column(np.full(events.n, -1, np.int8))
    favourable = events.columns.get("favourable", unknown).values == 1
    label = (favourable & (rng.random(events.n) >= 0.2)).astype(np.int8)
    error = rng.standard_t(3, events.n)
    return with_columns(events, label=Column(label), error=Column(error))


def with_columns(events: EventBatch, **columns: Column) -> EventBatch:
    return replace(events, columns={**events.columns, **columns})


def pane(subject: Detector, events: EventBatch, number: int = 0) -> Pane:
    start = number * HOUR_US
    outcomes = subject.add_outcomes(labelled(events))
    return Pane(number, start, start + HOUR_US, events.n, subject.add(events), outcomes)


def full_view(subject: Detector, *, panes: int = 5, shift: float = 1.0) -> WindowView:
    """Panes of which the newest two have moved."""
    moved = [0.0] * (panes - 2) + [shift] * 2
    made = [pane(subject, traffic(600, i, by), i) for i, by in enumerate(moved)]
    return replace(view(made), changes=changed())


@cache
def changed() -> dict[str, Change]:
    """Two calm series, of which the newest point of one is ten times the usual."""
    calm = np.random.default_rng(4).gamma(50.0, size=400)
    tracks = {name: Track("f") for name in ("traffic", "error_rate")}
    changes = {}
    for value in calm.tolist():
        changes = {name: track.append(value) for name, track in tracks.items()}
    return changes | {"traffic": tracks["traffic"].append(500.0)}


def missing(n: int) -> EventBatch:
    """Events of which nothing is known."""
    nothing = {
        "tabular.age": Column(np.full(n, np.nan)),
        "tabular.job": Column(np.full(n, -1, np.int32), ()),
        "prediction": Column(np.full(n, -1, np.int32), ()),
        "score": Column(np.full(n, np.nan)),
        "favourable": Column(np.full(n, -1, np.int8)),
        "status_code": Column(np.full(n, -1, np.int16)),
        "latency_ms": Column(np.full(n, np.nan)),
        "ttft_ms": Column(np.full(n, np.nan)),
        "input_tokens": Column(np.full(n, -1, np.int32)),
        "output_tokens": Column(np.full(n, -1, np.int32)),
        "request_bytes": Column(np.full(n, -1)),
        "response_bytes": Column(np.full(n, -1)),
        "undecodable": Column(np.full(n, -1, np.int8)),
        "refusal": Column(np.full(n, -1, np.int8)),
        "finish_reason": Column(np.full(n, -1, np.int32), ()),
        "weight": Column(np.full(n, np.nan)),
        "group.sex": Column(np.full(n, -1, np.int32), ()),
        "group.race": Column(np.full(n, -1, np.int32), ()),
        "text.response_schema_valid": Column(np.full(n, np.nan)),
    }
    return EventBatch("1", n, nothing, vectors={"text": np.full((n, 512), np.nan)})


def constant(n: int) -> EventBatch:
    """One event, n times."""
    return traffic(1).take(np.zeros(n, dtype=np.intp))


def huge(n: int) -> EventBatch:
    """Numbers at the ends of their types, infinities, impossible weights."""
    ends = np.resize([1.7e308, -1.7e308, np.inf, -np.inf, 5e-324, np.nan], n)
    return with_columns(
        replace(traffic(n), vectors={"text": np.repeat(ends[:, None], 512, axis=1)}),
        **{
            "tabular.age": Column(ends),
            "error": Column(ends),
            "label": Column(np.resize([7, -3, 1, 0], n).astype(np.int8)),
            "score": Column(ends[::-1]),
            "latency_ms": Column(np.roll(ends, 1)),
            "ttft_ms": Column(np.roll(ends, 2)),
            "text.response_schema_valid": Column(np.roll(ends, 3)),
            "input_tokens": Column(np.resize([2**31 - 1, -(2**31), 0], n).astype(np.int32)),
            "output_tokens": Column(np.resize([2**31 - 1, 1], n).astype(np.int32)),
            "request_bytes": Column(np.resize([2**63 - 1, -(2**63), 0], n)),
            "response_bytes": Column(np.full(n, 2**63 - 1)),
            "finish_reason": Column(np.resize([0, 1, 2], n), ("", "\0", "stop" * 99)),
            "status_code": Column(np.resize([32_767, -32_768, 0], n).astype(np.int16)),
            "weight": Column(np.resize([1e308, np.inf, -5.0, 0.0, 10_000.0], n)),
        },
    )


def bare(n: int) -> EventBatch:
    """Events that carry none of the columns, and no vectors."""
    return EventBatch("1", n, {"event_id": Column(np.zeros(n, "V16"))})


ODD_BATCHES: dict[str, Callable[[], EventBatch]] = {
    "empty": lambda: traffic(0),
    "one event": lambda: traffic(1),
    "two events": lambda: traffic(2),
    "all missing": lambda: missing(500),
    "constant": lambda: constant(500),
    "huge values": lambda: huge(500),
    "no columns": lambda: bare(500),
}


def numbers(verdict: Verdict) -> list[float]:
    """Every float of a verdict and of its groups."""
    parts: Sequence[Any] = (verdict, *verdict.groups)
    values = [getattr(part, name) for part in parts for name in type(part).__slots__]
    return [value for value in values if isinstance(value, float)]


def equal(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    return pack(left) == pack(right)


@pytest.mark.parametrize("name", DETECTORS)
def test_sums_are_associative_and_commutative(name: str) -> None:
    """However a batch is split, shuffled and grouped, its sums are the same bytes."""
    subject, events = detector(name), labelled(traffic(2_000))
    events = with_columns(events, weight=Column(np.resize([1.0, 2.5, 9_999.9, 1.1], events.n)))
    parts = np.array_split(np.random.default_rng(7).permutation(events.n), 9)
    for add in (subject.add, subject.add_outcomes):
        pieces = [add(events.take(part)) for part in parts]
        nested = merge([merge(pieces[:4]), merge([*pieces[6:], merge(pieces[4:6])])])
        assert equal(nested, add(events))
        assert equal(merge(reversed(pieces)), add(events))


@pytest.mark.parametrize("name", DETECTORS)
def test_weights_of_one_change_nothing(name: str) -> None:
    """A column of weights 1 gives the same bytes as no column."""
    subject, events = detector(name), labelled(traffic(500))
    weighted = with_columns(events, weight=Column(np.ones(events.n)))
    assert equal(subject.add(weighted), subject.add(events))
    assert equal(subject.add_outcomes(weighted), subject.add_outcomes(events))


@pytest.mark.parametrize("name", DETECTORS)
def test_a_corrected_label_is_minus_one_and_plus_one(name: str) -> None:
    """Taking a wrong label away and adding the right one is as if it had been right at once."""
    subject, events = detector(name), traffic(800)
    right, wrong = labelled(events, seed=1), labelled(events, seed=2)
    corrected = subtract(
        merge([subject.add_outcomes(wrong), subject.add_outcomes(right)]),
        subject.add_outcomes(wrong),
    )
    assert equal(corrected, subject.add_outcomes(right))


@pytest.mark.parametrize("name", DETECTORS)
def test_judging_is_pure(name: str) -> None:
    """Judging twice gives equal verdicts and leaves what it looked at as it was."""
    subject = detector(name)
    looked = full_view(subject)
    before = deepcopy([(p.sums, p.outcomes) for p in looked.panes])
    assert subject.judge(looked) == subject.judge(looked)
    after = [(p.sums, p.outcomes) for p in looked.panes]
    assert all(equal(b[i], a[i]) for b, a in zip(before, after, strict=True) for i in (0, 1))


@pytest.mark.parametrize("name", DETECTORS)
def test_packed_panes_give_the_same_verdicts(name: str) -> None:
    """Verdicts read from packed and unpacked panes are those of the panes themselves."""
    subject = detector(name)
    looked = full_view(subject)
    panes = [
        Pane(
            p.number, p.start_us, p.end_us, p.events, unpack(pack(p.sums)), unpack(pack(p.outcomes))
        )
        for p in looked.panes
    ]
    assert subject.judge(replace(looked, panes=panes)) == subject.judge(looked)


@pytest.mark.parametrize("name", DETECTORS)
def test_order_of_arrival_does_not_matter(name: str) -> None:
    """A pane whose events came in another order, in other batches, gives the same verdicts."""
    subject, events = detector(name), traffic(1_500, shift=1.0)
    whole = pane(subject, events)
    labels = labelled(events)
    order = np.array_split(np.random.default_rng(3).permutation(events.n), 6)
    sums = merge(subject.add(events.take(part)) for part in order)
    outcomes = merge(subject.add_outcomes(labels.take(part)) for part in reversed(order))
    again = Pane(0, 0, HOUR_US, events.n, sums, outcomes)
    assert subject.judge(view([again])) == subject.judge(view([whole]))


@pytest.mark.parametrize("odd", ODD_BATCHES)
@pytest.mark.parametrize("name", DETECTORS)
def test_odd_batches_give_finite_verdicts(name: str, odd: str) -> None:
    """Whatever a pane holds, alone or after usual ones, no number of a verdict is NaN or inf."""
    subject, events = detector(name), ODD_BATCHES[odd]()
    usual = [pane(subject, traffic(300, i), i) for i in range(3)]
    for panes in ([pane(subject, events)], [*usual, pane(subject, events, 3)]):
        for mature in (True, False):
            for verdict in subject.judge(view(panes, labels_mature=mature)):
                assert all(math.isfinite(number) for number in numbers(verdict))


@pytest.mark.parametrize("odd", ODD_BATCHES)
@pytest.mark.parametrize("name", DETECTORS)
def test_points_are_finite_and_lost_panes_have_none(name: str, odd: str) -> None:
    """Whatever a pane holds, its points and their noise are numbers; much loss leaves none."""
    subject = detector(name)
    if not isinstance(subject, PointSource):
        return
    looked = pane(subject, ODD_BATCHES[odd]())
    assert subject.points(replace(looked, lost_share=0.5)) == {}
    for point in subject.points(looked).values():
        noises = [point.noise(level, span) for level in (0.0, point.value, 1e9) for span in (1, 24)]
        assert all(math.isfinite(number) for number in (point.value, *noises))


@pytest.mark.parametrize("name", DETECTORS)
def test_gaps_are_no_evidence(name: str) -> None:
    """A pane without events is never a breach, and panes without events do not disturb others."""
    subject = detector(name)
    gap = Pane(1, HOUR_US, 2 * HOUR_US, 0, {})
    first, last = pane(subject, traffic(600)), pane(subject, traffic(600, 5), 2)
    assert all(v.status is not Status.BREACH for v in subject.judge(view([first, gap])))
    assert len(subject.judge(view([first, gap, last]))) == len(subject.judge(view([first, last])))


@pytest.mark.parametrize("name", DETECTORS)
def test_one_verdict_per_subject(name: str) -> None:
    """No (modality, check, subject, test) comes twice: it would be the same finding."""
    subject = detector(name)
    keys = [(v.modality, v.check, v.subject, v.test) for v in subject.judge(full_view(subject))]
    assert len(keys) == len(set(keys)) > 0


@pytest.mark.parametrize("name", DETECTORS)
def test_insufficient_says_why(name: str) -> None:
    """An insufficient verdict has a reason, and lost telemetry is one."""
    subject = detector(name)
    full = pane(subject, traffic(600))
    lossy = Pane(0, 0, HOUR_US, full.events, full.sums, full.outcomes, lost_share=0.5)
    verdicts = subject.judge(view([lossy]))
    assert all(v.status is Status.INSUFFICIENT and "lost: " in v.reason for v in verdicts)
    for panes in ([lossy], [Pane(0, 0, HOUR_US, 0, {})]):
        for verdict in subject.judge(view(panes)):
            assert verdict.reason or verdict.status is not Status.INSUFFICIENT


@pytest.mark.parametrize("name", DETECTORS)
def test_findings_survive_json(name: str) -> None:
    """Every verdict becomes strict JSON and comes back with the same numbers and words."""
    subject, key = detector(name), ComponentKey("default", "scorer")
    for verdict in subject.judge(full_view(subject)):
        finding = Finding(key, "1", 1, Window("every", 0, 0, HOUR_US), verdict)
        text = json.dumps(finding.to_json(), allow_nan=False)
        back = json.loads(text)
        assert (back["value"], back["lower"], back["upper"]) == (
            verdict.value,
            verdict.lower,
            verdict.upper,
        )
        assert (back["status"], back["reason"]) == (verdict.status.value, verdict.reason)
        assert [g["rate"] for g in back["groups"]] == [g.rate for g in verdict.groups]


@pytest.mark.parametrize("name", DETECTORS)
def test_what_has_moved_is_seen(name: str) -> None:
    """The battery looks at something: every detector raises at least one status in its scene."""
    subject = detector(name)
    if name in SHOWN_ONLY:
        return
    raised = [v for v in subject.judge(full_view(subject)) if v.status in _RAISED]
    assert raised


@pytest.mark.parametrize("name", DETECTORS)
def test_how_texts_are_coded_does_not_matter(name: str) -> None:
    """Another order of a dictionary's entries is the same traffic: the same bytes."""
    subject, events = detector(name), labelled(traffic(700))
    turned = {
        column_name: Column(np.where(column.values < 0, -1, last - column.values), texts[::-1])
        for column_name, column in events.columns.items()
        if (texts := column.dictionary) is not None and not column_name.startswith("group.")
        for last in (len(texts) - 1,)
    }
    other = with_columns(events, **turned)
    assert equal(subject.add(other), subject.add(events))
    assert equal(subject.add_outcomes(other), subject.add_outcomes(events))


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - {"traffic"}))
def test_the_unit_of_weights_does_not_matter(name: str) -> None:
    """Weights of 2 throughout are another sampling probability: values and statuses stay."""
    subject = detector(name)
    panes = [traffic(600, i, by) for i, by in enumerate((0.0, 0.0, 1.0, 1.0))]
    doubled = [with_columns(events, weight=Column(np.full(600, 2.0))) for events in panes]
    once, twice = (
        subject.judge(view([pane(subject, events, i) for i, events in enumerate(scene)]))
        for scene in (panes, doubled)
    )
    for one, other in zip(once, twice, strict=True):
        assert (one.check, one.subject, one.status) == (other.check, other.subject, other.status)
        assert other.value == (None if one.value is None else pytest.approx(one.value, rel=0.02))


WINDOWS, EVENTS = 50, 300
MOST_FALSE = 1  # of 50 windows, where one in 1,000 is promised: two have a chance of .001


@cache
def settled() -> Component:
    """A component whose limits are what its usual traffic shows, each within 3 %."""
    truth: dict[str, float] = {}
    for name in FACTORIES:
        for verdict in detector(name).judge(view([pane(detector(name), traffic(30_000, 77))])):
            if verdict.check in set(RateCheck) and verdict.value is not None:
                truth[verdict.check] = verdict.value
    limits: dict[str, float | str] = {"degradation": 0.05}
    for check in (check for check in RateCheck if check.value in truth):
        falls = check.needs_labels and check.kind is LimitKind.SHARE
        falls = (falls or check.is_estimate) and check not in _ERRORS
        limit = truth[check.value] * (0.97 if falls else 1.03)
        limits[check.value] = f"{limit:.6f}ms" if check.kind is LimitKind.DURATION else limit
    return everything(release=limiting(**limits))


@pytest.mark.parametrize("name", FACTORIES)
def test_usual_traffic_raises_no_alarm(name: str) -> None:
    """Window after window at what is allowed: no more breaches than the family promises."""
    subject = FACTORIES[name](settled(), reference())
    assert subject is not None
    panes = [pane(subject, traffic(EVENTS, 1_000 + i), i) for i in range(WINDOWS)]
    judged = [subject.judge(view(panes[:i])) for i in range(1, WINDOWS + 1)]
    false = sum(any(v.status is Status.BREACH for v in verdicts) for verdicts in judged)
    assert false <= MOST_FALSE
    # Changes are told by a history, which a view of its own does not have: test_changes.py.
    assert name == "rate_change" or any(v.status is Status.OK for v in judged[-1])


_ERRORS = frozenset({RateCheck.BRIER_SCORE, RateCheck.EXPECTED_CALIBRATION_ERROR})


def test_the_catalog_makes_every_detector() -> None:
    """``make_detectors`` makes one of each, and leaves out what a component has no use for."""
    assert len(make_detectors(everything(), reference())) == len(FACTORIES)
    bare_component = component(
        model={"name": "m", "version": "1", "modality": ["text"]}, signals={}
    )
    idle = {"fairness", "performance", "estimates"}  # without outcomes that are declared
    assert len(make_detectors(bare_component, None)) == len(FACTORIES.keys() - idle)


_RAISED = (Status.WARNING, Status.BREACH)


@pytest.mark.parametrize("name", DETECTORS)
def test_what_nobody_limited_says_so(name: str) -> None:
    """An ok verdict without a threshold is shown, not judged: nothing passes by absence."""
    subject = detector(name)
    for verdict in subject.judge(full_view(subject)):
        if verdict.status is Status.OK and verdict.value is not None and verdict.threshold is None:
            assert NO_THRESHOLD in verdict.reason.split("; ")
