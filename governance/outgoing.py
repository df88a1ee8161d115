"""HTTP to receivers that nobody trusts: one deadline a call, no redirects, bounded answers.

A time limit on each read does not bound a call: a receiver that sends one byte of its headers every
few seconds meets every limit for ever. So calls run on an event loop, on a thread of its own, and
the whole call is cut off at its deadline, from the look-up of the name to the last byte read.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from governance.errors import ConfigError, Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``body`` is at most ``MAX_ANSWER_BYTES`` of it, as it was sent."""

    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One request; ``ca_file`` (PEM) names who signs the receiver's certificate."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes = b""
    ca_file: Path | None = None


class Outgoing:
    """Makes calls, from any thread; ``close`` ends its own.

    Connections are not kept: calls are rare, and a kept one that the other side has dropped looks
    like a receiver that is away.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: Callable[[], object] = _nothing  # does what it does once
        self._contexts: dict[Path | None, ssl.SSLContext] = {}

    def call(self, call: Call) -> Answer:
        """Make one call.

        Raises
        ------
        Unanswered
            With the code ``timeout``, ``certificate``, ``connection`` or ``protocol``.
        ConfigError
            If the file of ``ca_file`` is unusable.
        """
        context = self._context(call.ca_file)
        doing = asyncio.wait_for(_exchange(call, context, self._seconds), self._seconds)
        try:
            return asyncio.run_coroutine_threadsafe(doing, self._running()).result()
        except TimeoutError:
            raise Unanswered("timeout", f"no whole answer in {self._seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Unanswered(_code(error), f"{type(error).__name__}: {error}") from None

    def close(self) -> None:
        """End the loop; a later call begins another."""
        with self._lock:
            self._loop = None
            self._end()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                run = threading.Thread(target=_serve, args=(self._loop,), daemon=True)
                run.start()
                # also where nobody closes it: the thread knows the loop, not us
                loop = self._loop
                self._end = weakref.finalize(self, loop.call_soon_threadsafe, loop.stop)
            return self._loop

    def _context(self, ca_file: Path | None) -> ssl.SSLContext:
        with self._lock:
            if ca_file not in self._contexts:
                self._contexts[ca_file] = _trusting(ca_file)
            return self._contexts[ca_file]


def _nothing() -> None:
    """No loop has begun."""


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"caFile {ca_file} is no readable PEM: {error}") from None


async def _exchange(call: Call, context: ssl.SSLContext, seconds: float) -> Answer:
    limits = httpx.Limits(max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(
            verify=context, limits=limits, timeout=seconds, follow_redirects=False, trust_env=False
        ) as client,
        client.stream(
            call.method, call.url, content=call.content or None, headers=dict(call.headers)
        ) as response,
    ):
        body = b""
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) >= MAX_ANSWER_BYTES:
                break
        return Answer(response.status_code, response.headers, body[:MAX_ANSWER_BYTES])


def _code(error: BaseException) -> str:
    """``certificate`` where TLS is at the bottom of it, ``protocol`` where it is not HTTP."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "certificate"
        cause = cause.__cause__ or cause.__context__
    protocol = httpx.ProtocolError | httpx.InvalidURL | httpx.UnsupportedProtocol
    return "protocol" if isinstance(error, protocol) else "connection"
