"""What every protocol of the catalog keeps, whoever wrote it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from collectors.catalog import PROTOCOLS, find_protocol, protocols_named
from collectors.protocols.kserve_v2_grpc import PATH as GRPC_PATH
from collectors.read import decode
from governance.errors import CaptureError, ConfigError
from tests.collectors.exchanges import CHAT_PATH, V1_PATH, V2_PATH, exchange
from tests.collectors.grpc_bodies import framed, grpc_request, grpc_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.base import InferenceProtocol

# A protocol that is added to the catalog gives an exchange here.
TENSOR = {"name": "x", "datatype": "FP32", "shape": [2], "data": [0.5, 1.5]}
FORM = b"""\
--x\r
Content-Disposition: form-data; name="file"; filename="a.wav"\r
\r
RIFF\r
--x\r
Content-Disposition: form-data; name="model"\r
\r
whisper\r
--x--\r
"""
EXAMPLES: dict[str, tuple[str, Any, Any]] = {
    "kserve-v1": (V1_PATH, {"instances": [[1], [2]]}, {"predictions": [0, 1]}),
    "kserve-v2": (V2_PATH, {"inputs": [TENSOR]}, {"outputs": [TENSOR]}),
    "kserve-v2-generate": (
        "/v2/models/m/generate",
        {"text_input": "Hi"},
        {"text_output": "Hi."},
    ),
    "kserve-v2-grpc": (GRPC_PATH, framed(grpc_request(0.5, 1.5)), framed(grpc_response(2))),
    "openai-chat": (
        CHAT_PATH,
        {"messages": [{"role": "user", "content": "Hi"}]},
        {"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]},
    ),
    "openai-completions": ("/v1/completions", {"prompt": "Hi"}, {"choices": [{"text": "Hi."}]}),
    "openai-responses": ("/v1/responses", {"input": "Hi"}, {"output": []}),
    "openai-embeddings": (
        "/v1/embeddings",
        {"input": ["Hi", "Ho"]},
        {"data": [{"embedding": [0.5]}, {"embedding": [1.5]}]},
    ),
    "openai-transcription": (
        "/v1/audio/transcriptions",
        FORM,
        {"text": "Hi."},
    ),
    "openai-moderations": ("/v1/moderations", {"input": "Hi"}, {"results": [{"flagged": False}]}),
}
JUNK = (None, b"", b"{", b"[]", b"{}", b"null", b"1", b'"x"', b"\xff", b"[" * 100_000)


def every(names: Sequence[str] = ()) -> pytest.MarkDecorator:
    protocols = protocols_named(names)
    return pytest.mark.parametrize("protocol", protocols, ids=[p.name for p in protocols])


@every()
def test_a_protocol_has_a_name_of_its_own(protocol: InferenceProtocol) -> None:
    """Lower case with hyphens, once in the catalog, and with an example."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", protocol.name)
    assert [p.name for p in PROTOCOLS].count(protocol.name) == 1
    assert protocol.name in EXAMPLES


@every()
def test_exactly_one_protocol_claims_an_exchange(protocol: InferenceProtocol) -> None:
    """No two read the same path; other methods and paths are nobody's."""
    path, _, _ = EXAMPLES[protocol.name]
    assert [p for p in PROTOCOLS if p.matches("POST", path)] == [protocol]
    assert find_protocol(PROTOCOLS, "GET", path) is None
    assert find_protocol(PROTOCOLS, "POST", path + "/more") is None
    assert find_protocol(PROTOCOLS, "POST", "/") is None


@every()
def test_a_good_exchange_is_read(protocol: InferenceProtocol) -> None:
    """Arrays have one row per instance; the bodies are there for selectors."""
    path, request, response = EXAMPLES[protocol.name]
    inference = decode(protocol, exchange(path, request, response))
    arrays = [*inference.inputs.values(), *inference.outputs.values()]
    assert {len(array) for array in arrays} <= {inference.n}
    assert inference.refused is None
    parsed = inference.parsed[0]
    if isinstance(request, bytes):  # no JSON: what is read of it stands for it
        assert parsed.request
        assert parsed.response
    else:
        assert (parsed.request, parsed.response) == (request, response)


@pytest.mark.parametrize("status", [0, 400, 503])
@every()
def test_a_failure_keeps_its_inputs(protocol: InferenceProtocol, status: int) -> None:
    """Whatever an error's body holds, it is neither an output nor a reason to refuse."""
    path, request, response = EXAMPLES[protocol.name]
    good = decode(protocol, exchange(path, request, response))
    failed = decode(protocol, exchange(path, request, response, status=status))
    assert failed.n == good.n
    assert list(failed.inputs) == list(good.inputs)
    assert (dict(failed.outputs), failed.parsed[0].response, failed.refused) == ({}, None, None)


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: repr(junk)[:12])
@every()
def test_a_junk_request_is_refused_with_a_reason(
    protocol: InferenceProtocol, junk: bytes | None
) -> None:
    """CaptureError with a short code, and no other error."""
    path, _, response = EXAMPLES[protocol.name]
    with pytest.raises(CaptureError) as error:
        decode(protocol, exchange(path, b"", response, request_body=junk))
    assert error.value.reason.isidentifier()


@pytest.mark.parametrize("junk", JUNK[2:], ids=lambda junk: repr(junk)[:12])
@every()
def test_a_junk_response_never_costs_the_inputs(protocol: InferenceProtocol, junk: bytes) -> None:
    """The inference says what was wrong with the answer and keeps the rest."""
    path, request, response = EXAMPLES[protocol.name]
    good = decode(protocol, exchange(path, request, response))
    inference = decode(protocol, exchange(path, request, junk))
    assert list(inference.inputs) == list(good.inputs)
    assert (dict(inference.outputs), inference.refused is None) == ({}, False)


def test_an_unknown_protocol_is_a_configuration_error() -> None:
    """The message lists what is known."""
    with pytest.raises(ConfigError, match="kserve-v2"):
        protocols_named(["smtp"])
