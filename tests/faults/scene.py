"""The scene of a fault: a broker, a database server, traffic, and two groups of workers.

Group ``one`` meets the fault. Afterwards group ``other`` reads the same log from its start with an
empty database, undisturbed: both must have found the same, byte for byte.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from tests.acceptance.program import eventually
from tests.faults.place import Place, migrated, write_component
from tests.faults.traffic import BATCH, WINDOW, Traffic
from tests.testkit.kafka import start_kafka
from tests.testkit.postgres import start_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.program import Program
    from tests.testkit.kafka import KafkaBroker
    from tests.testkit.postgres import PostgresServer

DISTURBED, UNDISTURBED = "one", "other"
WHOLE = 40  # batches that fill windows without a rest
SECONDS = 120.0  # in which anything must have happened


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a fault: of ``events`` sent, how many are in windows, lost, and counted twice.

    ``seconds`` is the time from the end of the fault until all windows were judged.
    """

    events: int
    judged: int
    lost: dict[str, int]
    equal: bool
    seconds: float
    remarks: str = ""

    @property
    def twice(self) -> int:
        """Events that were counted more than once."""
        return max(0, self.judged + sum(self.lost.values()) - self.events)

    @property
    def holds(self) -> bool:
        """Whether every event is accounted for, once, and the findings are the undisturbed ones."""
        return self.equal and self.judged + sum(self.lost.values()) == self.events


@dataclass
class Scene:
    """One fault's own servers; a fault sends whole windows and leaves no worker running."""

    place: Place
    broker: KafkaBroker
    postgres: PostgresServer
    traffic: Traffic
    _over: float = 0.0
    _lives: int = 0

    @contextmanager
    def worker(self) -> Iterator[Program]:
        """A worker of the disturbed group, for the length of the block unless it is killed."""
        self._lives += 1
        with self.place.worker(DISTURBED, f"life-{self._lives}") as program:
            yield program

    def until_windows(self, batches: int | None = None) -> None:
        """Wait for the windows of so many batches; of all that were sent if none are said."""
        sent = self.traffic.sequence if batches is None else batches
        whole = sent * BATCH // WINDOW
        eventually(
            lambda: self.place.windows(DISTURBED) >= whole, f"{whole} judged windows", SECONDS
        )

    def over(self) -> None:
        """The fault has ended: recovery begins."""
        self._over = time.monotonic()

    def finish(self, remarks: str = "") -> Row:
        """Let both groups judge everything, and compare what they found."""
        self.traffic.bye()
        began = self._over or time.monotonic()
        with self.worker():
            self.until_windows()
            seconds = time.monotonic() - began
        windows = self.place.windows(DISTURBED)
        with self.place.worker(UNDISTURBED, "undisturbed"):
            eventually(lambda: self.place.windows(UNDISTURBED) >= windows, "all windows", SECONDS)
        one, other = (self.place.findings(group) for group in (DISTURBED, UNDISTURBED))
        judged, lost = _accounts(one)
        return Row(self.traffic.events, judged, lost, one == other, seconds, remarks)


def total(program: Program, metric: str, label: str = "") -> int:
    """Sum of a counter of a worker's, over series whose labels hold ``label``."""
    form = re.compile(rf"{metric}(\{{.*\}})? ([0-9.e+-]+)$")
    lines = httpx.get(f"{program.address}/metrics").text.splitlines()
    found = [form.match(line) for line in lines]
    return round(sum(float(m[2]) for m in found if m and label in (m[1] or "")))


@contextmanager
def scene(folder: Path, *, skew_us: int = 0, **monitoring: str) -> Iterator[Scene]:
    """Fresh servers, tables and a component with this ``monitoring``; raises ServerMissing."""
    write_component(folder, **monitoring)
    with ExitStack() as stack:
        broker = stack.enter_context(start_kafka())
        postgres = stack.enter_context(start_postgres())
        databases = {g: postgres.database(migrated) for g in (DISTURBED, UNDISTURBED)}
        traffic = Traffic(broker.url, skew_us=skew_us)
        stack.callback(traffic.close)
        yield Scene(Place(folder, broker.url, databases), broker, postgres, traffic)


def _accounts(findings: list[tuple[str, int, str]]) -> tuple[int, dict[str, int]]:
    """Events in judged windows, and those lost in them by reason."""
    windows = {}
    for *_, body in findings:
        finding = json.loads(body)
        if finding["check"] == "drift" and finding["subject"] == "":
            windows[finding["window"]["number"]] = finding["events"], finding["lost"]
    lost: dict[str, int] = {}
    for _, reasons in windows.values():
        for reason, n in reasons.items():
            lost[reason] = lost.get(reason, 0) + n
    return sum(events for events, _ in windows.values()), lost
