"""Ask a training pipeline for a new version: the data has moved away from the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alerting.actions.base import asked, timestamp
from alerting.actions.messages import Retrain, RetrainMessage

if TYPE_CHECKING:
    from alerting.actions.base import ActionRequest

TYPE: Final = "io.evenhand.retrain.v1"


def retrain(request: ActionRequest) -> RetrainMessage:
    """Name the reference that no longer holds, beside what every action says."""
    uri = request.component.spec.baseline.uri
    data = Retrain(action="retrain", baseline=uri, **asked(request))
    return RetrainMessage(type=TYPE, timestamp=timestamp(request), data=data)
