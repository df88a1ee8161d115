"""Whether answers are JSON that is valid by the schema the component declares.

The whole answer must be JSON: what parses it downstream takes off no code fence and no apology.
Cost: about 10 µs per kB.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from governance.component.json_schema import compiled
from governance.errors import ConfigError
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from governance.component.schema import Signals

FEATURE = "response_schema_valid"

_decode = msgspec.json.Decoder().decode


class SchemaValidity:
    """The declared schema.

    Raises
    ------
    ConfigError
        If it is a file that was not read, as in a component of the cluster.
    """

    def __init__(self, signals: Signals) -> None:
        self._is_valid: Callable[[object], bool] | None = None
        schema = signals.response_schema
        if isinstance(schema, str):
            raise ConfigError(
                f"spec.signals.responseSchema: {schema!r} is a file, and this component comes "
                "without its folder: write the schema itself"
            )
        if schema is not None:
            self._is_valid = compiled(schema)

    def columns(self, answers: Sequence[str | None]) -> dict[str, Column]:
        """1 valid, 0 not, NaN without an answer; nothing without a schema or any answer."""
        is_valid = self._is_valid
        if is_valid is None or all(answer is None for answer in answers):
            return {}
        found = [math.nan if a is None else float(_is_so(a, is_valid)) for a in answers]
        return {FEATURE: Column(np.array(found))}


def _is_so(answer: str, is_valid: Callable[[object], bool]) -> bool:
    try:
        return is_valid(_decode(answer))
    except (ValueError, RecursionError):  # no JSON, or nested deeper than anybody reads
        return False
