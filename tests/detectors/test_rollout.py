"""Totals since a version's first window: of everything, and a function of the log alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.component_state import ComponentState
from detectors.fairness.family import make_fairness
from detectors.fairness.since_rollout import SUFFIX
from detectors.rollout import Rollout
from governance.finding import Status, Verdict
from tests.detectors.log import (
    HOUR,
    MINUTE,
    SECOND,
    START,
    Reader,
    Tally,
    component,
    events,
    labels,
)
from tests.detectors.scenes import component as judged_component
from tests.detectors.scenes import judging
from tests.detectors.test_log_function import RECORD, SPECS, _feed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.base import Detector, WindowView
    from detectors.reference import Reference
    from governance.component.schema import Component
    from governance.event import EventBatch
    from governance.finding import Finding

PARITY = "demographic_parity_difference"
OPPORTUNITY = "equal_opportunity_difference"


@dataclass(frozen=True)
class Total(Tally):
    """Says what it was told of all windows since rollout."""

    lasting: str = ""

    def judge(self, view: WindowView) -> list[Verdict]:
        total = view.since_rollout
        verdicts = super().judge(view)
        if total is None:
            return verdicts
        n, known = (
            int(sums.get(name, np.zeros(1))[0])
            for sums, name in ((total.sums, "n"), (total.outcomes, "labels"))
        )
        said = f"{total.start_us} {total.panes} {total.mature} {total.events}"
        return [*verdicts, Verdict("all", "", Status.OK, said, value=float(n), labels=known)]


def make_total(component: Component, reference: Reference | None) -> tuple[Detector, ...]:  # noqa: ARG001
    return (Total(),)


def reader(**monitoring: Any) -> Reader:
    return Reader(ComponentState(component(**monitoring), None, make_total))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(RECORD, max_size=30),
    st.sampled_from(sorted(SPECS)),
    st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_storing_and_reading_back_changes_no_total(
    records: list[dict[str, Any]], name: str, stores: list[bool]
) -> None:
    """Totals are the same, byte for byte, wherever the state was written down."""
    plain, stored = reader(**SPECS[name]), reader(**SPECS[name])
    specs = {1: stored.state.spec}
    at = START
    for record, store in zip(records, stores, strict=False):
        at += record["after"]
        for log in (plain, stored):
            _feed(log, at, record, name)
        specs[stored.state.spec.generation] = stored.state.spec
        if store:
            stored.store(specs)
    plain.finish()
    stored.finish()
    assert _bytes(plain.findings) == _bytes(stored.findings)


def test_totals_are_of_all_windows_far_beyond_the_ladder() -> None:
    """After 200 windows the total is the sum over all, though panes are kept for 64."""
    log = reader(windows={"events": 5}, labelHorizon="0s", lateness="1m")
    for number in range(200):
        at = START + number * MINUTE
        log.events(at, events([at + i for i in range(5)]))
    seen = [f.verdict.events for f in log.findings if f.verdict.check == "seen"]
    totals = [f.verdict.value for f in log.findings if f.verdict.check == "all"]
    assert totals == np.cumsum(seen).tolist()
    assert totals[-1] == 1_000
    assert len(log.state._memory.places) < 80


def test_labels_count_when_their_window_has_had_them_all() -> None:
    """Labels of a window join the total at its horizon; a corrected one counts once."""
    log = reader(windows={"every": "1h"}, labelHorizon="3h", lateness="1m")
    log.events(START + MINUTE, events([START + i * SECOND for i in range(8)], range(8)))
    log.labels(START + HOUR // 2, labels(range(8), [1] * 8))
    log.labels(START + HOUR // 2 + 1, labels([0, 1], [0, 0], again=True))
    log.advance(START + 2 * HOUR)
    assert _last(log).labels == 0
    for hour in range(2, 7):
        log.events(START + hour * HOUR, events([START + hour * HOUR], [f"late {hour}"]))
    log.advance(START + 8 * HOUR)
    last = _last(log)
    assert (last.labels, last.value) == (8, 13.0)


def test_only_the_newest_window_carries_totals() -> None:
    """A revision of an older window says nothing of all windows: it would be of later ones."""
    log = reader(windows={"events": 5}, labelHorizon="5h", lateness="1m")
    for number in range(3):
        at = START + number * MINUTE
        log.events(at, events([at + i for i in range(5)], [f"{number} {i}" for i in range(5)]))
    before = len(log.findings)
    log.labels(START + 4 * MINUTE, labels([f"0 {i}" for i in range(5)], [1] * 5))
    log.events(START + 5 * MINUTE, events([START + 5 * MINUTE + i for i in range(5)]))
    revised = [f for f in log.findings[before:] if f.window.number == 0]
    assert revised
    assert "all" not in {f.verdict.check for f in revised}


def test_a_new_question_begins_anew() -> None:
    """Totals of arrays that were not always asked for start with the first pane that has them."""
    names = Rollout(("fairness.",), frozenset({"a", "b"}), start_us=5, panes=3)
    assert names.followed_by(Rollout(("fairness.",), frozenset({"a"}))).panes == 3
    assert names.followed_by(Rollout(("fairness.",), frozenset({"a", "c"}))).panes == 0
    assert names.followed_by(Rollout()).panes == 0


def test_a_register_without_totals_is_read() -> None:
    """A state that was written before there were totals begins them where it is read back."""
    log = reader(windows={"events": 5}, labelHorizon="0s")
    log.events(START, events([START + i for i in range(5)]))
    rows = log.state.changed_rows()
    register = msgspec.msgpack.decode(rows.register)
    for era in register["eras"]:
        era[-1] = [version[:6] for version in era[-1]]
    old = type(rows)(msgspec.msgpack.encode(register), rows.panes, rows.segments)
    again = ComponentState.restore(old, {1: log.state.spec})
    assert again.spec.generation == 1


def fair(favourable: Sequence[float], *, runs: int = 1) -> list[Finding]:
    """Findings of hourly windows, 40 women and men an hour, at these rates of selection."""
    declared = judged_component(
        governance=judging(thresholds={PARITY: 0.1, OPPORTUNITY: 0.1}, groups=["sex"]),
        monitoring={"windows": {"events": 80}, "labelHorizon": "0s"},
    )
    state = ComponentState(declared, None, _fairness_alone)
    log = Reader(state)
    rng = np.random.default_rng(6)
    for number in range(runs):
        at = START + number * MINUTE
        log.events(at, _people(rng, at, favourable))
    return log.findings


def test_fairness_since_rollout_is_a_check_of_its_own() -> None:
    """Value, bounds and groups of all windows; never judged, whatever it shows."""
    findings = fair((0.2, 0.6), runs=100)
    last = {f.verdict.check: f.verdict for f in findings}
    report = last[PARITY + SUFFIX]
    assert (report.status, report.threshold, report.panes) == (Status.OK, None, 100)
    assert sum(g.events for g in report.groups) == report.events == 8_000
    assert (report.lower or 0) < 0.4 < (report.upper or 0)
    assert "since 2023-11-14T22:00:00Z: 100 windows" in report.reason
    assert last[PARITY].panes <= 64


def test_since_rollout_waits_for_labels() -> None:
    """Label-based metrics say that no window has had its labels, until one has."""
    findings = fair((0.5, 0.5), runs=2)
    last = {f.verdict.check: f.verdict for f in findings}
    report = last[OPPORTUNITY + SUFFIX]
    assert report.status is Status.INSUFFICIENT
    assert report.reason.startswith(("groups_too_small", "labels_awaited"))


def _fairness_alone(component: Component, reference: Reference | None) -> tuple[Detector, ...]:
    detector = make_fairness(component, reference)
    return () if detector is None else (detector,)


def _people(rng: np.random.Generator, at: int, favourable: Sequence[float]) -> EventBatch:
    batch = events([at + i for i in range(80)])
    sex = np.arange(80) % 2
    chosen = rng.random(80) < np.array(favourable)[sex]
    columns = dict(batch.columns)
    columns["favourable"] = type(columns["time"])(chosen.astype(np.int8))
    columns["group.sex"] = type(columns["time"])(sex.astype(np.int32), ("female", "male"))
    return type(batch)(batch.version, batch.n, columns)


def _last(log: Reader) -> Verdict:
    return next(f.verdict for f in reversed(log.findings) if f.verdict.check == "all")


def _bytes(findings: list[Finding]) -> list[bytes]:
    return [msgspec.json.encode(finding.to_json()) for finding in findings]
