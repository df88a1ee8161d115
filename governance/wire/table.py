"""Which columns travel, with which dtypes and bounds: the table of ``governance.event``, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from governance.algebra.sums import MAX_WEIGHT
from governance.component.schema import Modality
from governance.errors import WireError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAST_INSTANT_US: Final = 253_402_300_799_999_999  # the end of year 9999: later has no notation


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What one column may hold.

    ``dtype`` is the numpy dtype of a column without a dictionary, None where only text is right;
    ``text`` tells whether a dictionary is right. ``low`` and ``high`` bound every value;
    ``missing`` stands where a row says nothing, None where every row must say something.
    """

    dtype: str | None
    text: bool = False
    low: float | None = None
    high: float | None = None
    missing: float | None = None

    def check(self, name: str, values: NDArray[Any]) -> None:
        """Raise WireError (``bounds``) if a value is outside the bounds; NaN is outside."""
        if not values.size or (self.low is None and self.high is None):
            return
        low, high = np.minimum.reduce(values), np.maximum.reduce(values)
        above = self.low is None or low >= self.low
        below = self.high is None or high <= self.high
        if not (above and below):
            raise WireError(
                "bounds", f"column {name!r} spans {low} to {high}, not {self.low} to {self.high}"
            )


CODES: Final = {"i1": "|i1", "|i1": "|i1", "<i2": "<i2", "<i4": "<i4"}
DTYPES: Final = {"V16": "|V16", "|V16": "|V16", "<i8": "<i8", "<f8": "<f8"} | CODES
MODALITIES: Final = frozenset(modality.value for modality in Modality)

_ID = ColumnRule("|V16")
_TIME = ColumnRule("<i8", low=0, high=LAST_INSTANT_US)
_NUMBER = ColumnRule("<f8", missing=np.nan)
_TEXT = ColumnRule(None, text=True)
_EITHER = ColumnRule("<f8", text=True, missing=np.nan)
_TERNARY = ColumnRule("|i1", low=-1, high=1, missing=-1)
_BINARY = ColumnRule("|i1", low=0, high=1, missing=0)
_TOKENS = ColumnRule("<i4", low=-1, high=2**31 - 1, missing=-1)
_BYTES = ColumnRule("<i8", low=-1, high=2**53, missing=-1)
_STATUS = ColumnRule("<i2", low=0, high=999, missing=0)
_WEIGHT = ColumnRule("<f8", low=1.0, high=MAX_WEIGHT, missing=1.0)
_CONTENTS_WEIGHT = ColumnRule("<f8", low=0.0, high=MAX_WEIGHT, missing=1.0)

EVENT_COLUMNS: Final = {
    "event_id": _ID,
    "time": _TIME,
    "latency_ms": _NUMBER,
    "ttft_ms": _NUMBER,
    "status_code": _STATUS,
    "prediction": _EITHER,
    "score": _NUMBER,
    "favourable": _TERNARY,
    "weight": _WEIGHT,
    "contents_weight": _CONTENTS_WEIGHT,
    "input_tokens": _TOKENS,
    "output_tokens": _TOKENS,
    "request_bytes": _BYTES,
    "response_bytes": _BYTES,
    "truncated": _BINARY,
    "undecodable": _TERNARY,
    "refusal": _TERNARY,
    "finish_reason": _TEXT,
}
LABEL_COLUMNS: Final = {
    "event_id": _ID,
    "time": _TIME,
    "label": _EITHER,
    "favourable": _TERNARY,
    "supersedes": _BINARY,
}


def event_rule(name: str) -> ColumnRule | None:
    """The rule of an event column, None where this build does not know the name."""
    rule = EVENT_COLUMNS.get(name)
    if rule is not None:
        return rule
    family, dot, rest = name.partition(".")
    if not (dot and rest):
        return None
    if family == "group":
        return _TEXT
    return _EITHER if family in MODALITIES else None


def label_rule(name: str) -> ColumnRule | None:
    """The rule of a label column, None where this build does not know the name."""
    return LABEL_COLUMNS.get(name)


def is_sum(name: str) -> bool:
    """Whether ``<modality>.fourier.<projection hash>`` is what the name says."""
    family, _, rest = name.partition(".")
    kind, _, projection = rest.partition(".")
    return family in MODALITIES and kind == "fourier" and bool(projection)
