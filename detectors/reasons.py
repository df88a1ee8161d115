"""Reasons of findings: ``code: words``, several joined by ``; ``, the decisive one first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.outcome_table import Arrival

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detectors.base import WindowView

NO_THRESHOLD = "no threshold"
NO_EVENTS = "no_events: the window holds no event"
NOT_ASKED = (
    "not_asked: no event of the window was one of those whose contents are looked at: raise "
    "spec.capture.cpuBudget"
)
NOT_SEEN = "not_seen: no event of the window carries a value of this modality"
FAVOURABLE_NOT_DECLARED = (
    "favourable_not_declared: say in spec.signals.favourable which predictions are favourable, "
    'for example {in: ["1"]}'
)
GROUPS_NOT_DECLARED = (
    "groups_not_declared: name the sensitive attributes in spec.signals.groups, for example "
    "{sex: column:SEX}"
)
SCORES_MISSING = (
    "scores_missing: no labelled event has a score in [0, 1]: say in spec.signals.score where the "
    "probability of the favourable outcome is"
)
_NAMED = 8  # groups that a reason lists one by one


def join(reasons: Iterable[str]) -> str:
    """One reason out of several; empty ones are left out."""
    return "; ".join(reason for reason in reasons if reason)


def lost(view: WindowView, max_loss: float) -> str:
    """Why a newest pane with too much lost telemetry is not judged; empty if it is."""
    share = view.panes[-1].lost_share
    if share <= max_loss:
        return ""
    return f"lost: {share:.3g} of the window's events were lost, maxLoss is {max_loss:.3g}"


def filling(view: WindowView, unit: int) -> str:
    """Why nothing can be judged before ``unit`` panes make the first window; empty after."""
    panes = len(view.panes)
    return "" if panes >= unit else f"filling: the first window holds {panes} of its {unit} panes"


def too_few(size: float) -> str:
    """Why a number beside its limit is not called ok."""
    return f"small: {size:.4g} effective events may lie on either side of the limit"


def unsure(bound: float, error: float, *, above: bool) -> str:
    """Why a value past its limit is only a warning."""
    side = "lower" if above else "upper"
    return (
        f"unsure: its {side} bound, {bound:.4g} at an error of one in {1 / error:,.0f}, is within "
        "the limit"
    )


def provisional(view: WindowView) -> str:
    """Why a label-based check is not final yet; empty if it is."""
    return "" if view.labels_mature else f"provisional until {view.provisional_until}"


def capped(fragile: Arrival) -> str:
    """Why a breach is only a warning."""
    if fragile is Arrival.INCOMPLETE:
        return "capped: a breach needs labels for 90 % of the events"
    return "capped: label coverage differs by more than 0.1 between predictions"


def labels_missing(missing: int, if_0: float, if_1: float) -> str:
    """How many labels are missing, and the value if all of them were 0 and 1; empty if none."""
    if missing == 0:
        return ""
    return f"labels_missing: {missing} (value {if_0:.4g} if all were 0, {if_1:.4g} if all were 1)"


def labels_missing_count(missing: int) -> str:
    """How many labels are missing, where nobody can say what they would change; empty if none."""
    return f"labels_missing: {missing}" if missing else ""


def left_out(groups: Iterable[tuple[str, float]], minimum: float, denominator: str) -> str:
    """Which groups are too small to be compared, with their sizes; empty if none."""
    listed = _listed(groups)
    return listed and f"left_out: {listed} (fewer than {minimum:g} {denominator})"


def groups_too_small(groups: Iterable[tuple[str, float]], minimum: float, denominator: str) -> str:
    """Why there is nothing to compare, with the sizes of all groups."""
    listed = _listed(groups) or "no group was seen"
    return f"groups_too_small: fewer than two groups have {minimum:g} {denominator} ({listed})"


def beyond(events: int, bound: int) -> str:
    """How many events lie in groups that are not kept apart; empty if none."""
    if events == 0:
        return ""
    return f"beyond: {events} events are in groups past the first {bound}, which are not compared"


def _listed(groups: Iterable[tuple[str, float]]) -> str:
    sizes = sorted(groups, key=lambda group: (-group[1], group[0]))
    listed = ", ".join(f"{name} {size:.4g}" for name, size in sizes[:_NAMED])
    more = f" and {len(sizes) - _NAMED} more" if len(sizes) > _NAMED else ""
    return listed + more
