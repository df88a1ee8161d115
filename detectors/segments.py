"""What happened to the pending table, as append-only segments that rebuild it.

A segment is a list of steps in log order: entries inserted, labels joined, labels left waiting.
The newest segment grows until it is sealed; sealed ones are only deleted, oldest first, once no
entry in them can meet a label any more. No single id is ever updated.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

SEALED_BYTES = 256 * 1024  # below, the newest segment is written again; above, it is left alone
STEP_ROWS = 100_000  # of at most 23 bytes: no segment passes 4 MiB


class Step(IntEnum):
    """What a step did to the table."""

    INSERT = 0
    JOIN = 1
    WAIT = 2
    FORGET = 3  # labels whose events came and were sampled out


WIDTHS: Mapping[Step, Mapping[str, str]] = {
    Step.INSERT: {
        "keys": "<u8",
        "slots": "<i4",
        "cells": "<u4",
        "scores": "u1",
        "weights": "<f4",
        "labels": "<u2",
    },
    Step.JOIN: {"keys": "<u8", "slots": "<i4", "labels": "<u2"},
    Step.WAIT: {"keys": "<u8", "labels": "<i4", "sampled": "u1", "at_us": "<i8"},
    Step.FORGET: {"keys": "<u8"},
}

Columns = dict[str, "NDArray[Any]"]


@dataclass(slots=True)
class _Segment:
    number: int
    rows: int = 0
    slots: set[int] = field(default_factory=set)  # panes that its entries or labels belong to
    waits_until_us: int = 0


class Segments:
    """The segments of one component: what is written, and what is not yet.

    Parameters
    ----------
    wait_us
        How long a label waits for its event.
    """

    def __init__(self, wait_us: int) -> None:
        self.wait_us = wait_us
        self._sealed: list[_Segment] = []
        self._open = _Segment(0)
        self._steps: list[tuple[Step, Columns]] = []
        self._written: dict[int, bytes] = {}  # changed since ``drain``; empty = delete

    @property
    def rows(self) -> int:
        """Rows in all segments, expired ones included."""
        return self._open.rows + sum(segment.rows for segment in self._sealed)

    @property
    def unsaved_bytes(self) -> int:
        """About how many bytes ``drain`` would return."""
        return sum(map(len, self._written.values())) + 23 * self._open.rows

    def append(self, step: Step, columns: Mapping[str, NDArray[Any]]) -> None:
        """Add one step; columns as in ``WIDTHS``."""
        cast = {n: np.asarray(columns[n], dtype) for n, dtype in WIDTHS[step].items()}
        for start in range(0, len(cast["keys"]), STEP_ROWS):
            part = {name: array[start : start + STEP_ROWS] for name, array in cast.items()}
            self._append_part(step, part)

    def expire(self, is_live: Callable[[int], bool], now_us: int) -> None:
        """Delete the oldest segments as far as nothing in them can meet anything any more."""
        while self._sealed and not self._needed(self._sealed[0], is_live, now_us):
            self._written[self._sealed.pop(0).number] = b""

    def replace(self, steps: list[tuple[Step, Columns]]) -> None:
        """Delete every segment and begin anew with these steps."""
        for segment in [*self._sealed, self._open]:
            self._written[segment.number] = b""
        self._sealed = []
        self._open = _Segment(self._open.number + 1)
        self._steps = []
        for step, columns in steps:
            self.append(step, columns)

    def drain(self) -> dict[int, bytes]:
        """Segments changed since the last call by number; empty bytes delete one."""
        if self._steps:
            self._write_open()
        written, self._written = self._written, {}
        return written

    def load(self, blobs: Mapping[int, bytes]) -> Iterator[tuple[Step, Columns]]:
        """Take over stored segments and yield their steps in order."""
        for number in sorted(blobs):
            self._sealed.append(_Segment(number))
            for step, columns in _unpack(blobs[number]):
                self._note(self._sealed[-1], step, columns)
                yield step, columns
        if self._sealed:
            self._open = _Segment(self._sealed[-1].number + 1)

    def _append_part(self, step: Step, columns: Columns) -> None:
        self._steps.append((step, columns))
        self._note(self._open, step, columns)
        if self._open.rows >= STEP_ROWS:
            self._write_open()
            self._seal()

    def _note(self, segment: _Segment, step: Step, columns: Columns) -> None:
        segment.rows += len(columns["keys"])
        if step is Step.WAIT:
            last = int(columns["at_us"].max(initial=0))
            segment.waits_until_us = max(segment.waits_until_us, last + self.wait_us)
        elif "slots" in columns:
            segment.slots.update(np.unique(columns["slots"]).tolist())

    def _needed(self, segment: _Segment, is_live: Callable[[int], bool], now_us: int) -> bool:
        return segment.waits_until_us > now_us or any(map(is_live, segment.slots))

    def _write_open(self) -> None:
        self._steps = _joined(self._steps)
        blob = _pack(self._steps)
        self._written[self._open.number] = blob
        if len(blob) >= SEALED_BYTES:
            self._seal()

    def _seal(self) -> None:
        if self._steps:
            self._sealed.append(self._open)
            self._open = _Segment(self._open.number + 1)
            self._steps = []


def _joined(steps: list[tuple[Step, Columns]]) -> list[tuple[Step, Columns]]:
    """Steps of one kind that follow each other become one."""
    runs: list[tuple[Step, list[Columns]]] = []
    for step, columns in steps:
        if runs and runs[-1][0] is step:
            runs[-1][1].append(columns)
        else:
            runs.append((step, [columns]))
    return [
        (step, {name: np.concatenate([c[name] for c in parts]) for name in WIDTHS[step]})
        for step, parts in runs
    ]


def _pack(steps: list[tuple[Step, Columns]]) -> bytes:
    # Keys are random bits: compressing them costs time and saves nothing.
    packed = [
        (
            int(step),
            columns["keys"].tobytes(),
            [zlib.compress(a.tobytes(), 1) for n, a in columns.items() if n != "keys"],
        )
        for step, columns in steps
    ]
    return msgspec.msgpack.encode(packed)


def _unpack(blob: bytes) -> Iterator[tuple[Step, Columns]]:
    for number, keys, others in msgspec.msgpack.decode(blob):
        step = Step(number)
        columns = {"keys": np.frombuffer(keys, "<u8")}
        names = [name for name in WIDTHS[step] if name != "keys"]
        for name, packed in zip(names, others, strict=True):
            columns[name] = np.frombuffer(zlib.decompress(packed), WIDTHS[step][name])
        yield step, columns
