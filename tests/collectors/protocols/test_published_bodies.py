"""Every real body: those kept in the repository always, the whole collection where it is."""

import csv
from pathlib import Path
from typing import Any

import pytest

from collectors.catalog import PROTOCOLS, find_protocol
from collectors.protocols.openai_chat import OPENAI_CHAT
from collectors.read import decode
from governance.errors import CaptureError
from tests.collectors.exchanges import CHAT_PATH, GOLDEN, V1_PATH, V2_PATH, exchange
from tests.collectors.published_bodies import COLLECTION, numbers_in, values_sent

PATHS = {
    "kserve-v1": V1_PATH,
    "oip-v2-rest": V2_PATH,
    "openai-chat": CHAT_PATH,
    "openai-completions": "/v1/completions",
    "openai-embeddings": "/v1/embeddings",
    "openai-moderations": "/v1/moderations",
    "openai-responses": "/v1/responses",
}
TEXTS: dict[str, dict[str, Any]] = {
    "openai-chat": {"messages": []},
    "openai-completions": {"prompt": "Hi"},
    "openai-moderations": {"input": "Hi"},
    "openai-responses": {"input": "Hi"},
}
ANSWERED = {
    "oip-v2-rest": {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]},
    "openai-chat": {"messages": []},
}


# The published bodies are no part of the project: without them those kept in tests/golden are read.
needs_collection = pytest.mark.skipif(
    not COLLECTION.is_dir(), reason=f"{COLLECTION} is absent: set EVENHAND_SHARED"
)


def bodies(root: Path, *kinds: str) -> list[Path]:
    files = [path for folder in PATHS for path in sorted((root / folder).glob("*.json"))]
    return [path for path in files if kind_of(path) in kinds]


def kind_of(path: Path) -> str:
    if "invalid" in path.name:
        return "invalid-request"
    if "metadata" in path.name:
        return "metadata"
    return "response" if "response" in path.name else "request"


def check_request(path: Path) -> None:
    target = PATHS[path.parent.name]
    protocol = find_protocol(PROTOCOLS, "POST", target)
    assert protocol is not None
    inference = decode(protocol, exchange(target, path.read_bytes()))
    assert inference.n >= 1
    arrays = [array.tolist() for array in inference.inputs.values()]
    assert sorted(numbers_in(arrays)) == sorted(numbers_in(values_sent(path.read_bytes())))


@pytest.mark.parametrize("path", bodies(GOLDEN, "request"), ids=lambda path: path.name)
def test_every_kept_request_is_accepted_with_its_numbers(path: Path) -> None:
    """Requests that real servers accept are read, and no number changes."""
    check_request(path)


def test_the_kept_invalid_request_is_refused_clearly() -> None:
    """The invalid datatype is named with its place."""
    (path,) = bodies(GOLDEN, "invalid-request")
    with pytest.raises(CaptureError, match="'INT322' is not one of") as error:
        decode(PROTOCOLS[1], exchange(V2_PATH, path.read_bytes()))
    assert error.value.reason == "datatype"


@pytest.mark.parametrize("path", bodies(GOLDEN, "response"), ids=lambda path: path.name)
def test_every_kept_response_is_read(path: Path) -> None:
    """Responses of real servers give outputs or token counts."""
    family = path.parent.name
    target = PATHS[family]
    protocol = find_protocol(PROTOCOLS, "POST", target)
    assert protocol is not None
    inference = decode(protocol, exchange(target, ANSWERED[family], path.read_bytes()))
    assert inference.refused is None
    assert inference.outputs or (
        inference.parsed[0].input_tokens,
        inference.parsed[0].output_tokens,
    ) == (19, 10)


@needs_collection
def test_the_answers_of_the_collection_are_read() -> None:
    """Every listed response says something: outputs, a text, tokens or why it ended."""
    files = [path for path in bodies(COLLECTION, "response") if path.parent.name in TEXTS]
    assert len(files) >= 7
    for path in files:
        target = PATHS[path.parent.name]
        protocol = find_protocol(PROTOCOLS, "POST", target)
        assert protocol is not None
        inference = decode(protocol, exchange(target, TEXTS[path.parent.name], path.read_bytes()))
        parsed = inference.parsed[0]
        assert inference.refused is None, path.name
        assert inference.outputs or parsed.finish_reason, path.name
        if b'"usage"' in path.read_bytes():
            assert parsed.output_tokens is not None, path.name


@needs_collection
def test_the_stream_of_the_collection_is_read() -> None:
    """The chunks of the specification, as they are on the wire."""
    (path,) = (COLLECTION / "openai-chat").glob("*.sse.txt")
    blocks = [block for block in path.read_text().split("\n\n") if block.startswith("{")]
    stream = "".join(f"data: {block.strip()}\n\n" for block in blocks).encode()
    headers = {"content-type": "text/event-stream"}
    seen = exchange(CHAT_PATH, TEXTS["openai-chat"], stream, response_headers=headers)
    parsed = decode(OPENAI_CHAT, seen).parsed[0]
    assert (parsed.completion, parsed.finish_reason) == (("Hello",), "stop")


@needs_collection
def test_the_whole_collection_is_read() -> None:
    """Every listed body of these protocols is accepted, or refused where the list says invalid."""
    with (COLLECTION / "index.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["protocol"] in PATHS]
    requests = [row for row in rows if row["kind"] == "request"]
    assert len(requests) >= 24
    for row in requests:
        check_request(COLLECTION / row["file"])
    for row in rows:
        if row["kind"] == "invalid-request":
            with pytest.raises(CaptureError):
                check_request(COLLECTION / row["file"])
