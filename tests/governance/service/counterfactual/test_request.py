"""Requests for one text, by protocol and signals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from governance.component.schema import Component
from governance.errors import ConfigError
from governance.service.counterfactual.request import find_form

if TYPE_CHECKING:
    from pathlib import Path

V1 = "http://127.0.0.1:1/v1/models/m:predict"
V2 = "http://127.0.0.1:1/v2/models/m/versions/3/infer?x=1"
CHAT = "https://host/v1/chat/completions"


def sentiment(text: str | None = None, **spec: Any) -> Component:
    """A text component; ``text`` is its ``features.text``."""
    signals = {"signals": {"features": {"text": text}}} if text else {}
    model = {"name": "my model", "version": "1", "modality": ["text"]}
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "s"},
            "spec": {"model": model} | signals | spec,
        }
    )


def tensor(name: str) -> dict[str, Any]:
    return {"inputs": [{"name": name, "datatype": "BYTES", "shape": [1], "data": ['so "é"']}]}


@pytest.mark.parametrize(
    ("url", "text", "body"),
    [
        (V1, None, {"instances": ['so "é"']}),
        (V1, "request:$.instances[*]", {"instances": ['so "é"']}),
        (V1, "request:$.instances[*].review", {"instances": [{"review": 'so "é"'}]}),
        (V1, "column:review", {"instances": [{"review": 'so "é"'}]}),
        (V1, "input:review", {"instances": [{"review": 'so "é"'}]}),
        (V2, None, tensor("text")),
        (V2, "input:prompt", tensor("prompt")),
        (V2, "request:$.inputs[0].data[*]", tensor("text")),
        (
            CHAT,
            "request:$.messages[-1:].content",
            {
                "model": "my model",
                "messages": [{"role": "user", "content": 'so "é"'}],
                "temperature": 0,
            },
        ),
    ],
)
def test_the_text_is_where_signals_read_it(url: str, text: str | None, body: Any) -> None:
    """The plainest usual body of the protocol in which ``features.text`` finds the text."""
    form = find_form(sentiment(text), url, None)
    assert json.loads(form.request('so "é"')) == body
    assert form.url == url


def test_a_server_alone_is_completed_by_the_one_protocol() -> None:
    """With one protocol declared, its usual path is appended."""
    component = sentiment(capture={"protocols": ["kserve-v2"]})
    form = find_form(component, "http://host:8080/", None)
    assert form.url == "http://host:8080/v2/models/my%20model/infer"


def test_the_component_names_its_endpoint() -> None:
    """``spec.model.endpoint`` is asked where no flag says otherwise."""
    model = {"name": "m", "version": "1", "modality": ["text"], "endpoint": V1}
    assert find_form(sentiment(model=model), None, None).url == V1
    assert find_form(sentiment(model=model), CHAT, None).protocol.name == "openai-chat"


def test_a_body_of_the_users_own(tmp_path: Path) -> None:
    """``{text}`` is filled wherever it stands; everything else is sent as it is."""
    path = tmp_path / "body.json"
    body = {"messages": [{"role": "system", "content": "Judge."}, {"content": "<{text}>"}], "n": 1}
    path.write_text(json.dumps(body))
    sent = json.loads(find_form(sentiment(), CHAT, path).request('a "b" {text}'))
    assert sent["messages"] == [
        {"role": "system", "content": "Judge."},
        {"content": '<a "b" {text}>'},
    ]
    assert sent["n"] == 1


@pytest.mark.parametrize(
    ("text", "url", "words"),
    [
        (None, None, "no endpoint to ask: give --endpoint URL, or set spec.model.endpoint"),
        (None, "ftp://host/x", "is no http(s) URL with a host"),
        (None, "http://host:99999/x", "is no http(s) URL with a host"),
        (None, "http://me:secret@host/v1/models/m:predict", "secrets stay out of it"),
        (None, "http://host/models/m", "is no inference path of kserve-v1, kserve-v2, "),
        ("request:$.documents[*]", V1, "finds no text in the usual bodies of kserve-v1"),
        ("header:x-text", V1, "finds no text in the usual bodies of kserve-v1"),
    ],
)
def test_an_endpoint_that_cannot_be_asked(text: str | None, url: str | None, words: str) -> None:
    """What is wrong and what to write; a password is never repeated."""
    with pytest.raises(ConfigError) as error:
        find_form(sentiment(text), url, None)
    assert words in str(error.value)
    assert "secret@" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"), [("{oh", "is no JSON"), ('{"a": "text"}', "{text} stands nowhere")]
)
def test_a_body_without_a_place_for_the_text(tmp_path: Path, content: str, words: str) -> None:
    """It would ask the same question every time."""
    path = tmp_path / "body.json"
    path.write_text(content)
    with pytest.raises(ConfigError) as error:
        find_form(sentiment(), V1, path)
    assert words in str(error.value)
