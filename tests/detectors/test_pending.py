"""The label join against a slow twin made of dictionaries."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.entries import Entries
from detectors.pending import Pending

WAIT_US = 10
CELLS = 7


@dataclass
class Twin:
    """The same join, one id at a time."""

    limit: int
    entries: dict[int, dict[str, Any]] = field(default_factory=dict)
    levels: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, dict[str, Any]] = field(default_factory=dict)
    outcomes: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    level: int = 0
    next_slot: int = 0

    def live(self) -> dict[int, dict[str, Any]]:
        return {k: e for k, e in self.entries.items() if e["slot"] in self.levels}

    def open_slot(self) -> int:
        if self.level and len(self.live()) < self.limit // 4:
            self.level -= 1
        self.levels[self.next_slot] = self.level
        self.next_slot += 1
        return self.next_slot - 1

    def mature(self, slot: int) -> None:
        self.levels.pop(slot, None)

    def expire(self, now: int) -> None:
        for key, wait in list(self.waiting.items()):
            if wait["at"] + WAIT_US <= now:
                del self.waiting[key]
                self.counts["labels_sampled_out" if wait["sampled"] else "labels_orphaned"] += 1

    def add(self, keys: list[int], slot: int) -> None:
        kept = [k for k in keys if self.keeps(k, self.levels[slot])]
        for key in keys:
            if key not in kept:
                self.counts["ids_sampled_out"] += 1
                if self.waiting.pop(key, None):
                    self.counts["labels_sampled_out"] += 1
        newest = list(dict.fromkeys(kept))
        self.counts["ids_reused"] += len(kept) - len(newest)
        while len(set(self.live()) | set(newest)) > self.limit:
            self.halve()
            gone = [k for k in newest if not self.keeps(k, self.levels[slot])]
            newest = [k for k in newest if k not in gone]
            self.counts["ids_sampled_out"] += len(gone)
            self.counts["labels_sampled_out"] += sum(
                self.waiting.pop(k, None) is not None for k in gone
            )
        for key in newest:
            self.counts["ids_reused"] += key in self.live()
            self.entries[key] = {"slot": slot, "cell": key % CELLS, "label": -1}
            wait = self.waiting.pop(key, None)
            if wait:
                self.entries[key]["label"] = wait["label"]
                self.counts["labels_joined"] += 1
                self.meet(key, wait["label"], 1)

    def halve(self) -> None:
        self.level += 1
        self.levels = {slot: max(self.level, level) for slot, level in self.levels.items()}
        self.entries = {
            k: e for k, e in self.live().items() if self.keeps(k, self.levels[e["slot"]])
        }

    def join(self, labels: list[tuple[int, int, bool]], now: int) -> None:
        live = self.live()
        for key, label, supersedes in labels:
            if key in live:
                entry = live[key]
                if entry["label"] < 0:
                    self.counts["labels_joined"] += 1
                self.take(entry, label, supersedes)
            elif key in self.waiting:
                self.take(self.waiting[key], label, supersedes)
            else:
                sampled = not self.keeps(key, max(self.levels.values(), default=0))
                self.waiting[key] = {"label": label, "at": now, "sampled": sampled}

    def take(self, entry: dict[str, Any], label: int, supersedes: bool) -> None:  # noqa: FBT001
        before = entry["label"]
        if before >= 0 and not supersedes:
            self.counts["labels_repeated"] += 1
            return
        self.counts["labels_corrected"] += before >= 0
        entry["label"] = label
        if "slot" in entry and before != label:
            key = next(k for k, e in self.entries.items() if e is entry)
            if before >= 0:
                self.meet(key, before, -1)
            self.meet(key, label, 1)

    def meet(self, key: int, label: int, sign: int) -> None:
        entry = self.entries[key]
        weight = 2.0 ** self.levels[entry["slot"]]
        self.outcomes[entry["slot"], entry["cell"], label, weight] += sign

    @staticmethod
    def keeps(key: int, level: int) -> bool:
        return level == 0 or key >> (64 - level) == 0


class Fast:
    """``Pending`` under the twin's interface."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.pending = Pending(limit, WAIT_US)
        self.outcomes: Counter[tuple[Any, ...]] = Counter()
        self.blobs: dict[int, bytes] = {}

    def add(self, keys: list[int], slot: int) -> None:
        array = np.array(keys, dtype=np.uint64)
        cells = (array % np.uint64(CELLS)).astype(np.uint32)
        n = len(keys)
        slots, scores = np.full(n, slot, np.int32), np.zeros(n, np.uint8)
        self.pending.add(Entries(array, slots, cells, scores, np.ones(n, np.float32)))

    def join(self, labels: list[tuple[int, int, bool]], now: int) -> None:
        keys, values, supersedes = zip(*labels, strict=True)
        self.pending.join(
            np.array(keys, np.uint64), np.array(values, np.int8), np.array(supersedes), now
        )

    def collect(self) -> None:
        self.pending.settle()
        for met in self.pending.met():
            arrays = (met.slots, met.cells, met.labels, met.weights, met.signs)
            for *outcome, sign in zip(*(a.tolist() for a in arrays), strict=True):
                self.outcomes[tuple(outcome)] += sign

    def reload(self, now: int) -> None:
        self.collect()
        for number, blob in self.pending.drain().items():
            self.blobs[number] = blob
        self.blobs = {number: blob for number, blob in self.blobs.items() if blob}
        state = self.pending.state()
        self.pending = Pending(self.limit, WAIT_US)
        self.pending.restore(state, self.blobs, now)


KEYS = st.integers(0, 30).map(lambda i: (i * 0x9E3779B97F4A7C15) % 2**64 or 1)
STEPS = st.one_of(
    st.tuples(st.just("add"), st.lists(KEYS, min_size=1, max_size=12)),
    st.tuples(
        st.just("join"),
        st.lists(st.tuples(KEYS, st.integers(0, 1), st.booleans()), min_size=1, max_size=8),
    ),
    st.tuples(st.just("open"), st.none()),
    st.tuples(st.just("mature"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.integers(1, 12)),
    st.tuples(st.just("reload"), st.none()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=40), st.sampled_from([6, 10, 1_000]))
def test_the_table_joins_as_the_dictionaries_do(steps: list[Any], limit: int) -> None:
    """Outcomes, weights and counts are the twin's, also when reloaded at any step."""
    twin, fast, now = Twin(limit), Fast(limit), 0
    slot = twin.open_slot()
    assert fast.pending.open_slot() == slot
    for kind, argument in steps:
        if kind == "add":
            twin.add(argument, slot)
            fast.add(argument, slot)
        elif kind == "join":
            twin.join(argument, now)
            fast.join(argument, now)
        elif kind == "wait":
            now += argument
            twin.expire(now)
            fast.pending.expire(now)
        elif kind == "reload":
            fast.reload(now)
        elif kind == "open":
            slot = twin.open_slot()
            assert fast.pending.open_slot() == slot
        elif slot - argument >= 0:
            twin.mature(slot - argument)
            fast.pending.mature(slot - argument, now)
            if not argument:
                slot = twin.open_slot()
                assert fast.pending.open_slot() == slot
        fast.collect()
    assert +fast.outcomes == +twin.outcomes
    assert +fast.pending.tally() == +twin.counts
    assert fast.pending.live == len(twin.live())
