"""Findings for tests of gates."""

from __future__ import annotations

from typing import Any

from governance.component.key import ComponentKey
from governance.finding import Finding, Status, Verdict, Window

KEY = ComponentKey("prod", "credit")


def finding(
    status: Status = Status.OK,
    check: str = "demographic_parity_difference",
    subject: str = "sex",
    **fields: Any,
) -> Finding:
    """One finding; fields of the verdict beside ``number`` (of its window) and ``revision``."""
    number, revision = fields.pop("number", 0), fields.pop("revision", 0)
    settings: dict[str, Any] = {"modality": "tabular", "threshold": 0.1} | fields
    verdict = Verdict(check, subject, status, **settings)
    window = Window("events", number, 1_000 * number, 1_000 * number + 999)
    return Finding(KEY, "7", 1, window, verdict, revision=revision)


def breach(**fields: Any) -> Finding:
    """A breach with value, interval and reason."""
    numbers: dict[str, Any] = {
        "value": 0.5,
        "lower": 0.4,
        "upper": 0.6,
        "reason": "changed: more of it",
    }
    return finding(Status.BREACH, **(numbers | fields))


def insufficient(**fields: Any) -> Finding:
    """A finding that could not be judged."""
    reason: dict[str, Any] = {"reason": "groups_too_small: no group has 30"}
    return finding(Status.INSUFFICIENT, **(reason | fields))
