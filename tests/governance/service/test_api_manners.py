"""How the API behaves towards clients that cache, forge, try, and ask for what is not theirs."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from governance.finding import Status
from governance.service import logs
from governance.service.app import build_app
from governance.service.auth import Authority
from governance.service.http import bind, served
from governance.store.references import References
from tests.alerting.stored import finding, open_migrated, spec, write
from tests.governance.service.test_api import get, tokens_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INJECTIONS = (
    "'; DROP TABLE findings; --",
    "' OR '1'='1",
    "%' ESCAPE '",
    "$(rm -rf /)",
    "{{7*7}}",
    "../../etc/passwd",
    "\u202edrift",
    "<script>alert(1)</script>",
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    store = open_migrated(tmp_path)
    statuses = [Status.OK, Status.BREACH, Status.OK]
    write(store, [finding(i, s) for i, s in enumerate(statuses)], spec())
    tokens = tokens_file(
        tmp_path,
        reader={"roles": ["read"]},
        elsewhere={"roles": ["read"], "namespaces": ["other", "third"]},
    )
    app = build_app(store, Authority.load(tokens, "127.0.0.1"))
    with served(app, bind("127.0.0.1:0")) as url, httpx.Client(base_url=url) as client:
        yield client
    store.engine.dispose()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/components",
        "/api/v1/components/shop/prices",
        "/api/v1/components/shop/prices/references",
        "/api/v1/findings?limit=2",
        "/api/v1/alerts",
    ],
)
def test_what_a_client_has_is_not_sent_again(api: httpx.Client, path: str) -> None:
    """The same ETag for the same answer, 304 without a body for whoever names it."""
    first = get(api, path)
    headers = {"authorization": "Bearer reader", "if-none-match": f'"x", W/{first.headers["etag"]}'}
    again = api.get(path, headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert api.get(path, headers={**headers, "if-none-match": '"x"'}).status_code == 200


def test_no_other_origin_is_let_in(api: httpx.Client) -> None:
    """No CORS header on a preflight, nor on an answer."""
    asked = {"origin": "https://evil.example", "access-control-request-method": "GET"}
    for answer in (
        api.options("/api/v1/findings", headers=asked),
        api.get("/api/v1/findings", headers={**asked, "authorization": "Bearer reader"}),
    ):
        assert not [h for h in answer.headers if h.startswith("access-control")]
    assert api.options("/api/v1/findings", headers=asked).status_code == 405


def test_every_answer_names_its_request(api: httpx.Client) -> None:
    """The client's own name if it is a fit one, in problems too."""
    kept = api.get("/livez", headers={"x-request-id": "ci-7"})
    forged = api.get("/livez", headers={"x-request-id": 'a"b c'})
    problem = api.get("/api/v1/alerts", headers={"x-request-id": "ci-8"})
    assert kept.headers["x-request-id"] == "ci-7"
    assert len(forged.headers["x-request-id"]) == 32
    assert problem.json()["instance"] == "urn:evenhand:request:ci-8"


