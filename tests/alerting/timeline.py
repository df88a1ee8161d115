"""A language of time for alerting: what happens when, and what must be heard by when.

    play(folder, At(5, breach), At(10, breach), Within(10, 11, paged("drift")), Never(resolved()))

The stages are the real ones over a real database: evaluator, watch, courier, Alertmanager poster,
and a receiver on a socket. Only the clock is ours; it goes on minute by minute. What is heard is
what Alertmanager would tell anew: the first post of a firing alert, and the first of its end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from governance.clock import ManualClock, format_instant
from governance.config import AlertingSettings, Settings
from governance.finding import Status, Window
from governance.metrics import Metrics
from governance.service.build import build_alert_worker
from governance.store.checkpoints import Checkpoint, Checkpoints, GenerationRow, RegisterRow
from governance.store.presence import Presence
from tests.alerting.receiver import Answer, Posted, receiver
from tests.alerting.stored import COMPONENT, finding, open_migrated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from governance.service.stores import Store

MINUTE_US = 60_000_000
START_US = 1_767_225_600_000_000  # 2026-01-01
WINDOW_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that people heard."""

    minute: int
    alertname: str
    check: str
    severity: str
    state: str  # firing or resolved

    def __str__(self) -> str:
        return f"{self.minute:4} {self.alertname} {self.check} {self.severity} {self.state}"


Wanted = tuple[str, "Callable[[Heard], bool]"]


@dataclass(frozen=True, slots=True)
class At:
    """Something happens at a minute."""

    minute: int
    happening: Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Within:
    """Heard once or more from minute ``first`` to ``last``, both included."""

    first: int
    last: int
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Never:
    """Not heard from minute ``first`` to ``last``."""

    wanted: Wanted
    first: int = 0
    last: int = 1_000_000


def paged(check: str = "", *, severity: str = "") -> Wanted:
    """An alert begins to be told."""
    return f"paged {check} {severity}", lambda h: _is(h, "firing", check, severity)


def resolved(check: str = "") -> Wanted:
    """An alert's end is told."""
    return f"resolved {check}", lambda h: _is(h, "resolved", check, "")


def every(minutes: range, happening: Callable[[Stage], None]) -> Iterable[At]:
    """The same thing again and again."""
    return [At(minute, happening) for minute in minutes]


class Stage:
    """What the scene stands on."""

    def __init__(self, store: Store, clock: ManualClock, spec: dict[str, Any]) -> None:
        self.store = store
        self._clock = clock
        self._checkpoints = Checkpoints(store.engine)
        self._claim = self._checkpoints.claim(0, "test")
        self._offset = self._claim.next_offset
        model = {"name": "prices", "version": "1", "modality": ["tabular"]}
        document = {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": COMPONENT.name, "namespace": COMPONENT.namespace},
            "spec": {"model": model, **spec},
        }
        self.write(generations=[GenerationRow(COMPONENT, 1, 0, json.dumps(document))])
        self.hear()

    @property
    def minute(self) -> int:
        return (self._clock.now_us() - START_US) // MINUTE_US

    def write(self, **rows: Any) -> None:
        self._offset += 1
        now_us = self._clock.now_us()
        self._checkpoints.commit(self._claim, Checkpoint(self._offset, now_us, **rows))

    def hear(self, *, due_us: int | None = None) -> None:
        """The owner writes down that sources beat."""
        presence = Presence(self._clock.now_us(), beating=True, due_us=due_us)
        self.write(registers=[RegisterRow(COMPONENT, b"-", presence)])

    def judge(self, status: Status, *, revision: int = 0, ago: int = 0, **fields: Any) -> None:
        """A window ends now, or did ``ago`` windows ago; ``fields`` are the verdict's."""
        end_us = self._clock.now_us() - ago * WINDOW_MINUTES * MINUTE_US
        number = end_us // (WINDOW_MINUTES * MINUTE_US) - 1
        made = finding(0, status, revision=revision)
        window = Window("every", number, end_us - WINDOW_MINUTES * MINUTE_US, end_us)
        version = fields.pop("version", "1")
        verdict = replace(made.verdict, **fields)
        self.write(findings=[replace(made, window=window, verdict=verdict, version=version)])


