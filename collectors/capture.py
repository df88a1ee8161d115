"""Capture: from one HTTP exchange to a batch of events that may leave the pod.

The order is: protocol, identity, sampling, signals, outcome and groups, features, and last the
privacy filter over the whole batch. What cannot be read is refused with a counted reason, but a
failure of the model is an event even where its request cannot be read.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from collectors.base import Inference
from collectors.catalog import find_protocol, protocols_named
from collectors.features import feature_sources, input_names
from collectors.identity import declared_ids, identify, instance_ids
from collectors.modalities.tabular import category
from collectors.moments import exchange_columns, instants_us, one_version, version_of
from collectors.outcome import favourable_outcome, group_column
from collectors.places import Places
from collectors.results import default_prediction, default_score, prediction_column, score_column
from collectors.sampling import check_sampling, kept
from collectors.signals import Seen, named_columns
from governance.algebra.canonical import canonical_text
from governance.component.schema import Modality
from governance.errors import CaptureError
from governance.event import Column, EventBatch
from governance.privacy import PrivacyFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collectors.base import Exchange, InferenceProtocol
    from collectors.signals import Place
    from governance.component.schema import Component
    from governance.privacy import Pseudonymiser

MAX_INSTANCES = 100_000  # of one request; more would hold the reader up for everybody else

_BODY_LIMIT = 1024 * 1024  # bytes that are copied of a body where the component does not say
_MEDIA_BODY_LIMIT = 16 * 1024 * 1024  # the same where a body is a picture or a sound


class Bodies(NamedTuple):
    """What became of an exchange's bodies: 1 yes, 0 no, -1 not tried."""

    truncated: int
    undecodable: int

    def columns(self, n: int) -> dict[str, Column]:
        """The same for each of ``n`` events."""
        return {name: Column(np.full(n, is_so, np.int8)) for name, is_so in self._asdict().items()}


_READ, _UNDECODABLE, _TRUNCATED = Bodies(0, 0), Bodies(0, 1), Bodies(1, -1)


def body_limit(component: Component) -> int:
    """Bytes of a body that are copied; a longer body makes its event ``truncated``."""
    declared = component.spec.capture.max_body_bytes
    if declared is not None:
        return declared
    media = {Modality.IMAGE, Modality.VOICE} & set(component.spec.model.modality)
    return _MEDIA_BODY_LIMIT if media else _BODY_LIMIT


