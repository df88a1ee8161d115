"""Requests for one text, in the form of the endpoint's protocol and of the component's signals.

Each protocol has a few usual bodies; the first one in which ``spec.signals.features.text`` reads
the text back is the component's. A body of another form is given as a file of JSON in which
``{text}`` stands for the text (``--request``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from collectors.base import Exchange
from collectors.catalog import find_protocol, protocols_named
from collectors.read import decode
from collectors.signals import Place, Seen, named_columns
from governance.component.schema import Modality
from governance.component.selector import SelectorKind
from governance.errors import CaptureError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from collectors.base import InferenceProtocol
    from governance.component.schema import Component

_BLANK: Final = "{text}"
_PROBE: Final = "a text"
_ROW: Final = "text"  # what a column or tensor of texts is called where nothing says
_PATHS: Final[Mapping[str, str]] = {
    "kserve-v1": "/v1/models/{name}:predict",
    "kserve-v2": "/v2/models/{name}/infer",
    "openai-chat": "/v1/chat/completions",
}


@dataclass(frozen=True, slots=True)
class Form:
    """Where texts are sent, and in which form."""

    url: str
    protocol: InferenceProtocol
    body: Any  # JSON, in whose strings ``{text}`` stands for the text

    @property
    def target(self) -> str:
        """Path and query of the URL."""
        parts = urlsplit(self.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def request(self, text: str) -> bytes:
        """The body for one text."""
        return json.dumps(_filled(self.body, text), ensure_ascii=False).encode()


def find_form(component: Component, endpoint: str | None, body: Path | None) -> Form:
    """How to ask the component's model.

    Parameters
    ----------
    component
        Its ``spec.model.endpoint`` is asked where ``endpoint`` is None.
    endpoint
        http(s) URL of an inference path, or of a server where ``spec.capture.protocols`` names
        one protocol.
    body
        A file with a body of another form.

    Raises
    ------
    ConfigError
        If there is no endpoint, its path belongs to no protocol, or the text would not be where
        ``spec.signals.features.text`` says.
    """
    url = _url(endpoint or component.spec.model.endpoint)
    url, protocol = _with_protocol(url, component)
    if body is not None:
        return Form(url, protocol, _from_file(body))
    signal = component.spec.signals.features.get(Modality.TEXT)
    place = None if signal is None else Place("features.text", signal.source)
    for candidate in _bodies(protocol, component, place):
        form = Form(url, protocol, candidate)
        if place is None or _reads_back(place, form):
            return form
    raise ConfigError(
        f"spec.signals.features.text: {place and place.selector} finds no text in the usual "
        f"bodies of {protocol.name}: give the body by --request FILE, JSON with {_BLANK} where "
        "the text goes"
    )


def _url(endpoint: str | None) -> str:
    if endpoint is None:
        raise ConfigError("no endpoint to ask: give --endpoint URL, or set spec.model.endpoint")
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1)
    except ValueError:
        usable = None
    if not usable:
        raise ConfigError(f"endpoint {endpoint!r} is no http(s) URL with a host")
    if "@" in parts.netloc:
        raise ConfigError("the endpoint's URL holds a name or password: secrets stay out of it")
    return endpoint


def _with_protocol(url: str, component: Component) -> tuple[str, InferenceProtocol]:
    known = protocols_named(component.spec.capture.protocols)
    found = find_protocol(known, "POST", urlsplit(url).path)
    if found is not None:
        return url, found
    names = ", ".join(protocol.name for protocol in known)
    if len(known) == 1 and known[0].name in _PATHS and not urlsplit(url).query:
        path = _PATHS[known[0].name].format(name=quote(component.spec.model.name, safe=""))
        return url.rstrip("/") + path, known[0]
    raise ConfigError(
        f"endpoint {url!r} is no inference path of {names}: give the whole URL, for example "
        f"http://HOST{_PATHS['kserve-v1'].format(name='NAME')}, or name one protocol in "
        "spec.capture.protocols"
    )


def _bodies(
    protocol: InferenceProtocol, component: Component, place: Place | None
) -> Iterator[Any]:
    """The usual bodies, the plainest first."""
    name = _ROW if place is None else place.title
    if protocol.name == "kserve-v1":
        yield {"instances": [_BLANK]}
        yield {"instances": [{name: _BLANK}]}
    elif protocol.name == "kserve-v2":
        for tensor in dict.fromkeys((_ROW, name)):
            data = {"name": tensor, "datatype": "BYTES", "shape": [1], "data": [_BLANK]}
            yield {"inputs": [data]}
    elif protocol.name == "openai-chat":
        message = {"role": "user", "content": _BLANK}
        # The same question must get the same answer, as far as the model can.
        yield {"model": component.spec.model.name, "messages": [message], "temperature": 0}


def _reads_back(place: Place, form: Form) -> bool:
    if place.selector.kind not in {SelectorKind.REQUEST, SelectorKind.INPUT, SelectorKind.COLUMN}:
        return False
    try:
        exchange = Exchange("POST", form.target, {}, form.request(_PROBE), 0, {}, None, 0, 0.0)
        inference = decode(form.protocol, exchange)
        found = place.values(Seen([exchange], inference, named_columns(inference.inputs)))
    except CaptureError:
        return False
    return found is not None and found.tolist() == [_PROBE]


def _from_file(path: Path) -> Any:
    try:
        body = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is no JSON: {error}") from None
    if _filled(body, "1") == _filled(body, "2"):
        raise ConfigError(f"{path}: {_BLANK} stands nowhere in its strings: it marks the text")
    return body


def _filled(body: Any, text: str) -> Any:
    if isinstance(body, str):
        return body.replace(_BLANK, text)
    if isinstance(body, list):
        return [_filled(item, text) for item in body]
    if isinstance(body, dict):
        return {key: _filled(value, text) for key, value in body.items()}
    return body
