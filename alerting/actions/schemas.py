"""The messages' JSON Schemas (2020-12), as they are published: one file a type of message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import msgspec

from alerting.actions.messages import MESSAGES
from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def schema_texts() -> dict[str, str]:
    """Each schema's text by the name of its file."""
    texts = {}
    for message in MESSAGES:
        (schema,), definitions = msgspec.json.schema_components(
            [message], ref_template="#/$defs/{name}"
        )
        (name,) = get_args(get_type_hints(message)["type"])
        whole = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **_resolved(schema, definitions),
            "$defs": {k: v for k, v in definitions.items() if k != message.__name__},
        }
        texts[f"{name}.json"] = json.dumps(whole, indent=2) + "\n"
    return texts


def write_schemas(folder: Path) -> Iterator[Path]:
    """Write all; raises ConfigError where the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in schema_texts().items():
            (folder / name).write_text(text, encoding="utf-8")
            yield folder / name
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}") from None


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The message itself at the top, in the place of a reference to it."""
    name = str(schema["$ref"]).rpartition("/")[2]
    return dict(definitions[name])
