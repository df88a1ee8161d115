"""The demo's client: people as V2 requests through the sidecar, their labels later at the door."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from governance.errors import TransientError
from governance.service.demo.census import FEATURES, MODEL_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from governance.service.demo.census import People

INSTANCES = 100  # people per request
_PATH = f"/v2/models/{MODEL_NAME}/infer"


class InferenceClient:
    """One keep-alive connection to HOST:PORT."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection = http.client.HTTPConnection(address, timeout=30)

    def infer(self, request_id: str, people: People) -> None:
        """Ask for predictions; raises TransientError if the answer is not 200."""
        body = msgspec.json.encode({"id": request_id, "inputs": list(_tensors(people))})
        headers = {"content-type": "application/json"}
        try:
            self._connection.request("POST", _PATH, body, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except OSError as error:
            raise TransientError(f"{self._address} does not answer: {error}") from None
        if answer.status != http.client.OK:
            raise TransientError(f"{self._address} answered {answer.status}: {text[:200]!r}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def request_id(number: int) -> str:
    """Id of the request that holds people number * INSTANCES and following."""
    return f"survey-{number:05d}"


def labels_of(first_request: int, people: People, seed: int) -> list[dict[str, Any]]:
    """Ground truth of consecutive requests, in another order than they were asked in."""
    order = np.random.default_rng(seed).permutation(len(people))
    return [
        {"id": _event_id(first_request, int(i), len(people)), "label": int(people.employed[i])}
        for i in order
    ]


def _event_id(first_request: int, position: int, n: int) -> str:
    request, instance = divmod(position, INSTANCES)
    last = n - request * INSTANCES == 1  # a request with one instance has no instance number
    base = request_id(first_request + request)
    return base if last and instance == 0 else f"{base}:{instance}"


def _tensors(people: People) -> Iterator[dict[str, Any]]:
    n = len(people)
    for name in FEATURES:
        yield _tensor(name, "INT64", n, people.features[name].tolist())
    seconds = (people.time_us / 1e6).tolist()
    yield _tensor("instant", "FP64", n, seconds)


def _tensor(name: str, datatype: str, n: int, values: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [n], "data": values}