class Capture:
    """What one component's exchanges become.

    ``counts`` adds up what was noticed without stopping an event: ``sampled_out`` (events),
    ``unreadable_request:REASON`` (of a request that became an event all the same),
    ``unreadable_response:REASON``, and ``identity:SOURCE``, where ids came from.

    Raises
    ------
    ConfigError
        If ``spec.signals`` or ``spec.capture`` cannot be followed.
    """

    def __init__(
        self, component: Component, pseudonymiser: Pseudonymiser, *, version: str | None = None
    ) -> None:
        """``version`` is the pod's own, where it is known; else ``spec.model.version`` counts."""
        spec = component.spec
        self.counts: Counter[str] = Counter()
        self._signals = spec.signals
        self._version = version or spec.model.version
        self._body_limit = body_limit(component)
        self._protocols = protocols_named(spec.capture.protocols)
        self._sampling = check_sampling(spec.capture.sampling)
        self._places = Places.of(spec.signals)
        self._features = feature_sources(spec)
        self._names = input_names(spec.signals)
        self._pseudonymiser = pseudonymiser
        self._filter = PrivacyFilter(component, pseudonymiser)

    def matches(self, method: str, path: str) -> bool:
        """Whether an exchange with this method and path (no query) would be captured."""
        return find_protocol(self._protocols, method, path) is not None

    def capture(self, exchange: Exchange) -> EventBatch | None:
        """The events of an exchange; None where it is no inference, or was sampled out whole.

        Raises
        ------
        CaptureError
            If the exchange has no one reading; ``reason`` is for counting. The message may quote
            the body and does not belong into a log.
        """
        protocol = find_protocol(self._protocols, exchange.method, exchange.path)
        if protocol is None:
            return None
        try:
            return self._whole_or_failed(protocol, exchange)
        except RecursionError:
            raise CaptureError("nesting", "the body is nested deeper than can be read") from None
        except MemoryError:
            raise CaptureError("memory", "the body needs more memory than is allowed") from None

    def unread(self, exchange: Exchange, why: CaptureError) -> EventBatch | None:
        """The event of an inference that ``capture`` refused: malformed traffic must be seen.

        Raises
        ------
        CaptureError
            If not even what surrounds the bodies can be read as the component says.
        """
        protocol = find_protocol(self._protocols, exchange.method, exchange.path)
        if protocol is None:
            return None
        batch = self._events(protocol, _bare(exchange), _UNDECODABLE)
        self.counts[f"unreadable_request:{why.reason}"] += 1
        return batch

    def _whole_or_failed(
        self, protocol: InferenceProtocol, exchange: Exchange
    ) -> EventBatch | None:
        if self._is_truncated(exchange):
            return self._events(protocol, _bare(exchange), _TRUNCATED)
        try:
            seen = self._seen(protocol, exchange)
            refused = seen.inference.refused is not None
            return self._events(protocol, seen, _UNDECODABLE if refused else _READ)
        except CaptureError as error:
            if not exchange.failed:
                raise
            self.counts[f"unreadable_request:{error.reason}"] += 1
        return self._events(protocol, _bare(exchange), _UNDECODABLE)

    def _is_truncated(self, exchange: Exchange) -> bool:
        bodies = (exchange.request_body, exchange.response_body)
        return exchange.truncated or any(b and len(b) > self._body_limit for b in bodies)

    def _seen(self, protocol: InferenceProtocol, exchange: Exchange) -> Seen:
        inference = protocol.decode(exchange)
        if not 0 < inference.n <= MAX_INSTANCES:
            raise CaptureError(
                "instances", f"{inference.n} instances: one request may have 1 to {MAX_INSTANCES}"
            )
        if inference.refused is not None:
            self.counts[f"unreadable_response:{inference.refused.reason}"] += 1
        return Seen(exchange, inference, named_columns(inference.inputs, self._names))

    def _events(self, protocol: InferenceProtocol, seen: Seen, bodies: Bodies) -> EventBatch | None:
        event_ids = self._event_ids(seen)
        keep = None if self._sampling >= 1 else kept(event_ids, self._sampling)
        if keep is not None and not keep.any():
            self.counts["sampled_out"] += len(keep)
            return None
        columns = {"event_id": Column(event_ids)} | self._columns(seen)
        columns |= bodies.columns(seen.inference.n)
        batch = EventBatch(self._version_of(protocol, seen), seen.inference.n, columns)
        if keep is not None:
            self.counts["sampled_out"] += int(np.count_nonzero(~keep))
        return self._filter.events(batch if keep is None else batch.take(keep))

    def _event_ids(self, seen: Seen) -> NDArray[np.void]:
        n = seen.inference.n
        found = identify(seen.exchange, seen.inference)
        ids, source = instance_ids(found.text, n), found.source
        declared = _values(self._places.id, seen)
        if declared is not None:
            ids, source = declared_ids(declared, ids), "signal"
        self.counts[f"identity:{source}"] += n
        return self._pseudonymiser.event_ids(ids)

    def _version_of(self, protocol: InferenceProtocol, seen: Seen) -> str:
        declared = _values(self._places.version, seen)
        if declared is not None:
            version = one_version(map(canonical_text, declared.tolist()))
            if version is not None:
                return version
        in_path = protocol.version(seen.exchange.path)
        return version_of(seen.exchange, seen.inference.version, in_path) or self._version

    def _columns(self, seen: Seen) -> dict[str, Column]:
        n = seen.inference.n
        times = instants_us(_values(self._places.time, seen), seen.exchange.started_us, n)
        columns = {"time": Column(times)} | exchange_columns(seen.exchange, seen.inference)
        if self._sampling < 1:
            columns["weight"] = Column(np.full(n, 1 / self._sampling))
        columns |= self._outcome(seen)
        for attribute, place in self._places.groups.items():
            values = place.values(seen)
            if values is not None:
                group = group_column(self._signals.groups[attribute], category(values))
                columns[f"group.{attribute}"] = group
        for source in self._features:
            columns |= source.columns(seen)
        return columns

    def _outcome(self, seen: Seen) -> dict[str, Column]:
        outputs, rule = seen.inference.outputs, self._signals.favourable
        at, score_at = self._places.prediction, self._places.score
        predictions = default_prediction(outputs) if at is None else at.values(seen)
        scores = default_score(outputs) if score_at is None else score_at.rows(seen)
        prediction, score = prediction_column(predictions, rule), score_column(scores, rule)
        favourable = favourable_outcome(rule, prediction, score, seen.inference.n)
        columns = {"prediction": prediction, "score": score, "favourable": Column(favourable)}
        return {name: column for name, column in columns.items() if column is not None}


def _bare(exchange: Exchange) -> Seen:
    """An exchange of which only its headers and timing are looked at."""
    return Seen(exchange, Inference(n=1))


def _values(place: Place | None, seen: Seen) -> NDArray[Any] | None:
    return None if place is None else place.values(seen)
