"""Ask a training pipeline for a new version: the data has moved away from the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerting.actions.base import message

if TYPE_CHECKING:
    from alerting.actions.base import ActionRequest


def retrain(request: ActionRequest) -> str:
    """Name the reference that no longer holds, beside what every action says."""
    baseline = request.component.spec.baseline
    return message(request, "io.evenhand.retrain.v1", {"baseline": baseline.uri})
