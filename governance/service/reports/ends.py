"""Which two groups a fairness finding is about: the lowest and the highest rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from governance.finding import GroupRate


def ends(groups: Iterable[GroupRate]) -> tuple[GroupRate, ...]:
    """The group with the lowest rate, and that with the highest if there are two."""
    known = [group for group in groups if group.rate is not None]
    known.sort(key=lambda group: (group.rate, group.group))
    return tuple(known[:: max(1, len(known) - 1)])
