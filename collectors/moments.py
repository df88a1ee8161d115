"""Columns that every event has: when it was, how long it took, how it ended; and its version."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.finish_reasons import finish_reasons
from governance.clock import parse_instant_us
from governance.errors import CaptureError
from governance.event import Column
from governance.wire.table import LAST_INSTANT_US

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import DTypeLike, NDArray

    from collectors.base import Exchange, Parsed
    from collectors.signals import Seen

_OF_EXCHANGES: dict[str, DTypeLike] = {
    "latency_ms": np.float64,
    "request_bytes": np.int64,
    "response_bytes": np.int64,
    "ttft_ms": np.float64,
}
_OF_ANSWERS: dict[str, DTypeLike] = {
    "input_tokens": np.int32,
    "output_tokens": np.int32,
    "refusal": np.int8,
}
_of_exchange, _of_answer = attrgetter(*_OF_EXCHANGES), attrgetter(*_OF_ANSWERS)
_VERSION = re.compile(r"[\w.+:@/-]{1,128}", re.ASCII)
_LONGEST_VERSION = 128


def exchange_columns(seen: Seen) -> dict[str, Column]:
    """Latency, status, bytes, and what answers say of themselves: tokens, how they ended.

    Of several exchanges all know a number, or none does (``collectors.stack``).
    """
    exchanges, parsed = seen.exchanges, seen.inference.parsed
    columns = {"status_code": Column(seen.each([one.status for one in exchanges], np.int16))}
    for table, those in ((_OF_EXCHANGES, exchanges), (_OF_ANSWERS, parsed)):
        for name, dtype in table.items():
            values = [getattr(one, name) for one in those]
            if values[0] is not None:
                columns[name] = Column(seen.each(values, dtype))
    reasons = [one.finish_reason for one in parsed]
    if any(reason is not None for reason in reasons):
        columns["finish_reason"] = finish_reasons(Column.encode(seen.each(reasons).tolist()))
    return columns


def known(exchange: Exchange, parsed: Parsed) -> tuple[bool, ...]:
    """Which of the numbers that an exchange may have it has."""
    numbers = (*_of_exchange(exchange), *_of_answer(parsed))
    return tuple([number is not None for number in numbers])


def instants_us(values: NDArray[Any] | None, seen: Seen) -> NDArray[np.int64]:
    """When each event happened, shape (n,), UTC microseconds; its request's start where missing.

    Raises
    ------
    CaptureError
        ``time``, if a value is neither RFC 3339 nor Unix seconds from 1970 to 9999.
    """
    started = seen.each([one.started_us for one in seen.exchanges], np.int64)
    if values is None:
        return started
    pairs = zip(values.tolist(), started.tolist(), strict=True)
    return np.array([_instant_us(value, default_us) for value, default_us in pairs], dtype=np.int64)


def version_of(exchange: Exchange, in_response: str | None, in_path: str | None) -> str | None:
    """The version that the exchange itself names: response, then path.

    The path is the client's word: it counts only where the server did not refuse the request
    (4xx), so that nobody makes versions up.
    """
    refused = 400 <= exchange.status < 500
    for text in (in_response, None if refused else in_path):
        if text and len(text) <= _LONGEST_VERSION and _is_version(text):
            return text
    return None


def one_version(texts: Iterable[str | None]) -> str | None:
    """The version that all instances share; raises CaptureError (``version``) if they differ."""
    distinct = {text for text in texts if text}
    if len(distinct) > 1:
        raise CaptureError("version", f"one request names {len(distinct)} versions of the model")
    version = next(iter(distinct), None)
    if version is not None and not _VERSION.fullmatch(version):
        raise CaptureError(
            "version", f"spec.signals.version gives {len(version)} characters that are no version"
        )
    return version


@lru_cache(maxsize=256)
def _is_version(text: str) -> bool:
    return _VERSION.fullmatch(text) is not None


def _instant_us(value: object, default_us: int) -> int:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return default_us
    try:
        instant = parse_instant_us(str(value))
        if 0 <= instant <= LAST_INSTANT_US:
            return instant
    except (ValueError, OverflowError):
        pass  # the same answer as for an instant out of range
    raise CaptureError(
        "time", "spec.signals.time gives neither RFC 3339 nor Unix seconds from 1970 to 9999"
    )
