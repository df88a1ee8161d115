"""What one field of a component may be written as: durations, shares, selectors, outcomes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from governance.clock import parse_duration_us
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


def _positive(value: int) -> int:
    if value <= 0:
        raise ValueError("must be longer than 0s")
    return value


DurationUs = Annotated[int, BeforeValidator(_duration)]
PositiveDurationUs = Annotated[int, BeforeValidator(_duration), AfterValidator(_positive)]
Ratio = Annotated[float, BeforeValidator(_percent_or_ratio), Field(ge=0, le=1)]
Outcome = Annotated[Any, BeforeValidator(_outcome)]
Place = Annotated[Selector, BeforeValidator(_selector)]
