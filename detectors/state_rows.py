"""A component's memory as rows, and back."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.era import Era
from detectors.history import History
from detectors.memory import Memory, Place
from detectors.panes import outcomes_blob, read_pane, sums_blob
from detectors.pending import Pending
from detectors.presence import presence_of
from detectors.sources import Sources
from governance.store.presence import NOBODY, Presence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.era import Spec

SUMS, OUTCOMES, HISTORY = "sums", "outcomes", "history"  # kinds of pane rows
FORMAT = 1  # of the register; another one is refused


@dataclass(frozen=True, slots=True)
class StateRows:
    """What is stored of a component; an empty blob deletes a row.

    ``panes`` are keyed by (version, slot, kind), where a row of a history has the number of its
    chunk in the place of the slot; ``segments`` by number.
    """

    register: bytes
    panes: Mapping[tuple[str, int, str], bytes]
    segments: Mapping[int, bytes]
    presence: Presence = NOBODY


def changed_rows(memory: Memory) -> StateRows:
    """The register, and the panes and segments that changed since the last call."""
    panes: dict[tuple[str, int, str], bytes] = {}
    for version, slot in memory.deleted:
        panes[version, slot, SUMS] = panes[version, slot, OUTCOMES] = b""
    memory.deleted = []
    for slot, place in memory.places.items():
        pane, version = place.pane, place.panes.version
        if pane.sums_changed or pane.outcomes_changed:
            place.panes.add_up(pane)
        if pane.sums_changed:
            panes[version, slot, SUMS] = sums_blob(pane, place.era.started)
        if pane.outcomes_changed:
            panes[version, slot, OUTCOMES] = outcomes_blob(pane)
        pane.sums_changed = pane.outcomes_changed = False
    panes |= _history_rows(memory)
    segments = memory.pending.drain()
    return StateRows(_register(memory), panes, segments, presence_of(memory))


def _history_rows(memory: Memory) -> dict[tuple[str, int, str], bytes]:
    memory.drop_stale()
    rows = {(version, chunk, HISTORY): b"" for version, chunk in memory.deleted_chunks}
    memory.deleted_chunks = []
    for version, history in memory.histories.items():
        for chunk, blob in history.changed_rows().items():
            rows[version, chunk, HISTORY] = blob
    return rows


def references_of(register: bytes) -> dict[int, str | None]:
    """The generations that a register needs, with the hash of the reference of each."""
    eras = msgspec.msgpack.decode(register)["eras"]
    return {generation: reference for _, generation, reference, *_ in eras}


def read_memory(rows: StateRows, specs: Mapping[int, Spec]) -> Memory:
    """The memory of which ``rows`` are everything that is stored.

    Raises
    ------
    KeyError
        If a generation that the register names is not among ``specs``.
    """
    stored = msgspec.msgpack.decode(rows.register)
    counts = Counter(stored["counts"])
    eras = [Era.restored(era, specs, counts) for era in stored["eras"]]
    bounds = eras[-1].spec.monitoring
    memory = Memory(
        eras=eras,
        sources=Sources(bounds.lateness, bounds.retire_after),
        pending=Pending(bounds.labels.max_pending, bounds.lateness),
        counts=counts,
        log_time_us=stored["log_time_us"],
        numbers=stored["numbers"],
        unfinished={tuple(name): base for *name, base in stored["unfinished"]},
    )
    memory.sources.restore(stored["sources"])
    memory.pending.restore(stored["pending"], rows.segments, memory.log_time_us)
    _restore_panes(memory, rows)
    _restore_histories(memory, rows)
    return memory


def _register(memory: Memory) -> bytes:
    return msgspec.msgpack.encode(
        {
            "format": FORMAT,
            "log_time_us": memory.log_time_us,
            "counts": dict(memory.counts),
            "numbers": memory.numbers,
            "unfinished": [[*name, base] for name, base in memory.unfinished.items()],
            "sources": memory.sources.to_builtins(),
            "pending": memory.pending.state(),
            "eras": [era.to_builtins() for era in memory.eras],
        }
    )


def _restore_panes(memory: Memory, rows: StateRows) -> None:
    eras = {era.started: era for era in memory.eras}
    slots = sorted((slot, version) for version, slot, kind in rows.panes if kind == SUMS)
    for slot, version in slots:
        started, pane = read_pane(
            slot, rows.panes[version, slot, SUMS], rows.panes.get((version, slot, OUTCOMES))
        )
        era = eras[started]
        panes = era.versions[version]
        (panes.closed if pane.closed else panes.open)[pane.number] = pane
        memory.places[slot] = Place(era, panes, pane)
        if pane.dirty:
            panes.dirty.add(pane.number)
        if pane.closed and not pane.final:
            heapq.heappush(memory.maturing, (pane.mature_us, slot))
    for panes in (panes for era in memory.eras for panes in era.versions.values()):
        panes.open = _by_number(panes.open)
        panes.closed = _by_number(panes.closed)


def _restore_histories(memory: Memory, rows: StateRows) -> None:
    stored: dict[str, dict[int, bytes]] = {}
    for (version, chunk, kind), blob in rows.panes.items():
        if kind == HISTORY:
            stored.setdefault(version, {})[chunk] = blob
    memory.histories = {version: History.restored(chunks) for version, chunks in stored.items()}


def _by_number(panes: dict[int, Any]) -> dict[int, Any]:
    return dict(sorted(panes.items()))
