"""The text that a scrape returns, for families that are read at that moment.

Written here because Evenhand exports a hundred series a component: prometheus_client checks and
formats each sample again and takes 17 µs for it, a line that was checked once takes 1 µs
(``python -m benchmarks alerting``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Family:
    """All series of one metric at the time of a scrape: label values, then the value."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    samples: tuple[tuple[tuple[str, ...], float], ...]
    counts: bool = False  # a counter, whose name ends in ``_total``; else a gauge


@dataclass(frozen=True, slots=True)
class Rendered:
    """Lines of one metric that were written before; ``lines`` ends with a newline."""

    name: str
    meaning: str
    lines: str
    counts: bool = False


def rendered(family: Family) -> Rendered:
    """The family's lines; raises ValueError for NaN, which no series may hold."""
    lines = "".join(
        f"{family.name}{{{_labels(family.labels, values)}}} {_number(number)}\n"
        for values, number in family.samples
    )
    return Rendered(family.name, family.meaning, lines, family.counts)


def text_of(parts: Iterable[Family | Rendered]) -> bytes:
    """The exposition of all parts, those of one metric together, in order of first appearance."""
    by_name: dict[str, list[Rendered]] = {}
    for part in parts:
        done = rendered(part) if isinstance(part, Family) else part
        if done.lines:
            by_name.setdefault(done.name, []).append(done)
    return "".join(
        _header(group[0]) + "".join(part.lines for part in group) for group in by_name.values()
    ).encode()


def _header(part: Rendered) -> str:
    meaning = part.meaning.replace("\\", "\\\\").replace("\n", "\\n")
    kind = "counter" if part.counts else "gauge"
    return f"# HELP {part.name} {meaning}\n# TYPE {part.name} {kind}\n"


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    return ",".join(
        f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)
    )


def _escaped(value: str) -> str:
    if '"' in value or "\\" in value or "\n" in value:
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return value


def _number(number: float) -> str:
    if math.isfinite(number):
        return repr(float(number))
    if math.isnan(number):
        raise ValueError("a series must not hold NaN")
    return "+Inf" if number > 0 else "-Inf"
