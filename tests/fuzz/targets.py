"""What is fed with mutated bytes, and what must hold of each whatever they are.

A target takes bytes and a seeded source of chance; any exception that leaves it is a finding.
"""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from hpack import Encoder
from hyperframe.frame import DataFrame, HeadersFrame, SettingsFrame

from collectors.capture import Capture
from collectors.modalities.image import ImageDecoder
from collectors.modalities.voice import VoiceDecoder
from collectors.protocols.kserve_v2_grpc import PATH as GRPC_PATH
from collectors.sidecar.connections import Connections
from collectors.sidecar.counters import Pump
from collectors.sidecar.frames import REQUEST, RESPONSE
from collectors.sidecar.http2 import PREFACE
from collectors.stack import capture_all
from governance.errors import MediaError
from governance.wire.columns import decode_events, encode_events
from tests.collectors.bodies import body
from tests.collectors.exchanges import CHAT_PATH, KEYED, V1_PATH, V2_PATH, exchange
from tests.collectors.grpc_bodies import framed, grpc_request, grpc_response
from tests.collectors.modalities.sounds import noise, picture, sound, tone
from tests.collectors.sidecar.test_sized import both, seen_as
from tests.collectors.test_capture_robust import RICH

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from collectors.base import Exchange
    from tests.collectors.sidecar.watching import Step

SPLIT = b"\n=====\n"  # between request and response of one seed
_PATHS = (
    *(V1_PATH, V2_PATH, CHAT_PATH, "/v1/completions", "/v1/responses", "/v1/embeddings"),
    *("/v1/moderations", "/v1/audio/transcriptions", GRPC_PATH, "/v2/models/m/generate"),
)


@cache
def http_seeds() -> tuple[bytes, ...]:
    """Connections: what the client says, and what the server says."""
    post = b"POST /v2/models/m/infer HTTP/1.1\r\nHost: m\r\nX-Request-Id: 7\r\n"
    sized = post + b"Content-Length: 5\r\n\r\nhello"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nT: t\r\n\r\n"
    ok = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\nyes"
    head = b"HEAD / HTTP/1.1\r\n\r\n"
    bare = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
    upgrade = b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"
    pairs = (
        (sized, ok),
        (sized * 3, ok * 3),
        (post + chunked, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + chunked),
        (head + sized, bare + ok),
        (post + chunked + sized, b"HTTP/1.1 204 No Content\r\n\r\n" + ok),
        (sized, b"HTTP/1.1 200 OK\r\n\r\ndata: x\n\ndata: y\n\n"),
        (upgrade, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi"),
        (b"\x16\x03\x01\x02\x00\x01", b"\x16\x03\x03\x00\x05hello"),
    )
    return tuple(request + SPLIT + response for request, response in pairs)


def watch_http(raw: bytes, chance: Random) -> None:
    """Both ways of framing see the same; every request is counted once; no room is kept."""
    request, _, response = raw.partition(SPLIT)
    steps: list[Step] = [
        *((">", chunk) for chunk in _chunks(request, chance)),
        *(("<", chunk) for chunk in _chunks(response, chance)),
    ]
    if chance.random() < 0.3:
        chance.shuffle(steps)
    fast, slow = both(steps)
    # Behind "Connection: close" the parser with callbacks reads on where the other one would not.
    if b"close" not in raw.lower() and b"HTTP/1.0" not in raw:
        _same(seen_as(fast), seen_as(slow))
    for seen in (fast, slow):
        over = (Pump.OBSERVED, Pump.ABANDONED, Pump.UPGRADED)
        _same(seen.counts.get(Pump.BEGUN, 0), sum(seen.counts.get(cell, 0) for cell in over))
        _same(seen.held, 0)


@cache
def http2_seeds() -> tuple[bytes, ...]:
    """A unary call over gRPC: what the client says, and what the server says."""
    asked, answered = Encoder(), Encoder()
    kind = ("content-type", "application/grpc")
    call = [(":method", "POST"), (":path", GRPC_PATH), kind]
    request = [
        SettingsFrame(0),
        HeadersFrame(1, asked.encode(call), flags=["END_HEADERS"]),
        DataFrame(1, framed(grpc_request(31.5, 40.0)), flags=["END_STREAM"]),
    ]
    answer, trailer = [(":status", "200"), kind], [("grpc-status", "0")]
    response = [
        SettingsFrame(0),
        HeadersFrame(1, answered.encode(answer), flags=["END_HEADERS"]),
        DataFrame(1, framed(grpc_response(2))),
        HeadersFrame(1, answered.encode(trailer), flags=["END_HEADERS", "END_STREAM"]),
    ]
    said = [b"".join(frame.serialize() for frame in side) for side in (request, response)]
    return (PREFACE + said[0] + SPLIT + said[1],)


def watch_http2(raw: bytes, chance: Random) -> None:
    """Any bytes are exchanges or a connection given up; what comes out can be captured."""
    request, _, response = raw.partition(SPLIT)
    connections = Connections(lambda _: True, 1 << 20)
    found: list[Exchange] = []
    for side, said in ((REQUEST, request), (RESPONSE, response)):
        for chunk in _chunks(said, chance):
            found += connections.see(1, side, chunk, 1)
    found += connections.end(1, 2)
    _capture(found)


@cache
def body_seeds() -> tuple[bytes, ...]:
    """Bodies of requests and responses, of all protocols."""
    tensor = {"name": "a", "datatype": "FP64", "shape": [2], "data": [1.5, 2]}
    chat = {"messages": [{"role": "user", "content": "hi"}], "model": "m", "stream": True}
    said = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}], "usage": {}}
    event = b'data: {"choices": [{"delta": {"content": "y"}}]}\n\ndata: [DONE]\n\n'
    header = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": 16}}]}).encode()
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        + sound(tone(seconds=0.05))
        + b"\r\n--x--\r\n"
    )
    pairs = (
        ({"inputs": [tensor]}, {"outputs": [tensor], "model_version": "1"}),
        ({"instances": [[1, 2], [3, 4]]}, {"predictions": [0, 1]}),
        ({"inputs": {"a": [1, 2], "b": ["x", "y"]}}, {"outputs": [1, 2]}),
        (chat, said),
        ({"prompt": ["a", "b"]}, said),
        ({"input": "a"}, {"data": [{"embedding": [0.5, 0.25]}], "output": [{"content": []}]}),
    )
    plain = [(json.dumps(a).encode(), json.dumps(b).encode()) for a, b in pairs]
    plain += [
        (json.dumps(chat).encode(), event),
        (header + struct.pack("<2d", 1, 2), header + struct.pack("<2d", 1, 2)),
        (framed(grpc_request(1.0)), framed(grpc_response(1))),
        (framed(grpc_request(1.0, raw=True)), framed(grpc_response(1))),
        (form, b'{"text": "hello"}'),
    ]
    return tuple(request + SPLIT + response for request, response in plain)


