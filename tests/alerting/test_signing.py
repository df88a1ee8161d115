"""Signatures of several keys at a time, as the libraries of other languages check them."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import pytest

from alerting.notifiers.signing import read_secrets, signed_headers
from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEW, OLD, OTHER = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
BODY = '{"type":"io.evenhand.notify.v1","data":{"component":"gr\\u00f6\\u00dfer"}}'


def message(secret: str, **changes: Any) -> dict[str, Any]:
    """What a receiver that knows ``secret`` has in hands; signed a moment ago."""
    headers = signed_headers((NEW, OLD), "msg_1", BODY, time.time_ns() // 1_000)
    headers |= changes.pop("headers", {})
    return {"secret": secret, "headers": headers, "body": BODY, **changes}


def test_other_libraries_accept_our_signatures(
    webhook_library: Callable[[list[dict[str, Any]]], list[str]],
) -> None:
    """While keys change, a receiver with the new key and one with the old one both accept."""
    assert webhook_library([message(NEW), message(OLD)]) == ["ok", "ok"]


def test_other_libraries_refuse_what_was_changed(
    webhook_library: Callable[[list[dict[str, Any]]], list[str]],
) -> None:
    """Another key, another body, another id, an old time: each is refused."""
    old = str(int(time.time()) - 3_600)
    wrong = [
        message(OTHER),
        message(NEW, body=BODY.replace("notify", "retrain")),
        message(NEW, headers={"webhook-id": "msg_2"}),
        message(NEW, headers={"webhook-timestamp": old}),
    ]
    assert "ok" not in webhook_library(wrong)


def test_the_signature_is_the_specifications_example() -> None:
    """The worked example of the specification, byte for byte."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body, at_us = '{"test": 2432232314}', 1_614_265_330_000_000
    headers = signed_headers((secret,), "msg_p5jXN8AQM9LWM0D4loKWxJek", body, at_us)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("whsec_", "entry 1: not a secret"),
        ("whsec_$$$", "entry 1: not a secret"),
        (f"{NEW}\nplain-text-password", "entry 2: not a secret"),
        ("whsec_" + base64.b64encode(b"short").decode(), "entry 1: not a secret"),
        ("gr\u00f6\u00dfer", "cannot be read"),
    ],
)
def test_malformed_secrets_are_named_and_not_printed(tmp_path: Path, text: str, words: str) -> None:
    """File and entry are named, the secret is not; the remedy is."""
    path = tmp_path / "secret"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as raised:
        read_secrets(path)
    assert str(path) in str(raised.value)
    assert not [line for line in text.split() if len(line) > 6 and line in str(raised.value)]
