"""Beside KServe's agent: CPU, memory, and what becomes of events where the sink is slow or dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.sidecar_peers.measure import Measured, measure
from benchmarks.sidecar_peers.sinks import KINDS, LATE_MS, http_sink, kafka_bus
from benchmarks.sidecar_peers.subjects import kserve_agent, model, sidecar
from benchmarks.tables.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from collectors.sidecar.counters import Counters

SECONDS = 10
PACED = 1_000  # requests a second: what both can carry, also on a busy machine
SETTLE_SECONDS = 3.0
LOADS = {
    "full speed": (f"--seconds={SECONDS}", "--connections=16"),
    f"{PACED:,}/s": (f"--seconds={SECONDS}", "--connections=32", f"--rate={PACED}"),
}
CPU_GOAL = 0.8  # of the agent's

_HEAD = (
    *("sidecar", "load", "sink", "requests/s", "CPU µs", "ratio", "goal", "MB", "peak MB"),
    *("delivered", "waiting", "dropped, counted", "uncounted"),
)
_NOTES = (
    f"CPU is that of a request, with all that is done until {SETTLE_SECONDS:.0f} s after the load.",
    f"Slow: answers come {LATE_MS} ms late. Dead: nobody listens, or the broker was killed.",
    "The agent posts two events a request over HTTP, ours are one an instance, to Apache Kafka.",
    "Shares are of the events that requests should give.",
)


@dataclass(frozen=True)
class Fate:
    """A load, and the shares of its events: delivered, kept for later, counted as dropped."""

    measured: Measured
    delivered: float
    waiting: float
    dropped: float

    @property
    def uncounted(self) -> float:
        """The share of which nobody knows; + 0.0 makes a rounded -0.0 plain."""
        return round(1.0 - self.delivered - self.waiting - self.dropped, 6) + 0.0


def table(folder: Path, core: int) -> Table:
    """A fresh subject and a fresh sink for each row; subjects take turns."""
    rows = []
    for load, words in LOADS.items():
        for kind in KINDS if load == "full speed" else KINDS[:1]:
            place = folder / f"{load}-{kind}".replace("/", "-").replace(" ", "-")
            agents, ours = _agent(place, core, kind, words), _ours(place, core, kind, words)
            cost = sum(agents.measured.cpu_us)
            rows.append(_row("KServe's agent", load, kind, agents, None))
            rows.append(_row("Evenhand", load, kind, ours, sum(ours.measured.cpu_us) / cost))
    title = f"Beside KServe's agent: both bodies captured, {SECONDS} s, one core"
    return Table(title, _HEAD, rows, _NOTES)


def _agent(folder: Path, core: int, kind: str, load: tuple[str, ...]) -> Fate:
    at = _folders(folder / "agent")
    with (
        model(at["model"]) as upstream,
        http_sink(folder / "agent", kind) as sink,
        kserve_agent(at["subject"], core, upstream, sink.port) as subject,
    ):
        measured = measure(subject, load, SETTLE_SECONDS)
        return Fate(measured, min(1.0, sink.taken() / (2 * measured.requests)), 0.0, 0.0)


def _ours(folder: Path, core: int, kind: str, load: tuple[str, ...]) -> Fate:
    at = _folders(folder / "ours")
    with (
        model(at["model"]) as upstream,
        kafka_bus(folder / "ours", kind) as bus,
        sidecar(at["subject"], core, upstream, bus.url) as subject,
    ):
        bus.end()
        measured = measure(subject, load, SETTLE_SECONDS)
        assert subject.counters is not None
        return _fate(measured, subject.seen, subject.counters)


def _fate(measured: Measured, seen: int, counters: Counters) -> Fate:
    outcomes = counters.outcomes()
    delivered, waiting = outcomes.pop("published"), outcomes.pop("spooled")
    return Fate(measured, delivered / seen, waiting / seen, sum(outcomes.values()) / seen)


def _folders(folder: Path) -> dict[str, Path]:
    places = {name: folder / name for name in ("model", "subject")}
    for place in places.values():
        place.mkdir(parents=True)
    return places


def _row(
    name: str, load: str, kind: str, fate: Fate, ratio: float | None
) -> list[str | float | int | None]:
    one = fate.measured
    shares = (fate.delivered, fate.waiting, fate.dropped, fate.uncounted)
    return [
        *(name, load, kind, round(one.rate), sum(one.cpu_us)),
        *(ratio, None if ratio is None else CPU_GOAL),
        *(round(one.first_mb), round(one.peak_mb)),
        *(f"{share:.1%}" for share in shares),
    ]
