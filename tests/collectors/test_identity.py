from typing import Any

import pytest

from collectors.base import Parsed
from collectors.identity import identify, instance_ids
from tests.collectors.exchanges import KEYED, V1_PATH, V2_PATH, captured, exchange

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
HEADERS = {
    "x-request-id": "r-1",
    "traceparent": f"00-{TRACE}-{PARENT}-01",
    "ce-id": "ce-1",
}
READ = Parsed(request_id="v2-1", response_id="resp-1")


def without(*names: str) -> dict[str, str]:
    return {name: text for name, text in HEADERS.items() if name not in names}


@pytest.mark.parametrize(
    ("headers", "parsed", "expected"),
    [
        (HEADERS, READ, ("r-1", "x_request_id")),
        (without("x-request-id"), READ, (f"{TRACE}-{PARENT}", "traceparent")),
        ({"ce-id": "ce-1"}, READ, ("v2-1", "request_id")),
        ({"ce-id": "ce-1"}, Parsed(response_id="resp-1"), ("resp-1", "response_id")),
        ({"ce-id": "ce-1"}, Parsed(), ("ce-1", "ce_id")),
    ],
)
def test_ids_are_taken_in_order(
    headers: dict[str, str], parsed: Parsed, expected: tuple[str, str]
) -> None:
    """X-Request-Id, trace, V2 id, response id, Ce-Id."""
    found = identify(exchange(V2_PATH, {}, request_headers=headers), parsed)
    assert (found.text, found.source) == expected


@pytest.mark.parametrize(
    "header",
    ["", "garbage", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-x"],
)
def test_a_broken_trace_is_no_id(header: str) -> None:
    """All zeros, another length, version ff: the next candidate counts."""
    seen = exchange(V2_PATH, {}, request_headers={"traceparent": header, "ce-id": "c"})
    assert identify(seen, Parsed()).source == "ce_id"


def test_without_any_id_each_request_gets_its_own() -> None:
    """A generated id is never used twice, and says that no label can meet it."""
    first, second = (identify(exchange(V2_PATH, {}), Parsed()) for _ in range(2))
    assert first.source == second.source == "generated"
    assert first.text != second.text


def test_an_id_that_the_server_answers_with_counts() -> None:
    """A gateway behind us may have made the id: the client knows it from the response."""
    seen = exchange(V2_PATH, {}, response_headers={"x-request-id": "made"})
    assert identify(seen, Parsed()).text == "made"


def test_instances_are_numbered() -> None:
    """``ID`` for one, ``ID:0`` ... for several."""
    assert instance_ids("r", 1) == ["r"]
    assert instance_ids("r", 3) == ["r:0", "r:1", "r:2"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"id": "a"}, {"id": "b"}], ["a", "b"]),
        ([{"id": 7}, {"id": 7}], ["7:0", "7:1"]),
        ([{"id": 7}], ["7"]),
        ([{"id": "a"}, {"id": None}], ["a", "r:1"]),
        ([{"x": 1}, {"x": 2}], ["r:0", "r:1"]),
    ],
)
def test_a_declared_id_comes_first(rows: list[Any], expected: list[str]) -> None:
    """Per instance as it is, per request numbered, missing as if it were not declared."""
    seen = exchange(V1_PATH, {"instances": rows}, request_headers={"x-request-id": "r"})
    batch = captured(seen, signals={"id": "column:id"})
    assert batch.columns["event_id"].values.tobytes() == KEYED.event_ids(expected).tobytes()
