"""Selectors: where in a row, a request or a response a value is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SelectorKind(StrEnum):
    """The places that a selector can name."""

    COLUMN = "column"
    REQUEST = "request"
    RESPONSE = "response"
    HEADER = "header"
    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Selector:
    """``kind:argument``; ``argument`` is a name, a tensor, or an RFC 9535 JSONPath."""

    kind: SelectorKind
    argument: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.argument}"


def parse_selector(text: str) -> Selector:
    """Read ``column:NAME``, ``request:$.path``, ``header:NAME``, ``input:TENSOR`` and the like.

    Raises
    ------
    ValueError
        If the kind is unknown or the argument is empty.
    """
    kind, colon, argument = text.partition(":")
    known = ", ".join(k.value for k in SelectorKind)
    if not colon or kind not in SelectorKind.__members__.values():
        raise ValueError(f"{text!r} is not a selector: write KIND:NAME with KIND one of {known}")
    if not argument:
        raise ValueError(f"{text!r} names no place: write for example {kind}:age")
    return Selector(SelectorKind(kind), argument)
