"""The verdict over HTTP: what release tools make of it depends on the code and the media type."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from governance.clock import SystemClock
from governance.component.key import ComponentKey
from governance.finding import Finding, Status, Verdict, Window
from governance.service.app import build_app
from governance.service.auth import Authority
from governance.service.http import bind, served
from governance.store.checkpoints import Checkpoint, Checkpoints, GenerationRow, RegisterRow
from governance.store.presence import Presence
from tests.alerting.stored import open_migrated
from tests.governance.service.test_api import tokens_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRICES = ComponentKey("shop", "prices")
PATH = "/api/v1/components/shop/prices/verdict"
HOUR_US = 3_600_000_000
RATE = Verdict("error_rate", "", Status.OK, value=0.002, lower=0.001, upper=0.003, threshold=0.01)


def stored(store: Any, *found: tuple[str, Verdict]) -> None:
    """A component with a gate on its error rate, and findings of its newest full hour."""
    now_us = SystemClock().now_us()
    number = now_us // HOUR_US - 1
    window = Window("every", number, number * HOUR_US, (number + 1) * HOUR_US)
    document = {
        "apiVersion": "apexlogic.io/v1alpha1",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": "prices", "namespace": "shop"},
        "spec": {
            "model": {"name": "prices", "version": "1", "modality": ["tabular"]},
            "release": {
                "rolloutMetrics": [{"name": "error_rate", "threshold": 0.01}],
                "rollbackOnFailure": True,
            },
        },
    }
    checkpoints = Checkpoints(store.engine)
    checkpoint = Checkpoint(
        next_offset=1,
        log_time_us=now_us,
        registers=[RegisterRow(PRICES, b"-", Presence(now_us, beating=True))],
        generations=[GenerationRow(PRICES, 1, 0, json.dumps(document))],
        findings=[Finding(PRICES, version, 1, window, verdict) for version, verdict in found],
    )
    checkpoints.commit(checkpoints.claim(0, "test"), checkpoint)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    store = open_migrated(tmp_path)
    bad = replace(RATE, status=Status.BREACH, value=0.03, lower=0.02, upper=0.04)
    lost = replace(RATE, status=Status.INSUFFICIENT, value=None, reason="lost: half of it")
    stored(store, ("good", RATE), ("bad", bad), ("lost", lost), ("stable", RATE))
    tokens = tokens_file(tmp_path, gate={"roles": ["read"], "namespaces": ["shop"]})
    app = build_app(store, Authority.load(tokens, "127.0.0.1"))
    headers = {"authorization": "Bearer gate"}
    with (
        served(app, bind("127.0.0.1:0")) as url,
        httpx.Client(base_url=url, headers=headers) as client,
    ):
        yield client
    store.engine.dispose()


@pytest.mark.parametrize(
    ("query", "status", "verdict"),
    [
        ("?version=good", 200, "pass"),
        ("?version=good&baseline=stable", 200, "pass"),
        ("?version=bad", 409, "fail"),
        ("?version=bad&statuses=sure", 200, "fail"),
        ("?version=lost", 424, "inconclusive"),
        ("?version=lost&statuses=sure", 424, "inconclusive"),
        ("?version=never-seen", 424, "inconclusive"),
        ("?version=good&baseline=never-seen", 424, "inconclusive"),
        ("?version=good&check=latency_p95", 424, "inconclusive"),
        ("?version=good&baseline=good", 422, "inconclusive"),
        ("", 422, "inconclusive"),
    ],
)
def test_only_what_is_sure_is_answered_with_success(
    api: httpx.Client, query: str, status: int, verdict: str
) -> None:
    """200 with a body is pass, and nothing else is, unless a tool asks for sure fails too."""
    answer = api.get(PATH + query)
    assert (answer.status_code, answer.json()["verdict"]) == (status, verdict)
    assert answer.headers["content-type"] == "application/json"
    assert "NaN" not in answer.text


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (PATH, {"authorization": "Bearer wrong"}, 401),
        (PATH.replace("shop", "bank"), {}, 403),
        (PATH.replace("prices", "nothing"), {}, 404),
    ],
)
def test_trouble_is_json_and_inconclusive_too(
    api: httpx.Client, path: str, headers: dict[str, str], status: int
) -> None:
    """A tool that reads only the body finds no verdict but this one."""
    answer = api.get(path + "?version=good", headers=headers)
    assert (answer.status_code, answer.json()["verdict"]) == (status, "inconclusive")
    assert answer.headers["content-type"] == "application/json"


def test_a_failure_says_why_and_whether_to_roll_back(api: httpx.Client) -> None:
    """The reason names check, value, interval and limit; the finding can be looked up."""
    shown = api.get(PATH + "?version=bad").json()
    assert shown["reasons"] == ["error_rate: breach: 0.03 [0.02, 0.04], limit 0.01"]
    assert shown["rollback"] is True
    (check,) = shown["checks"]
    assert len(check["finding"]) == 32


def test_tools_that_can_only_post_name_the_version_in_metadata(api: httpx.Client) -> None:
    """And bring their token as the last segment of the path."""
    bare = httpx.Client(base_url=api.base_url)
    for version, status in (("good", 200), ("bad", 409), ("lost", 424)):
        body = {"name": "prices", "namespace": "shop", "metadata": {"version": version}}
        assert bare.post(f"{PATH}/gate", json=body).status_code == status
    assert bare.post(f"{PATH}/wrong", json={}).status_code == 401
    assert api.post(PATH, json={}).status_code == 422
    assert api.post(PATH, content=b"not json").status_code == 400
    assert api.post(PATH, content=b"x" * 100_000).status_code == 413
    bare.close()
