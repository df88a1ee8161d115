"""Ask a rollout tool to leave a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerting.actions.base import message

if TYPE_CHECKING:
    from alerting.actions.base import ActionRequest


def rollback(request: ActionRequest) -> str:
    """Name the version to leave and the registry that knows where to go."""
    extra = {
        "from_version": request.alert.key.version,
        "repository": request.component.spec.model.repository,
    }
    return message(request, "io.evenhand.rollback.v1", extra)
