"""Ask a rollout tool, or the model registry, to leave a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alerting.actions.base import asked, timestamp
from alerting.actions.messages import AliasMove, Rollback, RollbackMessage

if TYPE_CHECKING:
    from alerting.actions.base import ActionRequest

TYPE: Final = "io.evenhand.rollback.v1"


def rollback(request: ActionRequest) -> RollbackMessage:
    """Name the version to leave and the registry that knows where to go."""
    model = request.component.spec.model
    data = Rollback(
        action="rollback",
        from_version=request.alert.key.version,
        repository=model.repository,
        registry=_move(request),
        **asked(request),
    )
    return RollbackMessage(type=TYPE, timestamp=timestamp(request), data=data)


def _move(request: ActionRequest) -> AliasMove | None:
    wanted = request.action.registry
    if wanted is None:
        return None
    name = wanted.model or request.component.spec.model.name
    return AliasMove(model=name, alias=wanted.alias, fallback=wanted.fallback)
