"""The HTTP API over a real socket and a real database."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from governance.clock import SystemClock
from governance.component.schema import Component
from governance.config import Settings
from governance.errors import ConfigError
from governance.finding import Status
from governance.metrics import Metrics
from governance.privacy import load_key
from governance.service.app import build_app
from governance.service.auth import Authority
from governance.service.door import opened
from governance.service.http import bind, served
from tests.alerting.stored import finding, open_migrated, spec, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def tokens_file(folder: Path, **tokens: dict[str, Any]) -> Path:
    path = folder / "tokens.yaml"
    entries = [
        {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), **fields}
        for name, fields in tokens.items()
    ]
    path.write_text(yaml.safe_dump({"tokens": entries}))
    return path


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    store = open_migrated(tmp_path)
    statuses = [Status.OK, Status.BREACH, Status.OK]
    write(store, [finding(i, s) for i, s in enumerate(statuses)], spec())
    path = tokens_file(
        tmp_path,
        reader={"roles": ["read"]},
        elsewhere={"roles": ["read"], "namespaces": ["other"]},
        writer={"roles": ["ingest"]},
    )
    app = build_app(store, Authority.load(path, "127.0.0.1"))
    with served(app, bind("127.0.0.1:0")) as url, httpx.Client(base_url=url) as client:
        yield client
    store.engine.dispose()


def get(api: httpx.Client, path: str, token: str | None = "reader") -> httpx.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return api.get(path, headers=headers)


def test_health_is_open(api: httpx.Client) -> None:
    """Probes send no token."""
    assert get(api, "/livez", None).json() == {"status": "live"}
    assert get(api, "/readyz", None).json() == {"status": "ready"}


def test_a_component_shows_spec_and_newest_findings(api: httpx.Client) -> None:
    """What a person asks first, in one answer."""
    listed = get(api, "/api/v1/components").json()["components"]
    shown = get(api, "/api/v1/components/shop/prices").json()
    assert [c["name"] for c in listed] == ["prices"]
    assert shown["spec"]["kind"] == "MultimodalAIComponent"
    assert [f["window"]["number"] for f in shown["findings"]] == [2]


def test_findings_come_in_pages_newest_first(api: httpx.Client) -> None:
    """The cursor goes on where the page ended, and ends."""
    first = get(api, "/api/v1/findings?limit=2").json()
    second = get(api, f"/api/v1/findings?limit=2&cursor={first['cursor']}").json()
    numbers = [f["window"]["number"] for f in first["findings"] + second["findings"]]
    assert numbers == [2, 1, 0]
    assert second["cursor"] is None


def test_findings_are_filtered(api: httpx.Client) -> None:
    """By status and by the window's end."""
    breaches = get(api, "/api/v1/findings?status=breach").json()["findings"]
    early = get(api, "/api/v1/findings?until=1970-01-01T02:00:00Z").json()["findings"]
    assert [f["window"]["number"] for f in breaches] == [1]
    assert [f["window"]["number"] for f in early] == [0]


@pytest.mark.parametrize(
    ("path", "token", "status", "words"),
    [
        ("/api/v1/components", None, 401, "Authorization: Bearer"),
        ("/api/v1/components", "guessed", 401, "Authorization: Bearer"),
        ("/api/v1/components", "writer", 403, "lacks the role 'read'"),
        ("/api/v1/components/shop/prices", "elsewhere", 403, "namespace 'shop'"),
        ("/api/v1/components/shop/none", "reader", 404, "shop/none"),
        ("/api/v1/findings?status=bad", "reader", 422, "not valid"),
        ("/api/v1/findings?since=yesterday", "reader", 400, "RFC 3339"),
        ("/api/v1/findings?cursor=%27%20OR%201=1", "reader", 400, "cursor"),
        ("/api/v1/findings?limit=1000000", "reader", 422, "not valid"),
        ("/nowhere", "reader", 404, "Not Found"),
    ],
)
def test_refusals_are_problem_documents(
    api: httpx.Client, path: str, token: str | None, status: int, words: str
) -> None:
    """RFC 9457, with words that say what to do."""
    answer = get(api, path, token)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


def test_a_token_sees_only_its_namespaces(api: httpx.Client) -> None:
    """Lists leave out what belongs to others."""
    assert get(api, "/api/v1/components", "elsewhere").json()["components"] == []
    assert get(api, "/api/v1/findings", "elsewhere").json()["findings"] == []


def test_injection_strings_are_values(api: httpx.Client) -> None:
    """A filter is compared, never executed."""
    answer = get(api, "/api/v1/findings?component=x%27%3B%20DROP%20TABLE%20findings%3B--")
    assert answer.json()["findings"] == []
    assert len(get(api, "/api/v1/findings").json()["findings"]) == 3


def test_no_tokens_means_loopback_only() -> None:
    """Without a tokens file a public address is refused, with the remedy."""
    with pytest.raises(ConfigError, match="tokensFile"):
        Authority.load(None, "0.0.0.0")


def test_a_damaged_tokens_file_is_named(tmp_path: Path) -> None:
    """The field is named, a hash is never printed."""
    path = tmp_path / "tokens.yaml"
    path.write_text("tokens: [{name: ci, sha256: short, roles: [read]}]")
    with pytest.raises(ConfigError, match=r"tokens\.0\.sha256"):
        Authority.load(path, "127.0.0.1")


@pytest.mark.parametrize("text", ["", "secret-token", "- {name: ci}"])
def test_a_tokens_file_of_another_form_is_refused_without_showing_it(
    tmp_path: Path, text: str
) -> None:
    """Who puts the token itself there is told what belongs there; the token is not printed."""
    path = tmp_path / "tokens.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="write 'tokens:' and a list") as error:
        Authority.load(path, "127.0.0.1")
    assert "secret" not in str(error.value)


def test_labels_are_taken_where_there_is_a_door(tmp_path: Path) -> None:
    """The door's routes under the API's address; read tokens may not write."""
    store = open_migrated(tmp_path)
    path = tokens_file(tmp_path, writer={"roles": ["ingest"]}, reader={"roles": ["read"]})
    component = Component.model_validate_json(spec())
    load_key(tmp_path, "shop", create=True)
    settings = Settings.model_validate(
        {
            "bus": {"url": f"file:{tmp_path / 'bus'}"},
            "privacy": {"keyDirectory": str(tmp_path)},
        }
    )
    with opened(settings, [component], tmp_path, SystemClock(), Metrics()) as door:
        app = build_app(store, Authority.load(path, "127.0.0.1"), door, 1_000_000)
        with served(app, bind("127.0.0.1:0")) as url, httpx.Client(base_url=url) as client:
            statuses = [
                client.post(
                    "/api/v1/components/shop/prices/labels",
                    json=[{"id": "r-1", "label": 1}],
                    headers={"authorization": f"Bearer {token}"},
                ).status_code
                for token in ("writer", "reader")
            ]
    store.engine.dispose()
    assert statuses == [202, 403]
