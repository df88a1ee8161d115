"""The JSONPath that selectors may hold: RFC 9535 with names, indices, slices and ``[*]``."""

from __future__ import annotations

import jsonpath_rfc9535 as rfc9535
from jsonpath_rfc9535.segments import JSONPathChildSegment
from jsonpath_rfc9535.selectors import IndexSelector, NameSelector, SliceSelector, WildcardSelector

_PLAIN = (NameSelector, IndexSelector, SliceSelector, WildcardSelector)


def compile_path(text: str) -> rfc9535.JSONPathQuery:
    """Read a path.

    Raises
    ------
    ValueError
        If the text is not RFC 9535, or asks for more than names, indices, slices and ``[*]``
        (filters and ``..`` would let one request cost any amount of time).
    """
    try:
        query = rfc9535.compile(text)
    except (rfc9535.JSONPathError, RecursionError) as error:
        raise ValueError(f"{text!r} is not a JSONPath (RFC 9535): {error}") from None
    if not all(isinstance(segment, JSONPathChildSegment) for segment in query.segments):
        raise ValueError(f"{text!r}: '..' is not allowed: name every step of the path")
    selectors = [selector for segment in query.segments for selector in segment.selectors]
    if not all(isinstance(selector, _PLAIN) for selector in selectors):
        raise ValueError(f"{text!r}: only names, indices, slices and [*] are allowed")
    return query


def simple_name(text: str) -> str | None:
    """NAME where the path is ``$.NAME`` or ``$['NAME']``, else None."""
    try:
        segments = compile_path(text).segments
    except ValueError:
        return None
    selectors = segments[0].selectors if len(segments) == 1 else ()
    if len(selectors) == 1 and isinstance(selectors[0], NameSelector):
        return str(selectors[0].name)
    return None
