"""JSON Schema as pydantic writes it → a structural schema, as Kubernetes wants one.

Structural means: no ``$ref``, one type a node, and nothing but further limits inside ``anyOf`` and
its like (KEP 1693). Three things have no counterpart and become something else:

- *A value of several types* (a share or a percentage) has no ``type``; what each type may be is
  said by keywords that bind that type alone, and the other types are shut out.
- *Unknown keys* are not refused by a schema: the API server prunes them, or refuses the request
  where it asks for strict fields, as kubectl does by default.
- *Defaults* are words in the description. An object that stores none follows the program's.
"""

from __future__ import annotations

import copy
from typing import Any

from governance.clock import format_duration

Schema = dict[str, Any]

_DROPPED = frozenset(
    {"$defs", "additionalProperties", "also", "anyOf", "default", "duration", "ge", "le"}
    | {"propertyNames", "title"}
)
_DEFINITION = "#/$defs/"

# No value of the type satisfies these; they bind no other type.
_NONE_OF: dict[str, Schema] = {
    "string": {"pattern": "^$", "minLength": 1},
    "number": {"minimum": 1, "maximum": 0},
    "object": {"maxProperties": 0},
    "array": {"maxItems": 0},
    "boolean": {},
}
_REST: dict[str, list[Any]] = {"object": [{}], "array": [[]], "boolean": [True, False]}


def structural(schema: Schema, rules: dict[str, Schema]) -> Schema:
    """The structural schema of a model.

    Parameters
    ----------
    schema
        From ``model_json_schema(by_alias=True, mode="validation")``.
    rules
        Further keywords (CEL rules, ``anyOf``) for definitions, by the name of their class.

    Raises
    ------
    KeyError
        If a rule is about a class that the schema does not have.
    """
    definitions = schema.get("$defs", {})
    unknown = rules.keys() - definitions.keys()
    if unknown:
        raise KeyError(f"rules for classes that the schema does not have: {sorted(unknown)}")
    return _Writer(definitions, rules).node(schema)


class _Writer:
    def __init__(self, definitions: dict[str, Schema], rules: dict[str, Schema]) -> None:
        self._definitions = definitions
        self._rules = rules

    def node(self, schema: Schema) -> Schema:
        """One node and all below it."""
        words = _description(schema)
        if "$ref" in schema:
            written = self._definition(schema["$ref"].removeprefix(_DEFINITION))
        elif "anyOf" in schema:
            written = self._union(schema["anyOf"])
        else:
            written = self._plain(schema)
        written["description"] = " ".join(filter(None, [written.get("description"), words]))
        if not written["description"]:
            del written["description"]
        return written

    def _definition(self, name: str) -> Schema:
        return self.node(self._definitions[name]) | copy.deepcopy(self._rules.get(name, {}))

    def _union(self, choices: list[Schema]) -> Schema:
        kept = [self.node(choice) for choice in choices if choice.get("type") != "null"]
        written = kept[0] if len(kept) == 1 else _several(kept)
        return written if len(kept) == len(choices) else written | {"nullable": True}

    def _plain(self, schema: Schema) -> Schema:
        written = {k: v for k, v in schema.items() if k not in {*_DROPPED, "description"}}
        if "const" in written:
            written["enum"] = [written.pop("const")]
        for bound in ("minimum", "maximum"):
            strict = f"exclusive{bound.capitalize()}"
            if strict in written:  # OpenAPI 3.0: a number and a flag
                written |= {bound: written[strict], strict: True}
        if "items" in written:
            written["items"] = self.node(written["items"])
        if "properties" in written:
            written["properties"] = self._properties(written["properties"])
        elif isinstance(schema.get("additionalProperties"), dict):
            written |= self._map(schema)
        return written or {"x-kubernetes-preserve-unknown-fields": True}

    def _properties(self, properties: dict[str, Schema]) -> dict[str, Schema]:
        written = {}
        for name, schema in properties.items():
            written[name] = self.node(schema)
            if "also" in schema:  # another name of the same field
                again = {k: v for k, v in written[name].items() if k != "description"}
                words = f"Another name of {name}."
                written[schema["also"]] = {"description": words, **copy.deepcopy(again)}
        return written

    def _map(self, schema: Schema) -> Schema:
        """A map with free keys, or, where the keys are a closed list, an object with these."""
        keys = schema.get("propertyNames", {})
        if "$ref" in keys:
            keys = self._definitions[keys["$ref"].removeprefix(_DEFINITION)]
        if "enum" in keys:
            return {
                "properties": {k: self.node(schema["additionalProperties"]) for k in keys["enum"]}
            }
        return {"additionalProperties": self.node(schema["additionalProperties"])}


def _several(choices: list[Schema]) -> Schema:
    """One node for values of several types: keywords of each bind that type alone."""
    written: Schema = {"x-kubernetes-preserve-unknown-fields": True}
    types = {"number" if c["type"] == "integer" else c["type"] for c in choices}
    for choice in choices:
        written |= {k: v for k, v in choice.items() if k not in {"type", "description"}}
    rest: list[Any] = []
    for kind in [kind for kind in _NONE_OF if kind not in types]:
        written |= _NONE_OF[kind]
        rest += _REST.get(kind, [])
    return written | ({"not": {"enum": sorted(rest, key=repr)}} if rest else {})


def _description(schema: Schema) -> str:
    words = " ".join(schema.get("description", "").replace("``", "").split())
    default = schema.get("default")
    if default in (None, {}, [], "") or isinstance(default, dict):
        return words
    shown = format_duration(default) if _is_duration(schema) else _shown(default)
    return f"{words} Default: {shown}.".strip()


def _is_duration(schema: Schema) -> bool:
    return "duration" in schema or any("duration" in s for s in schema.get("anyOf", ()))


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