def judged(status: Status, **fields: Any) -> Callable[[Stage], None]:
    """A window is judged; sources beat."""

    def happen(stage: Stage) -> None:
        stage.hear()
        stage.judge(status, **fields)

    return happen


ok, warning, breach = judged(Status.OK), judged(Status.WARNING), judged(Status.BREACH)
insufficient = judged(Status.INSUFFICIENT, value=None)


def beats(stage: Stage) -> None:
    """Sources are heard."""
    stage.hear()


def owes(minute: int) -> Callable[[Stage], None]:
    """Sources beat, and a window that was due at a minute is still open."""

    def happen(stage: Stage) -> None:
        stage.hear(due_us=START_US + minute * MINUTE_US)

    return happen


def goodbye(stage: Stage) -> None:
    """Every source says goodbye."""
    stage.write(registers=[RegisterRow(COMPONENT, b"-", Presence())])


def play(
    folder: Path,
    *script: At | Within | Never,
    minutes: int,
    spec: dict[str, Any] | None = None,
) -> list[Heard]:
    """Play a script and hold it to what it promises; returns all that was heard."""
    clock = ManualClock(START_US)
    posts: list[tuple[int, list[dict[str, Any]]]] = []

    def take(seen: Posted) -> Answer:
        posts.append(((clock.now_us() - START_US) // MINUTE_US, json.loads(seen.body)))
        return Answer(200)

    store = open_migrated(folder)
    happenings = [step for step in script if isinstance(step, At)]
    with receiver(take) as (url, _):
        alerting = AlertingSettings.model_validate({"alertmanager": {"urls": [url]}})
        worker = build_alert_worker(Settings(alerting=alerting), store, clock, Metrics())
        stage = Stage(store, clock, spec or {})
        for minute in range(minutes + 1):
            for step in happenings:
                if step.minute == minute:
                    step.happening(stage)
            while worker.work():
                pass
            clock.advance(MINUTE_US)
    store.engine.dispose()
    heard = list(_told_anew(posts))
    _hold(script, heard)
    return heard


def _told_anew(posts: list[tuple[int, list[dict[str, Any]]]]) -> Iterable[Heard]:
    known: set[tuple[str, ...]] = set()
    for minute, alerts in posts:
        for alert in alerts:
            labels = alert["labels"]
            now = format_instant(START_US + minute * MINUTE_US)
            state = "firing" if alert["endsAt"] > now else "resolved"
            told = (json.dumps(labels, sort_keys=True), alert["startsAt"], state)
            if told not in known:
                known.add(told)
                yield Heard(minute, labels["alertname"], labels["check"], labels["severity"], state)


def _is(heard: Heard, state: str, check: str, severity: str) -> bool:
    return heard.state == state and check in ("", heard.check) and severity in ("", heard.severity)


def _hold(script: Iterable[At | Within | Never], heard: list[Heard]) -> None:
    said = "heard:\n" + "\n".join(map(str, heard))
    for step in script:
        if isinstance(step, At):
            continue
        name, fits = step.wanted
        found = [h for h in heard if fits(h) and step.first <= h.minute <= step.last]
        if isinstance(step, Within) and not found:
            raise AssertionError(f"{name}: not within {step.first} to {step.last}; {said}")
        if isinstance(step, Never) and found:
            raise AssertionError(f"{name}: in minute {found[0].minute}; {said}")


def windows(letters: str, first: int = 1) -> list[At]:
    """Windows of five minutes, one letter each: o ok, w warning, b breach, i insufficient."""
    kinds = {"o": ok, "w": warning, "b": breach, "i": insufficient}
    return [At((first + i) * WINDOW_MINUTES, kinds[letter]) for i, letter in enumerate(letters)]
