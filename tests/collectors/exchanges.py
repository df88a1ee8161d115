"""Exchanges as tests need them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from collectors.base import Exchange

GOLDEN = Path(__file__).parent.parent / "golden" / "protocols"
V1_PATH = "/v1/models/m:predict"
V2_PATH = "/v2/models/m/infer"
CHAT_PATH = "/v1/chat/completions"


def exchange(target: str, request: Any, response: Any = None, **changes: Any) -> Exchange:
    """A POST that was answered with 200; bodies may be JSON values or bytes."""
    fields: dict[str, Any] = {
        "method": "POST",
        "target": target,
        "request_headers": {},
        "request_body": body(request),
        "status": 200,
        "response_headers": {"content-type": "application/json"},
        "response_body": None if response is None else body(response),
        "started_us": 1_700_000_000_000_000,
        "latency_ms": 12.5,
    }
    return Exchange(**(fields | changes))


def body(value: Any) -> bytes:
    """Bytes as they are, anything else as JSON."""
    return value if isinstance(value, bytes) else msgspec.json.encode(value)
