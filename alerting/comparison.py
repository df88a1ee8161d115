"""Is a candidate worse than its baseline, on windows of the same time. Pure.

The difference of two estimates has the MOVER interval of Zou and Donner (2008, eq. 7; Newcombe
1998, method 10, for shares): its lower limit is d - sqrt((c - l_c)^2 + (u_b - b)^2), from value and
limits of each. Half-widths are stretched from 95 % to the error that is asked for, as if they were
normal: an approximation, good where the intervals are near symmetric. *Worse* is big and real: the
difference reaches a tenth of the limit, and the lower limit of its interval is above 0.
"""

from __future__ import annotations

from math import hypot
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from governance.clock import parse_instant_us
from governance.component.metrics import is_bad_above

if TYPE_CHECKING:
    from collections.abc import Mapping

    Body = Mapping[str, Any]

TOLERANCE = 0.1  # of its limit that a check may be worse than the baseline
_SHOWN_95 = NormalDist().inv_cdf(0.975)  # the intervals of findings are two-sided, 95 %
_ABOUT = ("check", "modality", "subject", "test")
_DISTANCES = frozenset({"drift", "data_quality"})  # from the reference: they compare already


def comparable(body: Body) -> bool:
    """Whether a finding has what a comparison needs: value, interval, limit."""
    numbers = (body["value"], body["lower"], body["upper"], body["threshold"])
    return body["check"] not in _DISTANCES and all(n is not None for n in numbers)


def same_time(one: Body, other: Body) -> bool:
    """Whether two findings say the same of two versions, in windows of the same time.

    Windows of a time have the same number; windows that count events overlap.
    """
    if any(one[name] != other[name] for name in _ABOUT):
        return False
    first, second = one["window"], other["window"]
    if first["kind"] == "every":
        return bool(first["number"] == second["number"])
    starts, ends = ([parse_instant_us(w[end]) for w in (first, second)] for end in ("start", "end"))
    return max(starts) <= min(ends)


def worse(candidate: Body, baseline: Body, error: float) -> str:
    """How much worse the candidate is, in words; empty where that is not proven.

    ``error`` is the chance, at most and one-sided, of saying so of two that are alike.
    """
    if not (comparable(candidate) and comparable(baseline)):
        return ""
    value, low, high = (candidate[name] for name in ("value", "lower", "upper"))
    base, base_low, base_high = (baseline[name] for name in ("value", "lower", "upper"))
    if is_bad_above(candidate["check"]):
        by, reach = value - base, hypot(value - low, base_high - base)
    else:
        by, reach = base - value, hypot(high - value, base - base_low)
    stretch = NormalDist().inv_cdf(1 - error) / _SHOWN_95
    if by < TOLERANCE * abs(candidate["threshold"]) or by - stretch * reach <= 0:
        return ""
    return f"{value:.4g} against {base:.4g} in windows of the same time"
