"""How many windows an alert takes: the installation's rule, and what a component says of a check.

A component's ``spec.monitoring.alerts`` wins over the settings, check by check.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from governance.alert import Severity
from governance.component.alert_rules import rule_for

if TYPE_CHECKING:
    from governance.component.schema import Component

FLAPS = 3  # an alert that began to fire so often ...
FLAP_WINDOWS = 24  # ... within so many windows is flapping
FLAPPING_CALM = 3  # ... and needs so many times the calm that others need


@dataclass(frozen=True, slots=True)
class Rule:
    """Fire on ``breaches`` of the newest ``of_windows`` judged windows.

    Parameters
    ----------
    breaches, of_windows
        Default 2 of 3: an effect at its limit flips from window to window (STATISTICS 3.2).
    remember
        Judged windows that are kept, for actions that ask for longer runs.
    keep_firing
        Calm windows in a row before a firing alert resolves; None: as many as ``breaches``.
    resolve_at
        The share of its limit below which a value counts as calm while the alert fires.
    loudest
        The severity that the alert never goes beyond; None: the check never alerts.
    """

    breaches: int = 2
    of_windows: int = 3
    remember: int = 3
    keep_firing: int | None = None
    resolve_at: float = 0.9
    loudest: Severity | None = Severity.BREACH

    def __post_init__(self) -> None:
        if not 1 <= self.breaches <= self.of_windows:
            raise ValueError(f"{self.breaches} of {self.of_windows} windows can never breach")


def rule_of(component: Component | None, check: str, default: Rule) -> Rule:
    """The rule of one check of a component; ``default`` where nothing is declared."""
    if component is None:
        return default
    longest = max((a.on.windows for a in component.spec.actions), default=0)
    said = rule_for(check, component.spec.monitoring.alerts)
    breaches = said.breaches or min(default.breaches, said.of_windows or default.breaches)
    of_windows = said.of_windows or max(default.of_windows, breaches)
    return replace(
        default,
        breaches=breaches,
        of_windows=of_windows,
        remember=max(of_windows, longest),
        keep_firing=said.keep_firing or default.keep_firing,
        resolve_at=said.resolve_at or default.resolve_at,
        loudest=None if said.severity == "none" else Severity(said.severity),
    )
