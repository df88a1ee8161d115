"""Signed webhooks: one POST an attempt, no redirects, allow-listed hosts, bounded answers."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from alerting.base import Attempt, Result
from alerting.notifiers.signing import read_secrets, signed_headers
from governance.clock import SECOND_US, Clock, SystemClock
from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from governance.config import WebhookSettings
    from governance.store.deliveries import Delivery

ATTEMPT_SECONDS = 10.0  # a receiver that has not answered by then is tried again later
MAX_ANSWER_BYTES = 64 * 1024
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
        clock: Clock | None = None,
    ) -> None:
        self._receivers = dict(receivers)
        self._clock = clock or SystemClock()
        for name, receiver in self._receivers.items():
            _check(name, receiver.url, allowed_hosts)
            read_secrets(receiver.secret_file)
        self._client = httpx.Client(
            timeout=httpx.Timeout(ATTEMPT_SECONDS / 2), follow_redirects=False, trust_env=False
        )

    def deliver(self, delivery: Delivery, now_us: int) -> Attempt:
        receiver = self._receivers.get(delivery.target)
        if receiver is None:
            return Attempt(Result.RETRY, f"no webhook {delivery.target!r} in the settings")
        try:
            secrets = read_secrets(receiver.secret_file)
        except ConfigError as error:
            return Attempt(Result.RETRY, str(error))
        headers = signed_headers(secrets, delivery.id, delivery.body, now_us)
        headers["content-type"] = "application/json"
        headers["user-agent"] = "evenhand"
        try:
            return self._post(receiver.url, delivery.body.encode(), headers, now_us)
        except httpx.HTTPError as error:
            return Attempt(Result.RETRY, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        self._client.close()

    def _post(self, url: str, body: bytes, headers: dict[str, str], now_us: int) -> Attempt:
        deadline = self._clock.monotonic() + ATTEMPT_SECONDS
        with self._client.stream("POST", url, content=body, headers=headers) as response:
            received = 0
            for chunk in response.iter_raw():
                received += len(chunk)
                # The answer's body means nothing to us; a slow or endless one is cut off.
                if received > MAX_ANSWER_BYTES or self._clock.monotonic() > deadline:
                    break
            return _judge(response, now_us)


def _check(name: str, url: str, allowed_hosts: Sequence[str]) -> None:
    parsed = httpx.URL(url)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConfigError(f"webhook {name!r}: {url!r} is not an http or https address")
    if allowed_hosts and parsed.host not in allowed_hosts:
        raise ConfigError(
            f"webhook {name!r}: host {parsed.host!r} is not in alerting.allowedHosts "
            f"({', '.join(allowed_hosts)})"
        )


def _judge(response: httpx.Response, now_us: int) -> Attempt:
    status = response.status_code
    if 200 <= status < 300:
        return Attempt(Result.DELIVERED, f"answered {status}")
    if status == httpx.codes.GONE:
        return Attempt(Result.REFUSED, "answered 410: the receiver is gone for good")
    if 300 <= status < 400:
        return Attempt(Result.RETRY, f"answered {status}: redirects are not followed")
    return Attempt(Result.RETRY, f"answered {status}", _retry_after(response, now_us))


def _retry_after(response: httpx.Response, now_us: int) -> float | None:
    text = response.headers.get("retry-after")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now_us / SECOND_US
        except ValueError:
            return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_SECONDS)
