"""CPU per request beside proxies that only forward; ours also makes an event of both bodies."""

from __future__ import annotations

import contextlib
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.sidecar_peers.measure import Measured, measure
from benchmarks.sidecar_peers.subjects import forwarder, model, sidecar
from benchmarks.tables.table import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.sidecar_peers.subjects import Subject

ROUNDS = 3
PACED = 3_000  # requests a second
FULL = ("--seconds=2", "--connections=16")
GOALS = {"aiohttp": 6.0, "Starlette + httpx": 40.0}

_PUMP, _PAIR = "Evenhand's pump", "pump and reader"


def table(folder: Path, core: int) -> Table:
    """Rounds alternate between the subjects; each shown figure is a median of rounds."""
    with contextlib.ExitStack() as stack:

        def place(name: str) -> Path:
            (folder / name).mkdir()
            return folder / name

        upstream = stack.enter_context(model(place("model")))
        bus = f"file:{folder / 'bus'}"
        ours = stack.enter_context(sidecar(place("ours"), core, upstream, bus))
        aiohttp = forwarder(place("aiohttp"), core, upstream, "aiohttp_proxy.py")
        starlette = forwarder(place("starlette"), core, upstream, "starlette_proxy.py")
        peers = {
            "aiohttp": stack.enter_context(aiohttp),
            "Starlette + httpx": stack.enter_context(starlette),
        }
        return _table(*_rounds(ours, peers))


def _rounds(
    ours: Subject, peers: Mapping[str, Subject]
) -> tuple[dict[str, list[Measured]], dict[str, list[Measured]]]:
    paced = ("--seconds=2", "--connections=32", f"--rate={PACED}")
    mine: dict[str, list[Measured]] = {"full speed": [], f"{PACED:,}/s": []}
    theirs: dict[str, list[Measured]] = {name: [] for name in peers}
    for _ in range(ROUNDS):
        for load, words in zip(mine, (FULL, paced), strict=True):
            mine[load].append(measure(ours, words, 0.5))
        for name, peer in peers.items():
            theirs[name].append(measure(peer, FULL, 0.0))
    return mine, theirs


def _table(mine: dict[str, list[Measured]], theirs: dict[str, list[Measured]]) -> Table:
    works: dict[str, Callable[[Measured], float]] = {
        _PUMP: lambda one: one.cpu_us[0],
        _PAIR: lambda one: sum(one.cpu_us),
    }
    rows: list[list[Cell]] = [
        [
            *(work, load, _mid(cost, rounds), f"{_mid(_captured, rounds):.1%}"),
            *(other, _mid(_peer, peers), _ratio(cost, rounds, peers), GOALS[other]),
        ]
        for work, cost in works.items()
        for load, rounds in mine.items()
        for other, peers in theirs.items()
    ]
    rates = {**mine, **theirs}
    said = ", ".join(f"{name} {_mid(_rate, rounds):,.0f}/s" for name, rounds in rates.items())
    return Table(
        "CPU per request of proxies, 0.9 kB in, 1 kB out, one core each",
        ("ours", "its load", "µs", "captured", "other", "µs", "ratio", "goal"),
        rows,
        (f"Reached: {said}.", "Others only forward, at full speed."),
    )


def _ratio(
    cost: Callable[[Measured], float], mine: list[Measured], theirs: list[Measured]
) -> float:
    return median(_peer(b) / cost(a) for a, b in zip(mine, theirs, strict=True))


def _mid(cost: Callable[[Measured], float], rounds: list[Measured]) -> float:
    return median(map(cost, rounds))


def _peer(one: Measured) -> float:
    return one.cpu_us[0]


def _captured(one: Measured) -> float:
    return one.captured or 0.0


def _rate(one: Measured) -> float:
    return one.rate
