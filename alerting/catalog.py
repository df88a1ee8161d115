"""Names of actions, and what makes their messages: a new action is one file and one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerting.actions.notify import notify
from alerting.actions.retrain import retrain
from alerting.actions.rollback import rollback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerting.actions.base import ActionBuilder

ACTIONS: Mapping[str, ActionBuilder] = {
    "notify": notify,
    "retrain": retrain,
    "rollback": rollback,
}
