"""How often people are paged: 30 days of stationary census traffic, and one real incident.

People of 2015 are drawn again and again, so nothing changes; one component then meets eight hours
of pensioners. Findings are those of the detectors of production, pages those of the lifecycle with
its default rule.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from alerting.evaluate import observations
from alerting.lifecycle import step
from alerting.rule import Rule
from detectors.catalog import make_detectors
from detectors.component_state import ComponentState, Position
from detectors.reference import build_reference
from governance.alert import Alert, AlertKey, AlertState, Severity
from governance.component.schema import Component
from governance.service.demo.census import FEATURES, MODEL_VERSION, People, reference_people
from governance.service.demo.prepare import events_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detectors.reference import Reference

COMPONENTS, DAYS, ROWS = 20, 30, 200
CALM, INCIDENT = 24, 8  # hours
HOUR_US = 3_600_000_000
PENSION = 65


@cache
def component() -> Component:
    """The demo's component with windows of an hour; no limit that its traffic really breaks."""
    categorical = [name for name in FEATURES if name != "AGEP"]
    tabular = {"from": "column:*", "categorical": categorical}
    spec = {
        "model": {"name": "census", "version": MODEL_VERSION, "modality": ["tabular"]},
        "governance": {"dataPrivacy": {"level": "open"}},
        "signals": {"favourable": {"in": ["1"]}, "features": {"tabular": tabular}},
        "baseline": {"coversRhythm": True},
        "monitoring": {"windows": {"every": "1h"}},
    }
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "census"},
            "spec": spec,
        }
    )


@cache
def reference() -> Reference:
    """2015, drawn in an order of its own: people of a real survey come in blocks."""
    rng = np.random.default_rng(2015)
    return build_reference(events_of(drawn(rng, len(reference_people()))), component())


def drawn(rng: np.random.Generator, n: int, *, pensioners: bool = False) -> People:
    """People of 2015, with replacement; their instants do not matter."""
    people = reference_people()
    rows: NDArray[np.int64] = np.arange(len(people))
    if pensioners:
        rows = np.flatnonzero(people.features["AGEP"] >= PENSION)
    picked = rng.choice(rows, n)
    features = {name: column[picked] for name, column in people.features.items()}
    return People(features, people.employed[picked], np.arange(n, dtype=np.int64))


def hours(number: int) -> Iterator[People]:
    """A component's traffic: 30 days of nothing; the first one then has its incident."""
    rng = np.random.default_rng(number)
    for _ in range(DAYS * 24):
        yield drawn(rng, ROWS)
    if number == 0:
        for hour in range(INCIDENT + CALM):
            yield drawn(rng, ROWS, pensioners=hour < INCIDENT)


def told(number: int) -> list[tuple[int, str, str]]:
    """(hour, check, state) of every alert that pages, and of its end."""
    state = ComponentState(component(), reference(), make_detectors)
    alerts: dict[AlertKey, Alert] = {}
    heard = []
    for hour, people in enumerate(hours(number)):
        batch = events_of(people)
        instants = hour * HOUR_US + np.arange(batch.n, dtype=np.int64) * (HOUR_US // batch.n)
        batch.columns["time"].values[:] = instants
        at = Position(hour, (hour + 1) * HOUR_US - 1)
        found = state.events(batch, at) + state.advance((hour + 1) * HOUR_US + HOUR_US // 2)
        for key, seen in observations([finding.to_json() for finding in found]):
            alerts[key], decision = step(alerts.get(key, Alert(key)), seen, Rule(), hour)
            pages = decision.severity is Severity.BREACH and decision.changed
            if pages and decision.after in (AlertState.FIRING, AlertState.RESOLVED):
                heard.append((seen.window, key.check, decision.after.value))
    return heard


def peers(number: int) -> Counter[str]:
    """In how many of the same windows the default rules of others would have told somebody.

    Written anew from their documentation: Evidently 0.7 tests a number by Kolmogorov-Smirnov, a
    category by chi-square (p < 0.05, reference of at most 1,000 rows) and calls a data set drifted
    where half of the columns are; TrustyAI's mean shift is a t-test of each column (p < 0.05).
    """
    rng = np.random.default_rng(1_000 + number)
    known, found = drawn(rng, 1_000), Counter[str]()
    for people in hours(number + 1):
        tests = [_ps(known.features[n], people.features[n], number=n == "AGEP") for n in FEATURES]
        columns = np.array([p < 0.05 for p, _ in tests])
        found["Evidently, a column"] += bool(columns.any())
        found["Evidently, half of the columns"] += bool(columns.mean() >= 0.5)
        found["TrustyAI, a column"] += any(shift < 0.05 for _, shift in tests)
    return found


def _ps(known: NDArray[Any], seen: NDArray[Any], *, number: bool) -> tuple[float, float]:
    shift = 1.0 if np.ptp(seen) == 0 else float(stats.ttest_ind(known, seen).pvalue)
    if number:
        return float(stats.ks_2samp(known, seen).pvalue), shift
    codes = np.union1d(known, seen)
    table = np.array([[np.sum(side == code) for code in codes] for side in (known, seen)])
    if table.shape[1] < 2:
        return 1.0, shift
    return float(stats.chi2_contingency(table).pvalue), shift


@pytest.mark.slow
def test_a_month_of_nothing_pages_at_most_once(capsys: pytest.CaptureFixture[str]) -> None:
    """20 components, 30 days, 200 events an hour: at most one false page; the incident is told."""
    heard = {number: told(number) for number in range(COMPONENTS)}
    begins = DAYS * 24
    false = [one for told_of in heard.values() for one in told_of if one[0] < begins]
    real = [one for one in heard[0] if one[0] >= begins]
    others = peers(1)
    pages = sum(state == "firing" for _, _, state in false)
    lines = [f"| rule | pages a component and month, windows of {ROWS} |", "| --- | ---: |"]
    lines += [f"| Evenhand | {pages / COMPONENTS:.2f} |"]
    lines += [f"| {name} | {windows} |" for name, windows in others.items()]
    lines += ["", f"incident from hour {begins} to {begins + INCIDENT}: {real}"]
    with capsys.disabled():
        sys.stdout.write("\n\n" + "\n".join(lines) + "\n")
    assert pages <= 1
    firing = [(hour, check) for hour, check, state in real if state == "firing"]
    assert [check for _, check in firing].count("drift") == 1
    assert min(hour for hour, _ in firing) <= begins + 1
    assert [state for _, check, state in real if check == "drift"] == ["firing", "resolved"]
