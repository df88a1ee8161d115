"""JSON Schemas that answers must meet: read, checked, compiled.

A schema is declared in the component, or in a file beside it. References lead inside the schema
only: nothing is ever fetched. Drafts 4 to 2020-12, by ``$schema``; without it the newest.

The library (jsonschema-rs) is loaded only where a schema is declared: it takes 11 MB.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from governance.component.schema import Component

LONGEST_FILE = 1_000_000  # bytes of a schema; larger ones are no contract for an answer


def compiled(schema: dict[str, Any]) -> Callable[[Any], bool]:
    """Whether a value, as JSON is parsed, is valid. Cost: about 1 µs for 20 small objects.

    Raises
    ------
    ValueError
        If it is no JSON Schema.
    """
    import jsonschema_rs  # noqa: PLC0415 - see above

    try:
        return jsonschema_rs.validator_for(schema, retriever=_refuse).is_valid
    except ValueError as error:
        words = str(error).partition("\n")[0]
        raise ValueError(f"is no JSON Schema: {words}") from None


def with_schema_of_file(component: Component, base: Path) -> Component:
    """The component with the schema that ``spec.signals.responseSchema`` names by file.

    ``base`` is the component's file.

    Raises
    ------
    ValueError
        If the file cannot be read or holds no JSON Schema.
    """
    spec = component.spec
    name = spec.signals.response_schema
    if not isinstance(name, str):
        return component
    schema = _read(base.parent / name)
    signals = spec.signals.model_copy(update={"response_schema": schema})
    return component.model_copy(update={"spec": spec.model_copy(update={"signals": signals})})


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST_FILE + 1)
        schema = json.loads(raw) if len(raw) <= LONGEST_FILE else None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from None
    if not isinstance(schema, dict):
        words = f"it must be an object of at most {LONGEST_FILE:,} bytes"
        raise ValueError(f"{path} is no JSON Schema: {words}")  # noqa: TRY004 - a value, not a type
    try:
        compiled(schema)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None
    return schema


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} lies outside the schema, and nothing is fetched: write it under $defs")
