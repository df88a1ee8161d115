"""Pictures and recordings in bodies of every protocol: seen, or refused with a counted reason."""

from __future__ import annotations

import base64
import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from collectors import media_features
from collectors.capture import Capture
from collectors.modalities.image import ImageDecoder
from collectors.modalities.voice import VoiceDecoder
from collectors.protocols.binary_tensors import HEADER
from tests.collectors.exchanges import (
    CHAT_PATH,
    KEYED,
    V1_PATH,
    V2_PATH,
    body,
    component,
    exchange,
    values,
)
from tests.collectors.modalities.sounds import noise, picture, sound

if TYPE_CHECKING:
    from collectors.base import Exchange
    from collectors.capture import Captured

SHADES = np.random.default_rng(0).integers(0, 255, (24, 32)).astype(np.uint8)
PICTURE, SOUND = picture(SHADES), sound(noise(0.3))
B64, VOICE64 = base64.b64encode(PICTURE).decode(), base64.b64encode(SOUND).decode()
TRANSCRIPTIONS = "/v1/audio/transcriptions"


def taken(seen: Exchange, *modalities: str, **signals: Any) -> tuple[Captured, Capture]:
    declared = component(
        model={"name": "m", "version": "1", "modality": list(modalities)},
        signals={"features": signals},
    )
    capture = Capture(declared, KEYED, embed=modalities)
    return capture.alone(seen), capture


def chat(*parts: dict[str, Any]) -> Exchange:
    return exchange(CHAT_PATH, {"messages": [{"role": "user", "content": list(parts)}]})


def by_url(uri: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": uri}}


def tensors(*elements: bytes) -> Exchange:
    raw = b"".join(struct.pack("<I", len(element)) + element for element in elements)
    described = {
        "name": "x",
        "datatype": "BYTES",
        "shape": [len(elements)],
        "parameters": {"binary_data_size": len(raw)},
    }
    head = body({"inputs": [described]})
    return exchange(V2_PATH, head + raw, request_headers={HEADER: str(len(head))})


def transcription(content: bytes, **changes: Any) -> Exchange:
    files = {"file": ("a.wav", content, "audio/wav")}
    request = httpx.Request("POST", "http://x/", data={"model": "w"}, files=files)
    headers = {"content-type": request.headers["content-type"]}
    changes = {"request_headers": headers, **changes}
    return exchange(TRANSCRIPTIONS, request.read(), {"text": "hello you"}, **changes)


PICTURES: dict[str, tuple[Exchange, dict[str, str]]] = {
    "chat, data: URI": (chat({"type": "text", "text": "?"}, by_url(f"data:;base64,{B64}")), {}),
    "responses": (
        exchange(
            "/v1/responses",
            {
                "input": [
                    {
                        "role": "user",
                        "content": [{"type": "input_image", "image_url": f"data:x;base64,{B64}"}],
                    }
                ]
            },
        ),
        {},
    ),
    "V1, b64": (exchange(V1_PATH, {"instances": [{"b64": B64}]}), {}),
    "V1, key and b64": (exchange(V1_PATH, {"instances": [{"pic": {"b64": B64}, "k": 1}]}), {}),
    "V1, selector": (
        exchange(V1_PATH, {"instances": [{"pic": B64}]}),
        {"image": "request:$.instances[*].pic"},
    ),
    "V2, bytes": (tensors(PICTURE), {}),
    "V2, base64 in BYTES": (
        exchange(
            V2_PATH,
            {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1, 1], "data": [B64]}]},
        ),
        {"image": "input:x"},
    ),
}


@pytest.mark.parametrize("form", PICTURES)
def test_a_picture_is_seen_in_every_form(form: str) -> None:
    """The same numbers and the same embedding as of the file itself."""
    seen, signals = PICTURES[form]
    captured, _ = taken(seen, "image", **signals)
    assert captured.batch is not None
    numbers, vector = ImageDecoder().decode(PICTURE)
    found = [values(captured.batch, f"image.{name}")[0] for name in ImageDecoder.features]
    assert found == pytest.approx(list(numbers))
    assert values(captured.batch, "image.undecodable") == [0.0]
    assert captured.vectors["image"][0] == pytest.approx(vector, rel=1e-6)


@pytest.mark.parametrize(
    "seen",
    [
        transcription(SOUND),
        chat({"type": "input_audio", "input_audio": {"data": VOICE64, "format": "wav"}}),
        tensors(SOUND),
        exchange(V1_PATH, {"instances": [{"b64": VOICE64}]}),
    ],
    ids=["transcription", "chat", "V2", "V1"],
)
def test_a_recording_is_heard_in_every_form(seen: Exchange) -> None:
    """The same numbers and the same embedding as of the file itself."""
    captured, _ = taken(seen, "voice")
    assert captured.batch is not None
    numbers, vector = VoiceDecoder().decode(SOUND)
    found = [values(captured.batch, f"voice.{name}")[0] for name in VoiceDecoder.features[:6]]
    assert found == pytest.approx(list(numbers[:6]))
    assert captured.vectors["voice"][0] == pytest.approx(vector, rel=1e-5)


