"""Capture: from one HTTP exchange to a batch of events that may leave the pod.

The order is: protocol, identity, sampling, signals, outcome and groups, features, and last the
privacy filter over the whole batch. What cannot be read is refused with a counted reason, but a
failure of the model is an event even where its request cannot be read.
"""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from collectors.base import Inference, Parsed
from collectors.catalog import find_protocol, protocols_named
from collectors.cpu_budget import CpuBudget
from collectors.features import feature_sources, input_names
from collectors.identity import declared_ids, identify, instance_ids
from collectors.modalities.tabular import category
from collectors.moments import exchange_columns, instants_us, one_version, version_of
from collectors.outcome import group_column
from collectors.places import Places
from collectors.read import decode, read_together
from collectors.results import outcome_columns
from collectors.sampling import check_sampling, kept
from collectors.signals import Seen, named_columns
from collectors.stack import Draft
from governance.algebra.canonical import canonical_text
from governance.component.schema import Modality
from governance.contents import CONTENTS_WEIGHT
from governance.errors import CaptureError
from governance.event import Column, EventBatch
from governance.privacy import PrivacyFilter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange, InferenceProtocol
    from collectors.signals import Place
    from governance.component.schema import Component
    from governance.privacy import Pseudonymiser

MAX_INSTANCES = 100_000  # of one request; more would hold the reader up for everybody else

_ROUTES_KEPT = 256  # methods and targets whose protocol is remembered
_BODY_LIMIT = 1024 * 1024  # bytes that are copied of a body where the component does not say
_MEDIA_BODY_LIMIT = 16 * 1024 * 1024  # the same where a body is a picture or a sound


def body_limit(component: Component) -> int:
    """Bytes of a body that are copied; a longer body makes its event ``truncated``."""
    declared = component.spec.capture.max_body_bytes
    if declared is not None:
        return declared
    media = {Modality.IMAGE, Modality.VOICE} & set(component.spec.model.modality)
    return _MEDIA_BODY_LIMIT if media else _BODY_LIMIT


class Bodies(NamedTuple):
    """What became of an exchange's bodies: 1 yes, 0 no, -1 not tried."""

    truncated: int
    undecodable: int

    def columns(self, n: int) -> dict[str, Column]:
        """The same for each of ``n`` events."""
        return {name: Column(np.full(n, is_so, np.int8)) for name, is_so in self._asdict().items()}


_READ, _UNDECODABLE, _TRUNCATED = Bodies(0, 0), Bodies(0, 1), Bodies(1, -1)


class Captured(NamedTuple):
    """Events, and what was sampled out: of these events, and exchanges as a whole.

    ``vectors`` are the events' embeddings by modality, shape (n, coordinates). They are in no
    batch, so that nothing can send them: only sums of them may leave. Each stands for ``weight``
    events.
    """

    batch: EventBatch | None
    sampled_out: int = 0
    exchanges_out: int = 0
    vectors: Mapping[str, NDArray[Any]] = {}
    weight: float = 1.0


