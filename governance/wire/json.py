"""Events and labels as JSON, for producers that have no columns.

One message is one object whose keys are the column names of ``governance.event``, plus
``version``. ``event_id`` is 32 hex digits, already pseudonymised: raw ids go through the door
only. ``time`` is RFC 3339 text or Unix seconds; without it the event happened when the log took
it. A number is a number, text and true/false are a category in canonical text, null is missing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from governance.algebra.canonical import canonical_text
from governance.clock import SECOND_US, parse_instant_us
from governance.errors import WireError
from governance.event import Column, EventBatch, LabelBatch
from governance.wire.columns import MAX_VERSION_LENGTH, VERSION_PATTERN
from governance.wire.table import ColumnRule, event_rule, label_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Fields = dict[str, Any]


def decode_event(message: bytes, default_time_us: int) -> tuple[EventBatch, tuple[str, ...]]:
    """Read one event as a batch of one row.

    Returns
    -------
    tuple
        The batch, and the keys that this build does not know and ignored. An absent ``version``
        is the empty text: whoever knows the component puts its ``spec.model.version`` there.

    Raises
    ------
    WireError
        If the message is not such an object; ``reason`` is one of ``malformed``, ``event_id``,
        ``time``, ``dtype``, ``bounds``, ``version``.
    """
    return event_batch([parse_object(message)], default_time_us)


def decode_label(message: bytes, default_time_us: int) -> tuple[LabelBatch, tuple[str, ...]]:
    """Read one label as a batch of one row; returns and raises as ``decode_event`` does."""
    return label_batch([parse_object(message)], default_time_us)


def parse_object(message: bytes) -> Fields:
    """Read a JSON object; raises WireError (``malformed``) for anything else."""
    try:
        return msgspec.json.decode(message, type=Fields)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("malformed", f"not one JSON object: {error}") from None


def event_batch(
    rows: Sequence[Mapping[str, Any]], default_time_us: int
) -> tuple[EventBatch, tuple[str, ...]]:
    """Make a batch of parsed events that share one ``version``; raises as ``decode_event``."""
    version = _version(rows)
    columns, unknown = _columns(rows, event_rule, default_time_us)
    unknown = tuple(name for name in unknown if name != "version")
    return EventBatch(version, len(rows), columns), unknown


def label_batch(
    rows: Sequence[Mapping[str, Any]], default_time_us: int
) -> tuple[LabelBatch, tuple[str, ...]]:
    """Make a batch of parsed labels; raises as ``decode_event`` does."""
    columns, unknown = _columns(rows, label_rule, default_time_us)
    if "label" not in columns and "favourable" not in columns:
        raise WireError("missing_column", "a label needs the key label or favourable")
    return LabelBatch(len(rows), columns), unknown


def _version(rows: Sequence[Mapping[str, Any]]) -> str:
    versions = {canonical_text(row.get("version")) for row in rows}
    if len(versions) > 1:
        raise WireError("version", f"one batch holds one version, not {sorted(versions)}")
    version = versions.pop() if versions else ""
    if len(version) > MAX_VERSION_LENGTH:
        raise WireError("version", f"a version has at most {MAX_VERSION_LENGTH} characters")
    if not re.match(VERSION_PATTERN, version):
        raise WireError("version", f"a version has no control characters: {version!r}")
    return version


def _columns(
    rows: Sequence[Mapping[str, Any]],
    rule_of: Callable[[str], ColumnRule | None],
    default_time_us: int,
) -> tuple[dict[str, Column], tuple[str, ...]]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {"event_id": _ids(rows), "time": _times(rows, default_time_us)}
    unknown = []
    for name in names:
        rule = rule_of(name)
        if rule is None:
            unknown.append(name)
        elif name not in columns:
            columns[name] = _column(name, [row.get(name) for row in rows], rule)
    return columns, tuple(unknown)


def _ids(rows: Sequence[Mapping[str, Any]]) -> Column:
    raw = b"".join(_id(row.get("event_id")) for row in rows)
    return Column(np.frombuffer(raw, dtype="V16"))


def _id(value: object) -> bytes:
    try:
        raw = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        raw = b""
    if len(raw) != 16:
        raise WireError(
            "event_id", "event_id must be 32 hex digits; send raw ids to the door, which keys them"
        )
    return raw


def _times(rows: Sequence[Mapping[str, Any]], default_time_us: int) -> Column:
    times = [_time(row.get("time"), default_time_us) for row in rows]
    return _checked("time", times, event_rule("time"))


def _time(value: object, default_time_us: int) -> int:
    if value is None:
        return default_time_us
    if isinstance(value, int) and not isinstance(value, bool):
        return value * SECOND_US
    if isinstance(value, str | float):
        try:
            return parse_instant_us(str(value))
        except ValueError as error:
            raise WireError("time", f"time: {error}") from None
    raise WireError("time", f"time is a {type(value).__name__}, not RFC 3339 text or Unix seconds")


def _column(name: str, values: list[Any], rule: ColumnRule) -> Column:
    if rule.text and not (rule.dtype and all(v is None or _is_number(v) for v in values)):
        return Column.encode([_category(name, value) for value in values])
    return _checked(name, [_number(name, value, rule) for value in values], rule)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _category(name: str, value: object) -> str | None:
    if isinstance(value, str | int | float):
        return canonical_text(value) or None
    if value is None:
        return None
    raise WireError("dtype", f"{name} is a {type(value).__name__}, not text, number or true/false")


def _number(name: str, value: object, rule: ColumnRule) -> float:
    if value is None and rule.missing is not None:
        return rule.missing
    if isinstance(value, bool) and rule.dtype == "|i1":
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise WireError("dtype", f"{name} is {value!r:.40}, not a number")


def _checked(name: str, values: Sequence[float], rule: ColumnRule | None) -> Column:
    if rule is None or rule.dtype is None:
        raise WireError("column", f"{name} holds no numbers")
    try:
        if rule.dtype != "<f8" and not all(float(value).is_integer() for value in values):
            raise WireError("dtype", f"{name} holds whole numbers only")
        exact = np.array(values, dtype="<f8" if rule.dtype == "<f8" else "<i8")
    except OverflowError:
        raise WireError("bounds", f"{name} is outside {rule.low} to {rule.high}") from None
    rule.check(name, exact)
    return Column(exact.astype(rule.dtype))
