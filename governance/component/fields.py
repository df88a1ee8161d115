"""What one field of a component may be written as: durations, shares, selectors, outcomes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from governance.clock import parse_duration_us
from governance.component.json_schema import compiled
from governance.component.selector import Selector, parse_selector


def _duration(value: object) -> int:
    if isinstance(value, str):
        return parse_duration_us(value)
    raise ValueError(f"{value!r} is not a duration: write for example 30s, 10m, 1h30m or 7d")


def _percent_or_ratio(value: object) -> object:
    if isinstance(value, str) and value.strip().endswith("%"):
        return float(value.strip()[:-1]) / 100
    return value


def _selector(value: object) -> Selector:
    if isinstance(value, Selector):
        return value
    if isinstance(value, str):
        return parse_selector(value)
    raise ValueError(f"{value!r} is not a selector: write for example column:age or output:predict")


def _outcome(value: object) -> object:
    if isinstance(value, str | int | float):
        return value
    raise ValueError("an outcome is text, a number, true or false: put anything else in quotes")


def _place(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern}


def _json_schema(value: object) -> object:
    if isinstance(value, dict):
        compiled(value)
        return value
    if isinstance(value, str) and value:
        return value
    raise ValueError("is no JSON Schema: write one, or the name of a JSON file beside this one")


def _positive(value: int) -> int:
    if value <= 0:
        raise ValueError("must be longer than 0s")
    return value


# What may be written, as patterns that Python and RE2 (Kubernetes) read alike: these fields become
# something else when they are read, so pydantic cannot know it.
DURATION_PATTERN = r"^\s*([0-9]+(\.[0-9]+)?(us|ms|s|m|h|d|w))+\s*$"
PERCENT_PATTERN = r"^\s*0*(100(\.0*)?|[0-9]{1,2}(\.[0-9]*)?|\.[0-9]+)\s*%\s*$"

_SPACE = r"[ \t\n\r]*"
_QUOTED = r"""('([^'\\]|\\.)*'|"([^"\\]|\\.)*")"""
_INT = r"(0|-?[1-9][0-9]*)"
_SLICE = rf"({_INT}{_SPACE})?:{_SPACE}({_INT}{_SPACE})?(:({_SPACE}{_INT})?)?"
_STEP = rf"({_QUOTED}|{_INT}|{_SLICE}|\*)"
_NAME = r"[^\x00-\x40\x5b-\x5e\x60\x7b-\x7f][^\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]*"
_SEGMENT = rf"{_SPACE}(\.({_NAME}|\*)|\[{_SPACE}{_STEP}({_SPACE},{_SPACE}{_STEP})*{_SPACE}\])"
_PATH = rf"(request|response):\$({_SEGMENT})*"
_KIND = "(column|header|input|output):"

PLACE_PATTERN = rf"^({_PATH}|{_KIND}([^*]|(?s:..+)))$"
PLACES_PATTERN = rf"^({_PATH}|{_KIND}(?s:.+))$"  # of tabular features: column:* reads all

_DURATION = Annotated[
    str, Field(pattern=DURATION_PATTERN, max_length=40, json_schema_extra={"duration": True})
]
_PERCENT = Annotated[str, Field(pattern=PERCENT_PATTERN)]
_SHARE = Annotated[float, Field(ge=0, le=1)]

DurationUs = Annotated[int, BeforeValidator(_duration, json_schema_input_type=_DURATION)]
PositiveDurationUs = Annotated[
    int,
    BeforeValidator(
        _duration,
        json_schema_input_type=Annotated[
            _DURATION, Field(json_schema_extra={"not": {"pattern": "^[^1-9]*$"}})
        ],
    ),
    AfterValidator(_positive),
]
Ratio = Annotated[
    float,
    BeforeValidator(_percent_or_ratio, json_schema_input_type=_SHARE | _PERCENT),
    Field(ge=0, le=1),
]
Outcome = Annotated[Any, BeforeValidator(_outcome, json_schema_input_type=str | int | float | bool)]
JsonSchema = Annotated[
    Any, BeforeValidator(_json_schema, json_schema_input_type=dict[str, Any] | str)
]
Place = Annotated[Selector, BeforeValidator(_selector), WithJsonSchema(_place(PLACE_PATTERN))]
Places = Annotated[Selector, BeforeValidator(_selector), WithJsonSchema(_place(PLACES_PATTERN))]
