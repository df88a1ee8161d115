"""Texts to a live endpoint and its answers back: few at a time, each within a time, none lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import httpx

from collectors.base import Exchange
from governance.clock import SECOND_US, SystemClock
from governance.errors import TransientError
from governance.service.counterfactual.answer import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from governance.service.counterfactual.answer import AnswerReader
    from governance.service.counterfactual.request import Form

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
NOT_ASKED: Final = "not_asked"

_CLOCK = SystemClock()


class Unreachable(TransientError):
    """Nobody answers at the endpoint."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How an endpoint is asked."""

    concurrency: int = 4  # requests under way at a time
    timeout_seconds: float = 10.0  # of one request, until the last byte of its answer
    token: str | None = field(default=None, repr=False)  # a bearer token; never printed
    max_loss: float = 0.05  # share of texts without an answer after which the rest is not asked


def ask(
    form: Form,
    reader: AnswerReader,
    texts: Sequence[str],
    manners: Manners,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Answer]:
    """One answer per text, in order; what went wrong is each answer's ``problem``.

    Raises
    ------
    Unreachable
        If no connection comes about for the first text.
    """
    asking = _Asking(form, reader, manners, texts, progress)
    return asyncio.run(asking.all())


class _Asking:
    """The state of one round of questions."""

    def __init__(
        self,
        form: Form,
        reader: AnswerReader,
        manners: Manners,
        texts: Sequence[str],
        progress: Callable[[float], None],
    ) -> None:
        self._form = form
        self._reader = reader
        self._manners = manners
        self._texts = texts
        self._progress = progress
        self._answers = [Answer(problem=NOT_ASKED)] * len(texts)
        self._done = 0
        self._failed = 0

    async def all(self) -> list[Answer]:
        """Ask the first text alone, so that a wrong address is one question, then the rest."""
        waiting = iter(range(len(self._texts)))
        async with self._client() as client:
            await self._one(client, next(waiting))
            first = self._answers[0].problem
            if first in {_REFUSED, _TIMEOUT}:
                raise Unreachable(
                    f"{self._form.url}: no answer to the first text ({first}): is the model "
                    "served there, and reachable from here?"
                )
            async with asyncio.TaskGroup() as group:
                for _ in range(self._manners.concurrency):
                    group.create_task(self._worker(client, waiting))
        return self._answers

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers=_headers(self._manners.token),
            timeout=self._manners.timeout_seconds,
            limits=httpx.Limits(max_connections=self._manners.concurrency),
        )

    async def _worker(self, client: httpx.AsyncClient, waiting: Iterator[int]) -> None:
        for index in waiting:
            if self._failed > self._manners.max_loss * len(self._texts):
                return  # no answer could make up for those that are missing
            await self._one(client, index)

    async def _one(self, client: httpx.AsyncClient, index: int) -> None:
        answer = await self._asked(client, self._texts[index])
        self._answers[index] = answer
        self._done += 1
        self._failed += bool(answer.problem)
        self._progress(self._done / len(self._texts))

    async def _asked(self, client: httpx.AsyncClient, text: str) -> Answer:
        body = self._form.request(text)
        started = _CLOCK.now_us()
        try:
            async with (
                asyncio.timeout(self._manners.timeout_seconds),
                client.stream("POST", self._form.url, content=body) as response,
            ):
                received = await _bounded(response)
        except httpx.ConnectError:
            return Answer(problem=_REFUSED)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(problem=_TIMEOUT)
        except httpx.HTTPError:
            return Answer(problem=_BROKEN)
        if received is None:
            return Answer(problem=_TOO_LONG)
        return self._reader.read(self._exchange(body, response, received, started))

    def _exchange(
        self, body: bytes, response: httpx.Response, received: bytes, started_us: int
    ) -> Exchange:
        return Exchange(
            method="POST",
            target=self._form.target,
            request_headers={"content-type": "application/json"},
            request_body=body,
            status=response.status_code,
            response_headers=_lower(response.headers),
            response_body=received,
            started_us=started_us,
            latency_ms=(_CLOCK.now_us() - started_us) * 1_000 / SECOND_US,
        )


_REFUSED, _TIMEOUT, _BROKEN, _TOO_LONG = "refused", "timeout", "broken_connection", "too_long"


def _headers(token: str | None) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "user-agent": "evenhand",
        "accept-encoding": "gzip",  # what the answer's reader takes
    }
    return headers if token is None else headers | {"authorization": f"Bearer {token}"}


async def _bounded(response: httpx.Response) -> bytes | None:
    """The body as it was sent; None where it is longer than an answer can be."""
    received = bytearray()
    async for chunk in response.aiter_raw():
        received += chunk
        if len(received) > MAX_ANSWER_BYTES:
            return None
    return bytes(received)


def _lower(headers: httpx.Headers) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}
