"""Tell a receiver that an alert has fired, escalated or resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alerting.actions.base import asked, timestamp
from alerting.actions.messages import Notify, NotifyMessage

if TYPE_CHECKING:
    from alerting.actions.base import ActionRequest

TYPE: Final = "io.evenhand.notify.v1"


def notify(request: ActionRequest) -> NotifyMessage:
    """Nothing beyond what every action says."""
    return NotifyMessage(
        type=TYPE, timestamp=timestamp(request), data=Notify(action="notify", **asked(request))
    )
