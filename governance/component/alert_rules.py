"""``spec.monitoring.alerts``: how loud a check may be, and how many windows it takes."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from governance.component.block import Block

if TYPE_CHECKING:
    from collections.abc import Iterable


class AlertRule(Block):
    """The rule of every check that ``check`` (``*`` as wildcard) names; the first that does holds.

    What is left out is the installation's: settings ``alerting.breaches``, ``ofWindows``,
    ``keepFiring``, ``resolveAt``.
    """

    check: str = Field(default="*", min_length=1)
    severity: Literal["breach", "warning", "none"] = "breach"  # the loudest that it may become
    breaches: int | None = Field(default=None, ge=1)  # fire when so many ...
    of_windows: int | None = Field(default=None, ge=1, le=24)  # ... of the newest so many breach
    keep_firing: int | None = Field(default=None, ge=1, le=24)  # calm windows before it resolves
    resolve_at: float | None = Field(default=None, gt=0, le=1)  # of its limit: calm is below that

    @model_validator(mode="after")
    def _can_fire(self) -> AlertRule:
        breaches, of_windows = self.breaches, self.of_windows
        if breaches is not None and of_windows is not None and breaches > of_windows:
            raise ValueError(f"breaches: {breaches} of ofWindows: {of_windows} can never be")
        return self


def rule_for(check: str, rules: Iterable[AlertRule]) -> AlertRule:
    """The first rule whose pattern names the check; one that says nothing where none does."""
    return next((rule for rule in rules if fnmatchcase(check, rule.check)), AlertRule())
