"""From halves to events of one component: pair, guess the path, capture as a sidecar would.

A logger says no status: KServe's logs answers with 200 only, so an answer counts as 200. A request
whose answer never came is an event without ``status_code`` and latency: what failed and what its
logger lost look alike, and must not pass for failures. An answer without its request has no reading
and is counted. Latency is the time between the two events by their sender's clock (``time``),
absent where an event does not say it: arrivals here tell of queues, not of the model.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from collectors.base import Exchange
from collectors.capture import Capture
from collectors.cloud_events.halves import Exchanged, Half, Halves
from collectors.cloud_events.loggers import pair_key, request_headers, side_of
from collectors.cloud_events.shape import content_type, head_bytes, parsed, path_of, plain
from collectors.protocols.binary_tensors import HEADER
from collectors.stack import capture_all
from collectors.sums import EmbeddingSums
from governance.clock import SECOND_US
from governance.event import EventBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collectors.capture import Captured
    from collectors.cloud_events.event import CloudEvent
    from collectors.sums import Ended
    from governance.algebra.fourier import Projection
    from governance.component.schema import Component
    from governance.privacy import Pseudonymiser

SETTLE_US = 90 * SECOND_US  # halves wait for 60 s

_ANSWERED = 200
_OF_ANSWERS = frozenset({"status_code", "latency_ms", "finish_reason", "refusal"})


class Read(NamedTuple):
    """Events of some exchanges; ``counts`` are exchanges: ``read``, and those without events.

    ``seen`` holds the embeddings of the events, which are not to be sent.
    """

    batches: list[EventBatch]
    counts: Counter[str]
    seen: list[tuple[EventBatch, Captured]]


@dataclass(slots=True)
class Listening:
    """What one component's loggers send.

    Raises
    ------
    ConfigError
        If ``spec.signals`` or ``spec.capture`` cannot be followed.
    """

    component: Component
    pseudonymiser: Pseudonymiser
    halves: Halves = field(default_factory=Halves)
    projections: Mapping[str, Projection] = field(default_factory=dict)
    sums: EmbeddingSums = field(init=False)
    _capture: Capture = field(init=False)

    def __post_init__(self) -> None:
        embed = self.projections.keys()
        self._capture = Capture(self.component, self.pseudonymiser, embed=embed)
        self.sums = EmbeddingSums(self.projections, self.component.spec.monitoring.windows)

    def read(self, exchanged: Iterable[Exchanged]) -> Read:
        """Events of exchanges; not thread-safe.

        ``unread`` exchanges are no inference or have no event, ``sampled_out`` those of which none
        was kept.
        """
        batches, counts = [], Counter[str]()
        seen: list[tuple[EventBatch, Captured]] = []
        whole, alone = _sorted(exchanged)
        for exchanges, has_status in ((whole, True), (alone, False)):
            for taken in capture_all(self._capture, map(self._exchange, exchanges)):
                captured = taken.captured
                out = 0 if captured is None else captured.exchanges_out
                counts["sampled_out"] += out
                counts["unread" if captured is None else "read"] += taken.exchanges - out
                if captured is not None and captured.batch is not None:
                    batches.append(captured.batch if has_status else _without(captured.batch))
                    seen.append((captured.batch, captured))
        return Read(batches, counts, seen)

    def add_up(self, read: Read) -> list[EventBatch]:
        """Add embeddings of events that were taken; the sums that are to be sent by now.

        Not thread-safe; call it once for what was read.
        """
        for batch, captured in read.seen:
            if captured.vectors:
                times = batch.columns["time"].values
                self.sums.add(batch.version, times, captured.vectors, weight=captured.weight)
        return self._leaving(self.sums.full())

    def ended(self, now_us: int) -> list[EventBatch]:
        """Sums of windows in time that are over for so long that their events have come."""
        return self._leaving(self.sums.ended(now_us - self.settle_us))

    def rest(self) -> list[EventBatch]:
        """All sums that are left, at the end of the process."""
        return self._leaving(self.sums.rest())

    @property
    def settle_us(self) -> int:
        """How long after its end the sums of a window are sent: before the window is closed."""
        return min(SETTLE_US, self.component.spec.monitoring.lateness // 2)

    def _leaving(self, ended: Iterable[Ended]) -> list[EventBatch]:
        """Sums as they leave; those of windows in time say when these were."""
        return [
            self._capture.allowed(
                replace(batch, sums_at_us=None if one.before_us is None else one.before_us - 1)
            )
            for one in ended
            for batch in one.batches
        ]

    def _exchange(self, exchanged: Exchanged) -> Exchange:
        request, response, _ = exchanged
        sent, answered = _body(request), _body(response)
        heads = head_bytes(sent), head_bytes(answered)
        path = path_of(
            parsed(sent, heads[0]),
            parsed(answered, heads[1]) if answered else None,
            lambda path: self._capture.matches("POST", path),
        )
        headers = {} if request is None else request_headers(request.event)
        return Exchange(
            method="POST",
            target=path,
            request_headers=headers | _binary(heads[0]),
            request_body=sent,
            status=0 if response is None else _ANSWERED,
            response_headers={"content-type": content_type(answered)} | _binary(heads[1]),
            response_body=answered or None,
            started_us=min(_instant_us(half) for half in exchanged.halves),
            latency_ms=_latency_ms(exchanged),
            request_bytes=None if request is None else len(request.event.data),
            response_bytes=None if response is None else len(response.event.data),
        )


def half_of(event: CloudEvent, at: float, came_us: int) -> Half | None:
    """The half that an event is; None where it is of no logger that is understood."""
    side = side_of(event)
    return None if side is None else Half(pair_key(event), side, event, at, came_us)


def _sorted(exchanged: Iterable[Exchanged]) -> tuple[list[Exchanged], list[Exchanged]]:
    """Whole ones, and requests alone; an answer alone cannot be read."""
    asked = [one for one in exchanged if one.request is not None]
    whole = [one for one in asked if one.response is not None]
    return whole, [one for one in asked if one.response is None]


def _body(half: Half | None) -> bytes:
    return b"" if half is None else plain(half.event.data)


def _binary(head: int | None) -> dict[str, str]:
    return {} if head is None else {HEADER: str(head)}


def _instant_us(half: Half) -> int:
    said = half.event.time_us
    return half.came_us if said is None else said


def _latency_ms(exchanged: Exchanged) -> float:
    times = [half.event.time_us for half in exchanged.halves]
    if len(times) < 2 or times[0] is None or times[1] is None or times[1] < times[0]:
        return math.nan
    return (times[1] - times[0]) / 1_000


def _without(batch: EventBatch) -> EventBatch:
    """The events of requests whose answers nobody saw."""
    columns = {k: c for k, c in batch.columns.items() if k not in _OF_ANSWERS}
    return EventBatch(batch.version, batch.n, columns, batch.sums, batch.vectors)
