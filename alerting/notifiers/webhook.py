"""Signed webhooks: one POST an attempt, no redirects, allow-listed hosts, bounded answers."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from alerting.base import Attempt, Result
from alerting.notifiers.signing import read_secrets, signed_headers
from governance.clock import SECOND_US
from governance.errors import ConfigError, Unanswered
from governance.outgoing import Call, Outgoing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from governance.config import WebhookSettings
    from governance.outgoing import Answer
    from governance.store.delivery import Delivery

ATTEMPT_SECONDS = 10.0  # a receiver that has not answered by then is tried again later
MAX_BODY_BYTES = 20_000
_MAX_RETRY_AFTER_SECONDS = 24 * 3_600.0


class WebhookNotifier:
    """Delivers to the receivers that the settings name.

    Raises
    ------
    ConfigError
        If a receiver's URL is not http(s), its host is not allowed, or its secret is unusable.
    """

    def __init__(
        self,
        receivers: Mapping[str, WebhookSettings],
        allowed_hosts: Sequence[str] = (),
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> None:
        self._receivers = dict(receivers)
        for name, receiver in self._receivers.items():
            _check(name, receiver.url, allowed_hosts)
            read_secrets(receiver.secret_file)
        self._outgoing = Outgoing(attempt_seconds)

    def deliver(self, delivery: Delivery, now_us: int) -> Attempt:
        receiver, body = self._receivers.get(delivery.target), delivery.body.encode()
        if receiver is None:
            words = f"no_receiver: the settings name no webhook {delivery.target!r}"
            return Attempt(Result.RETRY, words)
        if len(body) > MAX_BODY_BYTES:
            words = f"too_large: {len(body)} bytes, a message has at most {MAX_BODY_BYTES}"
            return Attempt(Result.REFUSED, words)
        try:
            secrets = read_secrets(receiver.secret_file)
            headers = signed_headers(secrets, delivery.id, delivery.body, now_us)
            headers |= {"content-type": "application/json", "user-agent": "evenhand"}
            call = Call("POST", receiver.url, headers, body, receiver.ca_file)
            return judge(self._outgoing.call(call), now_us)
        except ConfigError as error:
            return Attempt(Result.RETRY, f"settings: {error}")
        except Unanswered as error:
            return Attempt(Result.RETRY, f"{error.code}: {error}")

    def close(self) -> None:
        self._outgoing.close()


def judge(answer: Answer, now_us: int) -> Attempt:
    """What an answer means, as Standard Webhooks says: 2xx is taken, 410 ends it."""
    status = answer.status
    if 200 <= status < 300:
        return Attempt(Result.DELIVERED, f"delivered: answered {status}")
    if status == HTTPStatus.GONE:
        return Attempt(Result.GONE, "gone: answered 410, the receiver wants nothing more")
    if 300 <= status < 400:
        return Attempt(Result.RETRY, f"redirect: answered {status}, redirects are not followed")
    return Attempt(Result.RETRY, f"status: answered {status}", _retry_after(answer, now_us))


def _check(name: str, url: str, allowed_hosts: Sequence[str]) -> None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"webhook {name!r}: {url!r} is no address: {error}") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConfigError(f"webhook {name!r}: {url!r} is not an http or https address")
    if parsed.userinfo:
        raise ConfigError(f"webhook {name!r}: the address holds a password; messages are signed")
    if allowed_hosts and parsed.host not in {host.lower() for host in allowed_hosts}:
        raise ConfigError(
            f"webhook {name!r}: host {parsed.host!r} is not in alerting.allowedHosts "
            f"({', '.join(allowed_hosts)})"
        )


def _retry_after(answer: Answer, now_us: int) -> float | None:
    """Seconds that the receiver asks for: a number of them, or an HTTP date; else None."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now_us / SECOND_US
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_SECONDS)