def test_a_request_is_one_json_line_without_its_token(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Method, route, status, time and who asked; neither query nor token."""
    stream, root = io.StringIO(), logging.getLogger()
    before = list(root.handlers), root.level
    monkeypatch.setattr("sys.stderr", stream)
    try:
        logs.configure_logs("json")
        api.get(
            "/api/v1/findings?subject=secret-subject",
            headers={"authorization": "Bearer reader", "x-request-id": "r1"},
        )
        api.post("/api/v1/components/shop/prices/verdict/reader", json={})
    finally:
        for handler in list(root.handlers):
            root.removeHandler(handler)
        for handler in before[0]:
            root.addHandler(handler)
        root.setLevel(before[1])
        logging.getLogger(logs.REQUESTS).setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    found = next(line for line in lines if line.get("request_id") == "r1")
    assert (found["event"], found["route"], found["status"], found["principal"]) == (
        *("request", "/api/v1/findings"),
        *(200, "reader"),
    )
    assert found["seconds"] >= 0
    assert "secret-subject" not in stream.getvalue()
    assert "verdict/reader" not in stream.getvalue()


@pytest.mark.parametrize("field", ["namespace", "component", "version", "check", "subject"])
@pytest.mark.parametrize("text", INJECTIONS)
def test_filters_are_values(api: httpx.Client, field: str, text: str) -> None:
    """Whatever is written in them, it is compared and never executed."""
    headers = {"authorization": "Bearer reader"}
    answer = api.get("/api/v1/findings", params={field: text}, headers=headers)
    assert answer.json()["findings"] == []
    assert len(get(api, "/api/v1/findings").json()["findings"]) == 3


@pytest.mark.parametrize("cursor", ["AAAA", "W10", "WzEsMl0", "é", "e30=", "1.2.3", "9" * 40])
def test_a_cursor_that_no_page_named_is_refused(api: httpx.Client, cursor: str) -> None:
    """By every list, with words."""
    for path in ("components", "findings", "alerts"):
        answer = api.get(
            f"/api/v1/{path}", params={"cursor": cursor}, headers={"authorization": "Bearer reader"}
        )
        assert (answer.status_code, "cursor" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize("when", ["1e300", "nan", "-1e18", "99999-01-01T00:00:00Z"])
def test_no_time_of_this_era_is_refused(api: httpx.Client, when: str) -> None:
    """It would overflow the database's numbers."""
    assert get(api, f"/api/v1/findings?since={when}").status_code == 400


def test_lists_of_another_namespace_are_empty_and_have_no_next_page(api: httpx.Client) -> None:
    """Not even a cursor tells that there is something."""
    for path in ("components", "findings", "alerts"):
        shown = get(api, f"/api/v1/{path}?limit=1", "elsewhere").json()
        assert shown == {path: [], "cursor": None}
    assert get(api, "/api/v1/findings?namespace=shop", "elsewhere").json()["findings"] == []


@pytest.mark.parametrize("tail", ["", "/references", "/verdict?version=1"])
def test_things_of_another_namespace_are_refused(api: httpx.Client, tail: str) -> None:
    """403, whether they exist or not."""
    for name in ("prices", "none"):
        answer = get(api, f"/api/v1/components/shop/{name}{tail}", "elsewhere")
        assert answer.status_code == 403


def test_an_address_that_guesses_tokens_has_to_wait(api: httpx.Client) -> None:
    """Twenty wrong tokens, then 429 for every unknown one; who is known is let in."""
    get(api, "/api/v1/alerts")
    codes = [get(api, "/api/v1/alerts", f"guess-{i}").status_code for i in range(25)]
    assert codes[:20] == [401] * 20
    assert codes[-1] == 429
    assert get(api, "/api/v1/alerts").status_code == 200


def test_pages_of_components_and_alerts_meet(api: httpx.Client) -> None:
    """One component, one page; the cursor of the last page is null."""
    shown = get(api, "/api/v1/components?limit=1").json()
    assert (len(shown["components"]), shown["cursor"]) == (1, None)


def test_a_reference_is_shown_to_those_whose_findings_name_it(tmp_path: Path) -> None:
    """Listed with its size, and given as it was kept; another hash is not found."""
    store = open_migrated(tmp_path)
    measured = finding(0, Status.OK)
    object.__setattr__(measured, "reference", "a" * 64)
    write(store, [measured], spec())
    References(store.engine).put("a" * 64, b'{"format": "evenhand.reference/v1"}')
    References(store.engine).put("b" * 64, b'{"of": "somebody else"}')
    app = build_app(store, Authority.load(tokens_file(tmp_path, reader={"roles": ["read"]}), "::1"))
    with served(app, bind("127.0.0.1:0")) as url, httpx.Client(base_url=url) as client:
        path = "/api/v1/components/shop/prices/references"
        (listed,) = get(client, path).json()["references"]
        assert (listed["reference"], listed["versions"], listed["size_bytes"]) == (
            *("a" * 64, ["1"]),
            35,
        )
        assert get(client, f"{path}/{'a' * 64}").json() == {"format": "evenhand.reference/v1"}
        assert get(client, f"{path}/{'b' * 64}").status_code == 404
    store.engine.dispose()


def test_runbooks_are_open_and_are_those_of_the_rules(api: httpx.Client) -> None:
    """Links of notices work without a token, and lead nowhere else."""
    found = api.get("/runbooks/EvenhandBlind.md")
    assert found.text.startswith("# EvenhandBlind")
    assert found.headers["content-type"].startswith("text/markdown")
    assert api.get("/runbooks/Nothing.md").status_code == 404
    assert api.get("/runbooks/..%2Fapi.md").status_code in (404, 422)


def test_the_description_has_examples_and_problems(api: httpx.Client) -> None:
    """Every operation behind a token says so, and which errors it answers, with an example."""
    described: Any = api.get("/api/v1/openapi.json").json()
    operations = [
        operation
        for path, methods in described["paths"].items()
        if path.startswith("/api/")
        for operation in methods.values()
    ]
    assert len(operations) >= 9
    for operation in operations:
        assert operation["security"] == [{"token": []}]
        for status in ("400", "401", "403", "404", "422", "429", "503"):
            ((_, shown),) = operation["responses"][status]["content"].items()
            assert shown["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert shown["example"]["status"] == int(status)
