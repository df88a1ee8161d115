"""Who needs how long for the same work: Evenhand and its peers in turn, one thread each.

A goal is the ratio that the project set out to reach. Ratios are medians over pairs of rounds,
times those of the fastest round.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.peers import scenes
from benchmarks.peers.cases import RESAMPLES
from benchmarks.peers.contest import Side, Timed, contest, ratio
from benchmarks.tables.table import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Pythons = Mapping[str, Path]

EVENHAND = "evenhand"
ROUNDS = 5
HEAD = (
    "Evenhand's work",
    "ms",
    "other",
    "version",
    "ms",
    "ratio",
    "goal",
    "import s",
    "peak MB",
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A work of Evenhand's beside one of another side, and the ratio to reach, if there is one."""

    ours: str
    words: str
    module: str
    work: str
    title: str
    goal: float | None = None


DRIFT = (
    Pair("count", "bin and sum", "nannyml", "drift", "NannyML, 4 methods", 40),
    Pair("count", "bin and sum", "evidently", "drift", "Evidently's preset", 1_200),
    Pair("count", "bin and sum", EVENHAND, "bare", "bare numpy histograms", 0.5),
    Pair("count_and_judge", "and judge", "nannyml", "drift", "NannyML, 4 methods"),
    Pair("count_and_judge", "and judge", "evidently", "drift", "Evidently's preset"),
)
AIF360 = (
    Pair("fairness", "a, b, a x b, intervals", "aif360", "fairness", "AIF360, a only", 300),
    Pair("count_decisions", "the same, not judged", "aif360", "fairness", "AIF360, a only"),
)
METRIC_FRAME = (
    Pair("fairness", "a, b, a x b, intervals", "fairlearn", "fairness", "MetricFrame", 8_000),
    Pair("count_decisions", "the same, not judged", "fairlearn", "fairness", "MetricFrame"),
)
BOOTSTRAP = (
    Pair(
        "fairness",
        "a, b, a x b, intervals",
        "fairlearn",
        "bootstrap",
        f"MetricFrame, {RESAMPLES} resamples",
    ),
)
EMBEDDINGS = (
    Pair("embedding", "sums and p-value", "alibi_detect", "embedding", "MMDDrift, 1 perm.", 150),
    Pair("verdict", "p-value of sums", "alibi_detect", "embedding", "MMDDrift, 1 perm."),
)


def drift(folder: Path, pythons: Pythons) -> Table:
    """A window of 10,000 rows and 25 columns against a reference of 50,000."""
    scenes.drift(folder)
    rows = _rows(DRIFT, folder, pythons, ROUNDS)
    title = "Drift of 25 columns: 10,000 rows against 50,000"
    notes = [
        "Peers' references, thresholds and datasets are made before. Bare: one searchsorted and",
        "bincount a number, one bincount a category; its goal is a share of its speed.",
    ]
    if not scenes.elec2_is_here():
        notes.append("Elec2 is not here: random columns stand in for its seven.")
    return Table(title, HEAD, rows, notes)


def fairness(folder: Path, pythons: Pythons) -> Table:
    """A million decisions with labels."""
    scenes.decisions(folder)
    rows = _rows(AIF360, folder, pythons, ROUNDS)
    rows += _rows(METRIC_FRAME, folder, pythons, 2, warm_up=0)  # half a minute a round
    rows += _rows(BOOTSTRAP, folder, pythons, 1, warm_up=0)
    notes = [
        "Selection, true and false positive rates. Ours has intervals; AIF360 and a plain",
        "MetricFrame have none. MetricFrame's are a bootstrap, which costs as much again for each",
        "resample; an interval of 95 % wants hundreds. The goal is held against the plain one.",
    ]
    return Table("Fairness of 1,000,000 decisions", HEAD, rows, notes)


def embeddings(folder: Path, pythons: Pythons) -> Table:
    """1,000 vectors of 384 coordinates against 1,000."""
    scenes.embeddings(folder)
    rows = _rows(EMBEDDINGS, folder, pythons, ROUNDS)
    found = _figures("correlation", folder, pythons)["correlation"]
    notes = [f"Correlation of our distance with exact MMD, 25 shifts: {found:.4f} (goal .99)."]
    return Table("Embedding drift: 1,000 rows of 384 coordinates against 1,000", HEAD, rows, notes)


def judging(folder: Path, pythons: Pythons) -> Table:
    """What a closed window costs."""
    found = _figures("judging", folder, pythons)
    rows: list[list[Cell]] = [
        ["judge a window: 25 features, ladder of 7", 1e3 * found["judge"], "3 ms"],
        ["pack, unpack and judge it", 1e3 * found["close"], "-"],
        ["1,000 windows that close together", 1e3 * found["together"], "3,000 ms"],
        ["ladder of 64 packed panes, kB a component", found["ladder_bytes"] / 1e3, "400 kB"],
    ]
    return Table("Judging", ["work", "ms, kB", "at most"], rows)


def _rows(
    pairs: Sequence[Pair], folder: Path, pythons: Pythons, rounds: int, warm_up: int = 1
) -> list[list[Cell]]:
    """Run all sides of the pairs in turn; pairs whose peer is not here are left out."""
    pairs = [pair for pair in pairs if pair.module in pythons]
    works = [(p.module, p.work) for p in pairs] + [(EVENHAND, p.ours) for p in pairs]
    sides = [Side(module, pythons[module], work) for module, work in dict.fromkeys(works)]
    print(", ".join(f"{s.module} {s.work}" for s in sides), "...", file=sys.stderr, flush=True)
    found = contest(sides, folder, rounds=rounds, warm_up=warm_up) if sides else ()
    by_work = {(s.module, s.work): timed for s, timed in zip(sides, found, strict=True)}
    return [_row(p, by_work[EVENHAND, p.ours], by_work[p.module, p.work]) for p in pairs]


def _row(pair: Pair, ours: Timed, other: Timed) -> list[Cell]:
    return [
        pair.words,
        1e3 * ours.fastest,
        pair.title,
        other.version if pair.module != EVENHAND else None,
        1e3 * other.fastest,
        ratio(other, ours),
        pair.goal,
        other.import_seconds,
        other.peak_bytes / 1e6,
    ]


def _figures(work: str, folder: Path, pythons: Pythons) -> Mapping[str, float]:
    side = Side(EVENHAND, pythons[EVENHAND], work)
    (timed,) = contest([side], folder, rounds=1, warm_up=0)
    return timed.result
