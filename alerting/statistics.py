"""The statistics of all components as a scrape shows them, kept up to date with little work.

A scrape asks which components have had findings in the last minutes, reads those again whose
findings have changed since the last scrape, and writes their lines once. What did not change is
text already. A scrape between windows so costs next to nothing, however many components there are.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alerting.exposition import finding_families
from governance.finding import Status
from governance.metrics_text import rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from governance.component.key import ComponentKey
    from governance.metrics_text import Rendered
    from governance.store.findings import Findings, StoredFinding

    Body = Mapping[str, Any]
    Place = tuple[ComponentKey, str]

_OVERLAP_US = 120_000_000  # a transaction may become visible so long after its findings were made


@dataclass(frozen=True, slots=True)
class Shown:
    """One version's lines, and of its findings those that a release verdict may rest on."""

    parts: tuple[Rendered, ...]
    gated: tuple[Body, ...]


@dataclass(slots=True)
class _Memory:
    shown: dict[Place, Shown] = field(default_factory=dict)
    seen: dict[ComponentKey, tuple[int, int]] = field(default_factory=dict)
    until_us: int | None = None


class Statistics:
    """What was written of every version's newest window; safe for scrapes at the same time."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._memory = _Memory()
        self._lock = threading.Lock()

    def read(self, gates: Mapping[ComponentKey, frozenset[str]]) -> dict[Place, Shown]:
        """All versions; ``gates`` names the checks of ``release.rolloutMetrics``.

        Raises
        ------
        StoreError
            If the database is away; nothing is forgotten.
        """
        with self._lock:
            memory = self._memory
            # Asked first: what comes while the rest is read is seen the next time.
            touched, now_us = self._findings.touched(_OVERLAP_US, memory.until_us)
            if memory.until_us is None:
                memory.shown, memory.seen = _shown(self._findings.latest(), gates), touched
            for key, mark in touched.items():
                if memory.seen.get(key) != mark:
                    self._read_again(memory, key, gates)
            memory.seen, memory.until_us = touched, now_us
            return dict(memory.shown)

    def _read_again(
        self, memory: _Memory, key: ComponentKey, gates: Mapping[ComponentKey, frozenset[str]]
    ) -> None:
        for place in [place for place in memory.shown if place[0] == key]:
            del memory.shown[place]
        memory.shown.update(_shown(self._findings.latest(key), gates))


def _shown(
    found: Iterable[StoredFinding], gates: Mapping[ComponentKey, frozenset[str]]
) -> dict[Place, Shown]:
    grouped: dict[Place, list[Body]] = {}
    for row in found:
        grouped.setdefault((row.component, row.version), []).append(json.loads(row.body))
    return {
        place: Shown(
            tuple(rendered(family) for family in finding_families(bodies) if family.samples),
            tuple(b for b in bodies if _is_gated(b, gates.get(place[0], frozenset()))),
        )
        for place, bodies in grouped.items()
    }


def _is_gated(body: Body, checks: frozenset[str]) -> bool:
    return bool(checks) and (body["check"] in checks or body["status"] == Status.BREACH)
