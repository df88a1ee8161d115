"""Exchanges, components and captures as tests need them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from collectors.base import Exchange
from collectors.capture import Capture
from governance.component.schema import Component
from governance.privacy import Pseudonymiser

if TYPE_CHECKING:
    from governance.event import EventBatch

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


KEY = bytes(range(32))
KEYED = Pseudonymiser(KEY)


def component(**spec: Any) -> Component:
    """A tabular component at privacy ``open``; ``spec`` replaces blocks of its spec."""
    blocks = {
        "model": {"name": "m", "version": "1.0", "modality": ["tabular"]},
        "governance": {"dataPrivacy": {"level": "open"}},
    }
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "m", "namespace": "shop"},
            "spec": blocks | spec,
        }
    )


def captured(seen: Exchange, **spec: Any) -> EventBatch:
    """What a component with this spec makes of an exchange."""
    batch = Capture(component(**spec), KEYED).capture(seen)
    assert batch is not None
    return batch


def values(batch: EventBatch, name: str) -> list[Any]:
    """A column as plain values; None where missing."""
    column = batch.columns[name]
    if column.dictionary is not None:
        return [None if code < 0 else column.dictionary[code] for code in column.values]
    return [None if value != value else value for value in column.values.tolist()]  # noqa: PLR0124 - NaN
