"""Rolls back by moving an alias in MLflow's registry: what serves by alias then serves another.

The alias is moved only while it still names the version that is to be left: if somebody has moved
it meanwhile, their repair stands. Moving it twice changes nothing, so an attempt whose answer was
lost is harmless to repeat. The version that was left is tagged with the incident.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from alerting.base import Attempt, Result
from governance.errors import ConfigError, PermanentError, TransientError, Unanswered
from governance.outgoing import Outgoing
from governance.registry.mlflow import MlflowRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from governance.config import RegistrySettings
    from governance.store.delivery import Delivery

ROLLED_BACK_TAG = "evenhand.rolled_back"  # its value is the delivery's id


class MlflowNotifier:
    """Carries rollbacks to the registries that the settings name."""

    def __init__(
        self, registries: Mapping[str, RegistrySettings], attempt_seconds: float = 10.0
    ) -> None:
        self._outgoing = Outgoing(attempt_seconds)
        self._registries = {
            name: MlflowRegistry(
                one.url, self._outgoing, token_file=one.token_file, ca_file=one.ca_file
            )
            for name, one in registries.items()
        }

    def deliver(self, delivery: Delivery, now_us: int) -> Attempt:  # noqa: ARG002 - the contract
        registry = self._registries.get(delivery.target)
        if registry is None:
            words = f"no_receiver: the settings name no registry {delivery.target!r}"
            return Attempt(Result.RETRY, words)
        try:
            return roll_back(registry, json.loads(delivery.body)["data"], delivery.id)
        except Unanswered as error:
            return Attempt(Result.RETRY, f"{error.code}: {error}")
        except ConfigError as error:
            return Attempt(Result.RETRY, f"settings: {error}")
        except TransientError as error:
            return Attempt(Result.RETRY, str(error))
        except PermanentError as error:
            return Attempt(Result.REFUSED, f"{error.reason}: {error}")

    def close(self) -> None:
        self._outgoing.close()


def roll_back(registry: MlflowRegistry, data: Mapping[str, Any], delivery_id: str) -> Attempt:
    """Move the alias that ``data`` names, if it still names the version to be left.

    Raises
    ------
    TransientError, PermanentError, ConfigError
        As the registry does.
    """
    model, alias, fallback = (data["registry"][key] for key in ("model", "alias", "fallback"))
    serving = registry.named(model, alias)
    target = registry.named(model, fallback)
    if serving is None or target is None:
        missing = alias if serving is None else fallback
        return Attempt(Result.REFUSED, f"no_alias: {model} has no alias {missing!r}")
    if target.is_called(data["from_version"]):
        words = f"no_way_back: {fallback} names {target.number}, the version that is to be left"
        return Attempt(Result.REFUSED, words)
    if serving.number == target.number:
        return Attempt(Result.DELIVERED, f"delivered: {alias} names {target.number}")
    if not serving.is_called(data["from_version"]):
        words = (
            f"moved: {alias} names {serving.number}, not {data['from_version']}: somebody has "
            "moved it, or the version lacks its tag evenhand.version"
        )
        return Attempt(Result.REFUSED, words)
    registry.tag(model, serving.number, ROLLED_BACK_TAG, delivery_id)
    registry.move(model, alias, target.number)
    return Attempt(Result.DELIVERED, f"delivered: {alias} from {serving.number} to {target.number}")
