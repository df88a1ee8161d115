"""The nearest of the names that are allowed, for messages."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 24  # allowed names that a message lists


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """`` (did you mean 'x'?)``, or nothing where no name is near; spelling of case is no matter."""
    folded = {_fold(name): name for name in allowed}
    near = difflib.get_close_matches(_fold(found), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def listed(allowed: Iterable[str]) -> str:
    """The allowed names in their order, cut where there are very many."""
    names = list(allowed)
    more = f", ... ({len(names)} in all)" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _fold(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
