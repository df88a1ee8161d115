"""Canonical text: one spelling for one value, whichever file, tensor or spec it came from.

The same category reaches Evenhand as the JSON number ``1``, the float ``1.0`` of a tensor, the CSV
cell ``1`` (or ``1.0``, as programs write integer columns with gaps) and the YAML text ``"1"``.
Everything that compares values (``in``, ``names``, groups, categories of a reference) compares this
text.
"""

from __future__ import annotations

import re

_INTEGRAL_TEXT = re.compile(r"([+-]?)0*(\d+)\.0+")


def canonical_text(value: object) -> str:
    """Integral numbers without ``.0``, ``true``/``false``, other floats by repr, else as written.

    Text is kept as written, but for decimal numbers that end in ``.0`` and for any casing of true
    and false. Missing (None, empty text) is the empty text.

    Examples
    --------
    >>> [canonical_text(v) for v in (1, 1.0, "1.0", True, "True", 0.5, "0.50", -0.0, None)]
    ['1', '1', '1', 'true', 'true', '0.5', '0.50', '0', '']
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return _of_text(value)
    plain = value.item() if hasattr(value, "item") else value  # a numpy scalar
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, float):
        return str(int(plain)) if plain.is_integer() else repr(plain)
    return _of_text(str(plain))


def _of_text(text: str) -> str:
    integral = _INTEGRAL_TEXT.fullmatch(text)
    if integral:
        sign, digits = integral.groups()
        return f"-{digits}" if sign == "-" and digits != "0" else digits
    lowered = text.lower()
    return lowered if lowered in {"true", "false"} else text
