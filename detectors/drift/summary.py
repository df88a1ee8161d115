"""What the drift of a modality comes to: one verdict over all subjects."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from detectors.drift.family import RAISED, WORST_LAST
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHECK = "drift"
NO_REFERENCE = (
    "no reference: build one from usual traffic with `evenhand baseline` and name it in "
    "spec.baseline.uri, or give --reference"
)
_NAMED = 3  # subjects whose change is told
_LISTED = 8  # subjects that are named at all


def no_reference(modality: str, events: int) -> Verdict:
    """The only verdict where there is nothing to compare with."""
    return _of_component(modality, Status.INSUFFICIENT, NO_REFERENCE, events)


def component_verdict(
    modality: str, verdicts: Sequence[Verdict], moves: Mapping[str, str], events: int
) -> Verdict:
    """The worst status of all subjects, and who is to blame.

    A subject that is not judged does not hide the others: the component is ``insufficient`` only
    if no subject is judged. ``moves`` says in words what changed in each subject that did.
    """
    if not verdicts:
        reason = "reference: it holds no feature that the component watches"
        return _of_component(modality, Status.INSUFFICIENT, reason, events)
    worst = max((verdict.status for verdict in verdicts), key=WORST_LAST.index)
    parts = [_blamed(verdicts, moves), _not_judged(verdicts, alone=worst is Status.INSUFFICIENT)]
    return _of_component(modality, worst, "; ".join(part for part in parts if part), events)


def whole_verdict(
    of_modalities: Sequence[Verdict], outputs: Verdict | None, events: int
) -> Verdict:
    """The verdict on a component of several modalities, from those on each and on the outputs.

    It names the modalities to blame, the gravest first, those that are calm, and those that could
    not be judged.
    """
    parts = [v for v in (*of_modalities, outputs) if v is not None]
    worst = max((v.status for v in parts), key=WORST_LAST.index)
    raised = sorted((v for v in parts if v.status in RAISED), key=_worst_first)
    told = [
        [f"changed: {'; '.join(map(_change, raised))}"] if raised else [],
        _named("calm", [v for v in parts if v.status is Status.OK]),
        _named("not_judged", [v for v in parts if v.status is Status.INSUFFICIENT]),
    ]
    if worst is Status.INSUFFICIENT and len({v.reason for v in parts}) == 1:
        told = [[parts[0].reason]]
    elif not raised and worst is Status.OK:
        told.pop(1)
    return _of_component("", worst, "; ".join(text for texts in told for text in texts), events)


def _change(verdict: Verdict) -> str:
    words = verdict.reason.partition("changed: ")[2]
    return f"{verdict.modality} ({words})" if verdict.modality else words


def _named(code: str, verdicts: Sequence[Verdict]) -> list[str]:
    if code == "not_judged":
        names = [f"{v.modality or 'outputs'} ({v.reason})" for v in verdicts]
    else:
        names = [v.modality or "outputs" for v in verdicts]
    return [f"{code}: {', '.join(names)}"] if names else []


def _worst_first(verdict: Verdict) -> int:
    return -WORST_LAST.index(verdict.status)


def _blamed(verdicts: Sequence[Verdict], moves: Mapping[str, str]) -> str:
    """The subjects that changed, the gravest first, by how far they are beyond their limit."""
    raised = sorted((v for v in verdicts if v.status in RAISED), key=_gravity)
    if not raised:
        return ""
    told = [f"{v.subject}: {moves[v.subject]}" for v in raised[:_NAMED]]
    return "changed: " + "; ".join([*told, *_listed([v.subject for v in raised[_NAMED:]], "also")])


def _not_judged(verdicts: Sequence[Verdict], *, alone: bool) -> str:
    subjects = defaultdict(list)
    for verdict in verdicts:
        if verdict.status is Status.INSUFFICIENT:
            subjects[verdict.reason].append(verdict.subject)
    if alone and len(subjects) == 1:
        return next(iter(subjects))
    by_code = defaultdict(list)
    for reason, names in subjects.items():
        by_code[reason.partition(":")[0]].extend(names)
    told = [f"{code} ({', '.join(_listed(names))})" for code, names in by_code.items()]
    return "not_judged: " + ", ".join(told) if told else ""


def _listed(names: Sequence[str], lead: str = "") -> list[str]:
    more = [f"{len(names) - _LISTED} more"] if len(names) > _LISTED else []
    listed = [*names[:_LISTED], *more]
    return [f"{lead} {', '.join(listed)}"] if listed and lead else listed


def _gravity(verdict: Verdict) -> tuple[int, float, str]:
    beyond = (verdict.value or 0.0) / (verdict.threshold or 1.0)
    return -WORST_LAST.index(verdict.status), -beyond, verdict.subject


def _of_component(modality: str, status: Status, reason: str, events: int) -> Verdict:
    return Verdict(
        check=CHECK,
        subject="",
        status=status,
        reason=reason,
        modality=modality,
        events=events,
    )