def test_a_transcription_has_a_text_and_tokens() -> None:
    """What was said is the answer; a plain answer is a text as well."""
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 2}
    answer = b'{"text": "hello you", "usage": {"input_tokens": 14, "output_tokens": 2}}'
    captured, _ = taken(transcription(SOUND, response_body=answer), "voice", "text")
    assert captured.batch is not None
    assert values(captured.batch, "text.response_words") == [2.0]
    assert values(captured.batch, "output_tokens") == [usage["output_tokens"]]
    headers = {"content-type": "text/plain; charset=utf-8"}
    plain = transcription(SOUND, response_body=b"one two three\n", response_headers=headers)
    captured, _ = taken(plain, "text")
    assert captured.batch is not None
    assert values(captured.batch, "text.response_words") == [3.0]


def test_a_streamed_transcription() -> None:
    """The closing event tells; where the stream broke off, the deltas do."""
    events = [b'{"type":"transcript.text.delta","delta":"a "}'] * 3
    done = b'{"type":"transcript.text.done","text":"a a a b"}'
    headers = {"content-type": "text/event-stream"}
    for lines, words in ((events, 3.0), ([*events, done], 4.0)):
        body = b"".join(b"data: " + line + b"\n\n" for line in lines)
        seen = transcription(SOUND, response_body=body, response_headers=headers)
        captured, _ = taken(seen, "text")
        assert captured.batch is not None
        assert values(captured.batch, "text.response_words") == [words]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (PICTURE[:-200], "truncated"),
        (b"\xff\xfe no picture", "format"),
        (picture(np.zeros((6_000, 6_000), np.uint8)), "too_many_pixels"),
    ],
)
def test_what_cannot_be_decoded_is_an_event_and_counted(value: bytes, reason: str) -> None:
    """The event says so, its features are missing, its neighbour is seen."""
    captured, capture = taken(tensors(value, PICTURE), "image")
    assert captured.batch is not None
    assert values(captured.batch, "image.undecodable") == [1.0, 0.0]
    assert values(captured.batch, "image.width") == [None, 32.0]
    assert np.isnan(captured.vectors["image"]).all(axis=1).tolist() == [True, False]
    assert capture.counts[f"undecodable:image:{reason}"] == 1


def test_media_of_two_modalities_are_told_apart() -> None:
    """Where nothing is declared, a recording is no broken picture; where it is, it is one."""
    both, capture = taken(tensors(PICTURE, SOUND), "image", "voice")
    assert both.batch is not None
    assert values(both.batch, "image.undecodable") == [0.0, None]
    assert values(both.batch, "voice.undecodable") == [None, 0.0]
    assert not [reason for reason in capture.counts if reason.startswith("undecodable")]
    declared, _ = taken(tensors(SOUND), "image", image="input:x")
    assert declared.batch is not None
    assert values(declared.batch, "image.undecodable") == [1.0]


def test_a_broken_data_uri_is_counted() -> None:
    """It says that it is base64, and is none."""
    captured, capture = taken(chat(by_url("data:image/png;base64,@@@@")), "image")
    assert captured.batch is not None
    assert values(captured.batch, "image.undecodable") == [1.0]
    assert capture.counts["undecodable:image:encoding"] == 1


@pytest.mark.parametrize("uri", ["https://example.com/a.png", "s3://b/c.png", ""])
def test_an_address_is_no_picture(uri: str) -> None:
    """What it leads to did not go by: nothing to decode, and nothing undecodable."""
    captured, capture = taken(chat(by_url(uri)), "image")
    assert captured.batch is not None
    assert not [name for name in capture.counts if "image" in name]
    assert values(captured.batch, "image.undecodable") == [None]


def test_no_more_than_a_bound_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of pictures does not hold up the traffic; the rest is counted."""
    monkeypatch.setattr(media_features, "MOST", 2)
    captured, capture = taken(tensors(*[PICTURE] * 5), "image")
    assert captured.batch is not None
    assert values(captured.batch, "image.width") == [32.0, 32.0, None, None, None]
    assert capture.counts["not_decoded:image"] == 3
    monkeypatch.setattr(media_features, "SECONDS", -1.0)
    _, capture = taken(tensors(PICTURE), "image")
    assert capture.counts["not_decoded:image"] == 1


def test_bytes_are_no_category() -> None:
    """A file in a tensor does not become a column of a table, at whatever level."""
    captured, _ = taken(tensors(PICTURE, SOUND), "tabular", "image")
    assert captured.batch is not None
    column = captured.batch.columns["tabular.x"]
    assert (column.values.tolist(), column.dictionary) == ([-1, -1], ())


def test_a_tabular_component_has_no_media() -> None:
    """Bytes in a tensor alone mean nothing."""
    captured, _ = taken(tensors(b"ab"), "tabular")
    assert captured.batch is not None
    assert not [name for name in captured.batch.columns if name.startswith(("image", "voice"))]


@pytest.mark.parametrize(
    ("modality", "loaded"),
    [("tabular", []), ("text", []), ("image", ["PIL"]), ("voice", ["soundfile"])],
)
def test_decoders_are_loaded_only_where_they_are_declared(modality: str, loaded: list[str]) -> None:
    """The sidecar of a table pays for no picture."""
    code = (
        "import sys; from collectors.capture import Capture; import collectors.sidecar.reader; "
        "from tests.collectors.exchanges import KEYED, component; "
        f"model = {{'name': 'm', 'version': '1', 'modality': ['{modality}']}}; "
        "Capture(component(model=model), KEYED); "
        "print(*(m for m in ('PIL', 'soundfile', 'scipy', 'pandas') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == loaded
