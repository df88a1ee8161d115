"""Declared monitoring paths over a real socket and a real database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from governance.clock import SystemClock
from governance.component.schema import Component
from governance.config import Settings
from governance.finding import Status
from governance.metrics import Metrics
from governance.privacy import load_key
from governance.service.app import build_app
from governance.service.auth import Authority
from governance.service.door import door_app, opened
from governance.service.http import bind, served
from governance.service.paths import monitoring_path
from tests.alerting.stored import finding, open_migrated, spec, write
from tests.governance.service.test_api import tokens_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATE = "/api/v1/components/shop/prices"
LABEL = [{"id": "r-1", "label": 1}]


def declaring(endpoint: str) -> str:
    document = json.loads(spec())
    document["spec"]["governance"] = {"biasDetection": {"monitoringEndpoint": endpoint}}
    return json.dumps(document)


class Api:
    """A server that knows one component with this monitoring endpoint."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, token: str = "reader") -> httpx.Response:
        return self._client.get(path, headers={"authorization": f"Bearer {token}"})

    def post(self, path: str, rows: Any, token: str = "writer") -> int:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self._client.post(path, json=rows, headers=headers).status_code


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "https://governance.example.com/monitor/prices-v2"))


@pytest.fixture
def api(tmp_path: Path, endpoint: str) -> Iterator[Api]:
    store = open_migrated(tmp_path)
    document = declaring(endpoint)
    write(store, [finding(1, Status.OK)], document)
    path = tokens_file(
        tmp_path,
        reader={"roles": ["read"]},
        writer={"roles": ["ingest"]},
        elsewhere={"roles": ["read", "ingest"], "namespaces": ["other"]},
    )
    load_key(tmp_path, "shop", create=True)
    settings = Settings.model_validate(
        {"bus": {"url": f"file:{tmp_path / 'bus'}"}, "privacy": {"keyDirectory": str(tmp_path)}}
    )
    component = Component.model_validate_json(document)
    with opened(settings, [component], tmp_path, SystemClock(), Metrics()) as door:
        app = build_app(store, Authority.load(path, "127.0.0.1"), door, 1_000_000)
        with served(app, bind("127.0.0.1:0")) as url, httpx.Client(base_url=url) as client:
            yield Api(client)
    store.engine.dispose()


@pytest.mark.parametrize("end", ["", "/"])
def test_state_is_read_under_the_declared_path(api: Api, end: str) -> None:
    """The same answer as under /api/v1, for the same tokens."""
    answer = api.get(f"/monitor/prices-v2{end}")
    assert (answer.status_code, answer.json()) == (200, api.get(STATE).json())
    assert answer.json()["findings"]
    assert api.get("/monitor/prices-v2", "elsewhere").status_code == 403
    assert api.get("/monitor/prices-v2", "nobody").status_code == 401
    assert api.get("/monitor/other").status_code == 404
    assert api.get("/monitor/prices-v2/more").status_code == 404


@pytest.mark.parametrize("kind", ["labels", "feedback", "events"])
def test_labels_feedback_and_events_are_posted_under_it(api: Api, kind: str) -> None:
    """Also with the token as last segment; roles and namespaces hold."""
    path = f"/monitor/prices-v2/{kind}"
    assert api.post(path, LABEL) == 202
    assert api.post(f"{path}/writer", LABEL, token="") == 202
    assert api.post(path, LABEL, token="elsewhere") == 403
    assert api.post(path, LABEL, token="reader") == 403
    assert api.post(path, LABEL, token="") == 401


@pytest.mark.parametrize(
    "endpoint", ["/api/v1/components", "https://a.b/livez", "/api/v1/findings"], indirect=True
)
def test_own_paths_cannot_be_declared_away(api: Api, endpoint: str) -> None:
    """A component that declares one of our routes changes nothing."""
    path = monitoring_path(endpoint)
    assert path is not None
    answer = api.get(path)
    assert answer.status_code == 200
    assert "spec" not in answer.json()


@pytest.mark.parametrize("endpoint", ["https://only.a.host", "nonsense", "//[", ""], indirect=True)
def test_an_endpoint_without_a_path_is_no_path(api: Api, endpoint: str) -> None:
    """Nothing is served under it, nothing breaks."""
    assert monitoring_path(endpoint) is None
    assert api.get("/").status_code == 404
    assert api.get(STATE).status_code == 200


def test_several_components_of_one_path_are_told_apart_by_name(tmp_path: Path) -> None:
    """Without ``?component=`` a shared path is nobody's."""
    components = []
    for name in ("a", "b"):
        document = json.loads(declaring("/monitor/shared"))
        document["metadata"]["name"] = name
        components.append(Component.model_validate(document))
    load_key(tmp_path, "shop", create=True)
    settings = Settings.model_validate(
        {"bus": {"url": f"file:{tmp_path / 'bus'}"}, "privacy": {"keyDirectory": str(tmp_path)}}
    )
    with opened(settings, components, tmp_path, SystemClock(), Metrics()) as door:
        app = door_app(door, Authority(None), 1_000_000)
        with served(app, bind("127.0.0.1:0")) as url, httpx.Client(base_url=url) as client:
            api = Api(client)
            assert api.post("/monitor/shared/labels", LABEL) == 404
            assert api.post("/monitor/shared/labels?component=shop/b", LABEL) == 202
            assert api.post("/monitor/shared/labels?component=shop/c", LABEL) == 404
