"""Columns that every event has: when it was, how long it took, how it ended; and its version."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.finish_reasons import finish_reasons
from governance.clock import parse_instant_us
from governance.errors import CaptureError
from governance.event import Column
from governance.wire.table import LAST_INSTANT_US

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from collectors.base import Exchange, Inference

_VERSION = re.compile(r"[\w.+:@/-]{1,128}", re.ASCII)


def exchange_columns(exchange: Exchange, inference: Inference) -> dict[str, Column]:
    """Latency, status, bytes, and what the answer says of itself: tokens, how it ended."""
    n = inference.n
    columns = {
        "latency_ms": Column(np.full(n, exchange.latency_ms)),
        "status_code": Column(np.full(n, exchange.status, dtype=np.int16)),
    }
    for name in ("request_bytes", "response_bytes"):
        size = getattr(exchange, name)
        if size is not None:
            columns[name] = Column(np.full(n, size, dtype=np.int64))
    if exchange.ttft_ms is not None:
        columns["ttft_ms"] = Column(np.full(n, exchange.ttft_ms))
    for name in ("input_tokens", "output_tokens"):
        tokens = getattr(inference, name)
        if tokens is not None:
            columns[name] = Column(np.full(n, tokens, dtype=np.int32))
    if inference.refusal is not None:
        columns["refusal"] = Column(np.full(n, inference.refusal, dtype=np.int8))
    if inference.finish_reason is not None:
        columns["finish_reason"] = finish_reasons(Column.encode([inference.finish_reason] * n))
    return columns


def instants_us(values: NDArray[Any] | None, default_us: int, n: int) -> NDArray[np.int64]:
    """When each event happened, shape (n,), UTC microseconds; ``default_us`` where missing.

    Raises
    ------
    CaptureError
        ``time``, if a value is neither RFC 3339 nor Unix seconds from 1970 to 9999.
    """
    if values is None:
        return np.full(n, default_us, dtype=np.int64)
    return np.array([_instant_us(v, default_us) for v in values.tolist()], dtype=np.int64)


def version_of(exchange: Exchange, in_response: str | None, in_path: str | None) -> str | None:
    """The version that the exchange itself names: response, then path.

    The path is the client's word: it counts only where the server did not refuse the request
    (4xx), so that nobody makes versions up.
    """
    refused = 400 <= exchange.status < 500
    candidates = (in_response, None if refused else in_path)
    return next((text for text in candidates if text and _VERSION.fullmatch(text)), None)


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