class Capture:
    """What one component's exchanges become.

    ``counts`` adds up what was noticed without stopping an event: ``sampled_out`` (events),
    ``unreadable_request:REASON`` (of a request that became an event all the same),
    ``unreadable_response:REASON``, ``undecodable:MODALITY:REASON`` and ``not_decoded:MODALITY`` (of
    media), and ``identity:SOURCE``, where ids came from.

    Raises
    ------
    ConfigError
        If ``spec.signals`` or ``spec.capture`` cannot be followed.
    """

    def __init__(
        self,
        component: Component,
        pseudonymiser: Pseudonymiser,
        *,
        version: str | None = None,
        embed: Collection[str] = (),
        budget: CpuBudget | None = None,
    ) -> None:
        """Prepare what the spec declares.

        ``version`` is the pod's own, where it is known; else ``spec.model.version`` counts.
        ``embed`` are the modalities whose embeddings are wanted. ``budget`` says of how many
        events there is time for the contents; None = of all.
        """
        spec = component.spec
        self.counts: Counter[str] = Counter()
        self._signals = spec.signals
        self._version = version or spec.model.version
        self._body_limit = body_limit(component)
        self._protocols = protocols_named(spec.capture.protocols)
        self._sampling = check_sampling(spec.capture.sampling)
        self._places = Places.of(spec.signals)
        self._features = feature_sources(spec, embed)
        self._reads_contents = any(source.reads_contents for source in self._features)
        self.budget = budget or CpuBudget()
        self._routes: dict[tuple[str, str], tuple[InferenceProtocol | None, str | None]] = {}
        self._names = input_names(spec.signals)
        self._pseudonymiser = pseudonymiser
        self._filter = PrivacyFilter(component, pseudonymiser)

    def allowed(self, batch: EventBatch) -> EventBatch:
        """What may leave of sums; raises PermanentError (``privacy``) where one is too small."""
        return self._filter.events(batch)

    def matches(self, method: str, path: str) -> bool:
        """Whether an exchange with this method and path (no query) would be captured."""
        return find_protocol(self._protocols, method, path) is not None

    def capture(self, exchange: Exchange) -> EventBatch | None:
        """The events of an exchange; None where it is no inference, or was sampled out whole."""
        return self.alone(exchange).batch

    def alone(self, exchange: Exchange) -> Captured:
        """The events of an exchange.

        Raises
        ------
        CaptureError
            If the exchange has no one reading; ``reason`` is for counting. The message may quote
            the body and does not belong into a log.
        """
        protocol = self.protocol_of(exchange)
        if protocol is None:
            return Captured(None)
        try:
            return self._whole_or_failed(protocol, exchange)
        except RecursionError:
            raise CaptureError("nesting", "the body is nested deeper than can be read") from None
        except MemoryError:
            raise CaptureError("memory", "the body needs more memory than is allowed") from None

    def together(self, protocol: InferenceProtocol, drafts: Sequence[Draft]) -> Captured:
        """The events of exchanges of one kind.

        Raises
        ------
        CaptureError
            If they cannot be read as one; nothing is counted then.
        """
        inference = read_together(protocol, [draft.parsed for draft in drafts])
        exchanges = [draft.exchange for draft in drafts]
        seen = Seen(exchanges, inference, named_columns(inference.inputs, self._names))
        before = self.counts.copy()
        try:
            return self._events(drafts[0].version, seen, _READ)
        except BaseException:
            self.counts = before
            raise

    def unread(self, exchange: Exchange, why: CaptureError) -> Captured:
        """The event of an inference that ``alone`` refused: malformed traffic must be seen.

        Raises
        ------
        CaptureError
            If not even what surrounds the bodies can be read as the component says.
        """
        captured = self._alone(_bare(exchange), _UNDECODABLE)
        self.counts[f"unreadable_request:{why.reason}"] += 1
        return captured

    def draft(self, protocol: InferenceProtocol, exchange: Exchange) -> Draft | None:
        """An exchange that can be read with others; None where it has to be read alone.

        Raises
        ------
        CaptureError
            As ``InferenceProtocol.parse``.
        """
        if self._places.version is not None or self._is_truncated(exchange):
            return None
        parsed = protocol.parse(exchange)
        if parsed.layout is None:
            return None
        return Draft(exchange, parsed, self._named_version(exchange, parsed))

    def protocol_of(self, exchange: Exchange) -> InferenceProtocol | None:
        """The protocol that calls this exchange an inference."""
        return self._route(exchange)[0]

    def _route(self, exchange: Exchange) -> tuple[InferenceProtocol | None, str | None]:
        """The protocol of an exchange, and the model version that its path names."""
        key = exchange.method, exchange.target
        found = self._routes.get(key)
        if found is None:
            path = exchange.path
            protocol = find_protocol(self._protocols, exchange.method, path)
            found = protocol, None if protocol is None else protocol.version(path)
            if len(self._routes) >= _ROUTES_KEPT:
                self._routes.clear()
            self._routes[key] = found
        return found

    def _whole_or_failed(self, protocol: InferenceProtocol, exchange: Exchange) -> Captured:
        if self._is_truncated(exchange):
            return self._alone(_bare(exchange), _TRUNCATED)
        try:
            seen = self._seen(protocol, exchange)
            refused = seen.inference.refused is not None
            return self._alone(seen, _UNDECODABLE if refused else _READ)
        except CaptureError as error:
            if not exchange.failed:
                raise
            self.counts[f"unreadable_request:{error.reason}"] += 1
        return self._alone(_bare(exchange), _UNDECODABLE)

    def _is_truncated(self, exchange: Exchange) -> bool:
        longest = max(len(exchange.request_body or b""), len(exchange.response_body or b""))
        return exchange.truncated or longest > self._body_limit

    def _seen(self, protocol: InferenceProtocol, exchange: Exchange) -> Seen:
        inference = decode(protocol, exchange)
        if not 0 < inference.n <= MAX_INSTANCES:
            raise CaptureError(
                "instances", f"{inference.n} instances: one request may have 1 to {MAX_INSTANCES}"
            )
        if inference.refused is not None:
            self.counts[f"unreadable_response:{inference.refused.reason}"] += 1
        return Seen([exchange], inference, named_columns(inference.inputs, self._names))

    def _alone(self, seen: Seen, bodies: Bodies) -> Captured:
        return self._events(self._version_of(seen), seen, bodies)

    def _events(self, version: str, seen: Seen, bodies: Bodies) -> Captured:
        event_ids = self._event_ids(seen)
        keep, left_out = None, Captured(None)
        if self._sampling < 1:
            keep = kept(event_ids, self._sampling)
            left_out = _left_out(keep, seen.inference.sizes)
        if keep is not None and not keep.any():
            self.counts["sampled_out"] += left_out.sampled_out
            return left_out
        weight = self.budget.weight if self._reads_contents else 1.0
        asked = keep if weight == 1 else kept(event_ids, self._sampling / weight)
        columns, vectors = self._columns(seen, asked)
        columns = {"event_id": Column(event_ids)} | columns | bodies.columns(seen.n)
        if asked is not None and weight > 1:
            columns[CONTENTS_WEIGHT] = Column(np.where(asked, weight, 0.0))
        batch = EventBatch(version, seen.n, columns)
        if keep is not None:
            batch = batch.take(keep)
            vectors = {modality: rows[keep] for modality, rows in vectors.items()}
        self.counts["sampled_out"] += left_out.sampled_out
        return left_out._replace(batch=self._filter.events(batch), vectors=vectors, weight=weight)

    def _event_ids(self, seen: Seen) -> NDArray[np.void]:
        inference = seen.inference
        declared = _values(self._places.id, seen)
        ids: list[str] = []
        for exchange, parsed, n in zip(
            seen.exchanges, inference.parsed, inference.sizes, strict=True
        ):
            text, source = identify(exchange, parsed)
            found = instance_ids(text, n)
            own = [] if declared is None else declared[len(ids) : len(ids) + n].tolist()
            if any(value is not None for value in own):
                found, source = declared_ids(own, found), "signal"
            ids += found
            self.counts[f"identity:{source}"] += n
        return self._pseudonymiser.event_ids(ids)

    def _version_of(self, seen: Seen) -> str:
        declared = _values(self._places.version, seen)
        if declared is not None:
            version = one_version(map(canonical_text, declared.tolist()))
            if version is not None:
                return version
        return self._named_version(seen.exchanges[0], seen.inference.parsed[0])

    def _named_version(self, exchange: Exchange, parsed: Parsed) -> str:
        _, in_path = self._route(exchange)
        return version_of(exchange, parsed.version, in_path) or self._version

    def _columns(
        self, seen: Seen, asked: NDArray[np.bool_] | None
    ) -> tuple[dict[str, Column], dict[str, NDArray[Any]]]:
        times = instants_us(_values(self._places.time, seen), seen)
        columns = {"time": Column(times)} | exchange_columns(seen)
        if self._sampling < 1:
            columns["weight"] = Column(np.full(seen.n, 1 / self._sampling))
        columns |= outcome_columns(self._places, self._signals.favourable, seen)
        for attribute, place in self._places.groups.items():
            values = place.values(seen)
            if values is not None:
                group = group_column(self._signals.groups[attribute], category(values))
                columns[f"group.{attribute}"] = group
        vectors: dict[str, NDArray[Any]] = {}
        for source in self._features:
            with self.budget.spending() if source.reads_contents else nullcontext():
                look = source.look(seen, asked)
            columns |= look.columns
            vectors |= look.vectors
            self.counts.update(look.counts)
        return columns, vectors


def _left_out(keep: NDArray[np.bool_], sizes: Sequence[int]) -> Captured:
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    whole = np.add.reduceat(keep, starts, dtype=np.intp)
    return Captured(None, int(np.count_nonzero(~keep)), int(np.count_nonzero(whole == 0)))


def _bare(exchange: Exchange) -> Seen:
    """An exchange of which only its headers and timing are looked at."""
    return Seen([exchange], Inference((Parsed(),), (1,)))


def _values(place: Place | None, seen: Seen) -> NDArray[Any] | None:
    return None if place is None else place.values(seen)
