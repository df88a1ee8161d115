"""The collection of real bodies beside the repository, and the numbers in a body."""

import os
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("EVENHAND_SHARED", ROOT.parent / "shared"))
COLLECTION = SHARED / "data" / "protocol_payloads"


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers_in(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers_in(item)]
    return [value] if isinstance(value, int | float) else []


def values_sent(body: bytes) -> list[Any]:
    """What stands in the instances, or in the tensors' data."""
    request = msgspec.json.decode(body)
    parts = request if isinstance(request, list) else [request]
    rows = [row for part in parts for row in part.get("instances", part.get("inputs", []))]
    return [row["data"] if isinstance(row, dict) and "data" in row else row for row in rows]