def capture_bodies(raw: bytes, chance: Random) -> None:
    """An event, nothing or a reason; alone or with others."""
    request, _, response = raw.partition(SPLIT)
    if chance.random() < 0.2:
        with suppress(ValueError):  # what JSON text cannot hold
            request = json.dumps(body(chance)).encode()
    kinds = ("application/json", "text/event-stream", "application/grpc", "")
    length = chance.choice((b"", str(request.find(b"]}]}") + 4).encode()))
    headers = {
        "content-type": chance.choice(("application/json", "multipart/form-data; boundary=x")),
        "content-encoding": chance.choice(("identity", "identity", "gzip", "br")),
        **({"inference-header-content-length": length.decode()} if length else {}),
    }
    seen = exchange(
        chance.choice(_PATHS),
        request,
        response,
        status=chance.choice((200, 200, 200, 400, 500, 0)),
        request_headers=headers,
        response_headers={"content-type": chance.choice(kinds)},
    )
    _capture([seen] * chance.randint(1, 3))


@cache
def picture_seeds() -> tuple[bytes, ...]:
    """One file of each kind."""
    grain = (noise(0.1, 16_000).reshape(40, 40) * 300 + 128).clip(0, 255).astype("uint8")
    kinds = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
    return (*(picture(grain, kind) for kind in kinds), picture(grain.astype("uint16") * 256))


def decode_picture(raw: bytes, _: Random) -> None:
    """Numbers or a reason."""
    with suppress(MediaError):
        _decoder(ImageDecoder).decode(raw)


@cache
def sound_seeds() -> tuple[bytes, ...]:
    """One file of each kind."""
    kinds = (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"))
    return tuple(sound(tone(seconds=0.2), kind=kind, subtype=sub) for kind, sub in kinds)


def decode_sound(raw: bytes, _: Random) -> None:
    """Numbers or a reason."""
    with suppress(MediaError):
        _decoder(VoiceDecoder).decode(raw)


TARGETS: dict[str, tuple[Callable[[], tuple[bytes, ...]], Callable[[bytes, Random], None]]] = {
    "http": (http_seeds, watch_http),
    "http2": (http2_seeds, watch_http2),
    "bodies": (body_seeds, capture_bodies),
    "pictures": (picture_seeds, decode_picture),
    "sounds": (sound_seeds, decode_sound),
}

_decoder = cache(lambda kind: kind())
_capturing = cache(lambda: Capture(RICH, KEYED))


def _capture(exchanges: list[Exchange]) -> None:
    for taken in capture_all(_capturing(), exchanges):
        if taken.error is not None:
            raise taken.error
        if taken.captured is not None and taken.captured.batch is not None:
            batch = taken.captured.batch
            _same(decode_events(encode_events(batch))[0].n, batch.n)


def _chunks(raw: bytes, chance: Random) -> list[bytes]:
    found, at = [], 0
    largest = chance.choice((1 if len(raw) < 2_000 else 50, 60, 5_000, 70_000))
    while at < len(raw):
        size = chance.randint(1, largest)
        found.append(raw[at : at + size])
        at += size
    return found


def _same(one: object, other: object) -> None:
    if one != other:
        raise AssertionError(f"{one!r}\nis not\n{other!r}")
