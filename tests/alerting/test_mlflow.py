"""Rolling back in a real MLflow, and what an ill registry gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from alerting.base import Result
from alerting.notifiers.mlflow import ROLLED_BACK_TAG, MlflowNotifier
from governance.config import RegistrySettings
from governance.outgoing import Call, Outgoing
from governance.registry.mlflow import VERSION_TAG, MlflowRegistry
from governance.store.delivery import Delivery
from tests.alerting.receiver import Answer, Posted, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOVE = {"alias": "champion", "fallback": "previous"}


def rollback(model: str, from_version: str, target: str = "registry") -> Delivery:
    data = {"from_version": from_version, "registry": {"model": model, **MOVE}}
    return Delivery(
        id="msg_1",
        kind="mlflow",
        target=target,
        ordering_key="shop/prices",
        body=json.dumps({"data": data}),
        created_us=0,
        next_attempt_us=0,
        action="rollback",
    )


def notifier(url: str, token_file: Path | None = None) -> MlflowNotifier:
    return MlflowNotifier({"registry": RegistrySettings(url=url, token_file=token_file)}, 20.0)


class Registry:
    """Fills a real registry, as a training pipeline would."""

    def __init__(self, url: str) -> None:
        self.outgoing = Outgoing(60.0)
        self.url = url
        self.client = MlflowRegistry(url, self.outgoing)

    def post(self, path: str, **body: Any) -> Any:
        headers = {"content-type": "application/json"}
        url = f"{self.url}/api/2.0/mlflow/{path}"
        answer = self.outgoing.call(Call("POST", url, headers, json.dumps(body).encode()))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def model(self, name: str, versions: int) -> None:
        self.post("registered-models/create", name=name)
        for _ in range(versions):
            self.post("model-versions/create", name=name, source="s3://models/prices")

    def number(self, name: str, alias: str) -> str | None:
        found = self.client.named(name, alias)
        return None if found is None else found.number


@pytest.fixture(scope="module")
def registry(mlflow: str) -> Iterator[Registry]:
    filled = Registry(mlflow)
    yield filled
    filled.outgoing.close()


@pytest.mark.slow
def test_a_rollback_moves_the_alias(registry: Registry) -> None:
    """The serving alias gets the fallback's version; the one that was left says by whom."""
    registry.model("moved", 2)
    registry.client.move("moved", "champion", "2")
    registry.client.move("moved", "previous", "1")
    carrier = notifier(registry.url)
    attempts = [carrier.deliver(rollback("moved", "v2"), 0) for _ in range(2)]
    assert [attempt.reason for attempt in attempts] == [
        "delivered: champion from 2 to 1",
        "delivered: champion names 1",  # again, as after an answer that was lost
    ]
    assert registry.number("moved", "champion") == "1"
    registry.client.move("moved", "left", "2")
    left = registry.client.named("moved", "left")
    assert left is not None
    assert left.tags[ROLLED_BACK_TAG] == "msg_1"


@pytest.mark.slow
def test_a_repair_by_somebody_else_stands(registry: Registry) -> None:
    """Where the alias names another version than the one to be left, nothing is moved."""
    registry.model("repaired", 3)
    registry.client.move("repaired", "champion", "3")
    registry.client.move("repaired", "previous", "1")
    attempt = notifier(registry.url).deliver(rollback("repaired", "2"), 0)
    assert (attempt.result, attempt.code) == (Result.REFUSED, "moved")
    assert registry.number("repaired", "champion") == "3"


@pytest.mark.slow
def test_a_version_may_have_a_name_of_its_own(registry: Registry) -> None:
    """The tag `evenhand.version` says which version a component means."""
    registry.model("tagged", 2)
    registry.client.tag("tagged", "2", VERSION_TAG, "2026-11-24")
    registry.client.move("tagged", "champion", "2")
    registry.client.move("tagged", "previous", "1")
    by_number = notifier(registry.url).deliver(rollback("tagged", "2"), 0)
    by_name = notifier(registry.url).deliver(rollback("tagged", "2026-11-24"), 0)
    assert (by_number.code, by_name.code) == ("moved", "delivered")


@pytest.mark.slow
def test_no_way_back_is_refused(registry: Registry) -> None:
    """A fallback that names the version to be left, and an alias or model that is not there."""
    registry.model("stuck", 1)
    for alias in ("champion", "previous"):
        registry.client.move("stuck", alias, "1")
    registry.model("bare", 1)
    codes = {
        name: notifier(registry.url).deliver(rollback(name, "1"), 0)
        for name in ("stuck", "bare", "unknown")
    }
    assert {name: attempt.code for name, attempt in codes.items()} == {
        "stuck": "no_way_back",
        "bare": "no_alias",
        "unknown": "registry",
    }
    assert {attempt.result for attempt in codes.values()} == {Result.REFUSED}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(503, body=b"<html>"), "status"),
        (Answer(401, body=b'{"error_code":"UNAUTHENTICATED","message":"who?"}'), "status"),
        (Answer(200, body=b"<html>not JSON</html>"), "protocol"),
    ],
)
def test_an_ill_registry_is_tried_again(answer: Answer, code: str) -> None:
    """What may pass is no reason to give a rollback up."""
    with receiver(lambda _: answer) as (url, _):
        attempt = notifier(url).deliver(rollback("prices", "2"), 0)
    assert (attempt.result, attempt.code) == (Result.RETRY, code)


def test_a_registry_that_is_away_is_tried_again() -> None:
    """Nobody listens there, or the settings do not name it."""
    assert notifier("http://127.0.0.1:1").deliver(rollback("p", "2"), 0).code == "connection"
    assert notifier("http://127.0.0.1:1").deliver(rollback("p", "2", "x"), 0).code == "no_receiver"


def test_the_token_is_read_at_each_call(tmp_path: Path) -> None:
    """A rotation needs no restart, and the token goes into the header only."""
    seen: list[str] = []

    def answer(posted: Posted) -> Answer:
        seen.append(posted.headers["authorization"])
        return Answer(503)

    token = tmp_path / "token"
    with receiver(answer) as (url, _):
        registry = MlflowRegistry(url, Outgoing(10.0), token_file=token)
        for secret in ("first", "second"):
            token.write_text(secret + "\n")
            with pytest.raises(Exception, match="status: answered 503"):
                registry.move("prices", "champion", "1")
    assert seen == ["Bearer first", "Bearer second"]
