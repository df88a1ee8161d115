"""What an endpoint said to one text, read as capture reads it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collectors.moments import version_of
from collectors.outcome import UNKNOWN
from collectors.places import Places
from collectors.read import decode
from collectors.results import outcome_columns
from collectors.signals import Seen, named_columns
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collectors.base import Exchange, InferenceProtocol
    from governance.component.schema import Component


@dataclass(frozen=True, slots=True)
class Answer:
    """Score and favourable outcome of one text; NaN where there is none, and ``problem`` why.

    ``problem`` is a short code that is counted; it is empty where an answer was read, even if
    score or outcome is missing in it.
    """

    score: float = math.nan
    outcome: float = math.nan  # 1 favourable, 0 not
    problem: str = ""
    version: str | None = None  # of the model, where path or answer names it


class AnswerReader:
    """Reads exchanges with ``spec.signals``; raises ConfigError for selectors of no use."""

    def __init__(self, component: Component, protocol: InferenceProtocol) -> None:
        self._rule = component.spec.signals.favourable
        self._places = Places.of(component.spec.signals)
        self._protocol = protocol

    def read(self, exchange: Exchange) -> Answer:
        """The answer of an exchange of one instance; an error of the model is its problem."""
        if exchange.status >= 300:
            return Answer(problem=f"http_{exchange.status}")
        try:
            return self._answer(exchange)
        except CaptureError as error:
            return Answer(problem=f"unreadable_{error.reason}")
        except RecursionError:
            return Answer(problem="unreadable_nesting")

    def _answer(self, exchange: Exchange) -> Answer:
        inference = decode(self._protocol, exchange)
        if inference.refused is not None:
            raise inference.refused
        if inference.parsed[0].response is None:
            raise CaptureError("no_body", "the answer is empty, or a stream of events")
        if inference.n != 1:
            raise CaptureError("instances", f"{inference.n} instances where one text was asked")
        seen = Seen([exchange], inference, named_columns(inference.inputs))
        columns = outcome_columns(self._places, self._rule, seen)
        score, outcome = columns.get("score"), int(columns["favourable"].values[0])
        in_path = self._protocol.version(exchange.path)
        return Answer(
            math.nan if score is None else float(score.values[0]),
            math.nan if outcome == UNKNOWN else float(outcome),
            version=version_of(exchange, inference.parsed[0].version, in_path),
        )
