"""pydantic's errors as located problems: what was found, what is allowed, the nearest key."""

from __future__ import annotations

import typing
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, ValidationError

from governance.component.nearest import did_you_mean, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from governance.component.document import Document, Steps
    from governance.errors import Problem

Model = TypeVar("Model", bound=BaseModel)


def read_model(model: type[Model], document: Document) -> tuple[Model | None, list[Problem]]:
    """Validate a document; the model, or every problem that pydantic found."""
    if not isinstance(document.value, dict):
        found = _shown(document.value)
        return None, [document.problem((), f"found {found}, expected a mapping of keys")]
    try:
        return model.model_validate(document.value), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, list(_problems(model, document, details))


def _problems(
    model: type[BaseModel], document: Document, details: list[ErrorDetails]
) -> Iterator[Problem]:
    seen = set()
    for detail in details:
        if detail["type"] == "too_short" and _has_wrong_items(detail["loc"], details):
            continue  # pydantic counts only the items that are right
        path = _in_document(document.value, detail["loc"], detail["type"])
        message = _message(model, path, detail)
        if (path, message) not in seen:
            seen.add((path, message))
            yield document.problem(path, message)


def _has_wrong_items(location: Steps, details: list[ErrorDetails]) -> bool:
    n = len(location)
    return any(len(d["loc"]) > n and d["loc"][:n] == location for d in details)


def _in_document(value: Any, location: Steps, kind: str) -> Steps:
    """The part of pydantic's location that is a path in the document (unions add names)."""
    path: Steps = ()
    for step in location:
        last = kind == "missing" and len(path) == len(location) - 1
        if isinstance(value, dict) and (step in value or last):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            break
        path = (*path, step)
    return path


def _message(model: type[BaseModel], path: Steps, detail: ErrorDetails) -> str:
    kind, found = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), _keys(model, path[:-1]))
    if kind == "missing":
        return "is required and not there"
    if kind in {"enum", "literal_error"}:
        allowed = _values(_type_at(model, path))
        near = did_you_mean(str(found), allowed)
        return f"found {_shown(found)}, allowed: {listed(allowed)}{near}"
    if kind == "string_type" and isinstance(found, int | float):
        return f"found the number {found}, expected text: write it in quotes"
    if kind in _EXPECTED:
        return f"found {_shown(found)}, expected {_EXPECTED[kind]}"
    words = detail["msg"].removeprefix("Value error, ")
    return f"found {_shown(found)}: {words[0].lower()}{words[1:]}"


_EXPECTED = {
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "tuple_type": "a list",
    "list_type": "a list",
    "too_short": "at least one item",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
}


def _unknown_key(found: str, allowed: list[str]) -> str:
    near = did_you_mean(found, allowed)
    return f"unknown key{near}; allowed: {listed(allowed)}" if allowed else "unknown key"


def _shown(value: object) -> str:
    kinds = {dict: "a mapping", list: "a list", type(None): "nothing"}
    text = kinds.get(type(value)) or repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _keys(model: type[BaseModel], path: Steps) -> list[str]:
    found = _type_at(model, path)
    if isinstance(found, type) and issubclass(found, BaseModel):
        return [field.alias or name for name, field in found.model_fields.items()]
    return []


def _type_at(found: Any, path: Steps) -> Any:
    """The annotation that the schema has for a path; None where it has none."""
    found = _bare(found)
    for step in path:
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = _bare(_annotations(found).get(str(step)))
        else:  # dict[key, value] and tuple[item, ...]
            arguments = typing.get_args(found)
            kind = typing.get_origin(found)
            found = _bare(arguments[1 if kind is dict else 0]) if arguments else None
    return found


def _annotations(model: type[BaseModel]) -> dict[str, Any]:
    """The annotation of each key that a model reads, under all its names."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        found[field.alias or name] = field.annotation
        if isinstance(field.validation_alias, AliasChoices):
            found |= {str(also): field.annotation for also in field.validation_alias.choices}
    return found


def _bare(annotation: Any) -> Any:
    """An annotation without ``Annotated`` and without ``| None``."""
    while True:
        arguments = [a for a in typing.get_args(annotation) if a is not type(None)]
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated or (len(arguments) == 1 and origin not in _CONTAINERS):
            annotation = arguments[0]
        else:
            return annotation


_CONTAINERS = (dict, tuple, list, Literal)


def _values(annotation: Any) -> list[str]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member.value) for member in annotation]
    return [str(value) for value in typing.get_args(annotation)]
