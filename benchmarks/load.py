"""A small HTTP load, and the server that it is meant for: one V2 request, one answer, 1 kB each.

    python -m benchmarks.load --serve --port 8080
    python -m benchmarks.load --port 8080 --connections 16 --seconds 4 [--rate 9000]

Neither parses more than it must, so that what stands between them is what is measured. Without a
rate each connection asks again as soon as it is answered; with one, requests are due at even
intervals and wait for a free connection.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from array import array
from collections import deque
from itertools import cycle
from typing import cast

import uvloop

TENSOR = {"name": "age", "datatype": "FP64", "shape": [1, 1], "data": [31.5]}
_NAMES = [f"feature_{number}" for number in range(9)]
BODY = json.dumps({"inputs": [{**TENSOR, "name": name} for name in _NAMES]}).encode()
REQUEST = (
    b"POST /v2/models/loans/infer HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load\r\n"
    b"Accept: */*\r\n"
    b"Content-Type: application/json\r\nX-Request-Id: 0af7651916cd43dd8448eb211c80319c\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
)
# Ids differ as they do where anybody looks: a proxy may remember a head that comes twice.
_REQUESTS = [REQUEST.replace(b"0af76519", b"%08x" % number) for number in range(1_000)]
_OUTPUT = {"name": "predict", "datatype": "INT64", "shape": [1, 1], "data": [1]}
_ANSWER = {"model_version": "1", "outputs": [_OUTPUT], "parameters": {"pad": "x" * 850}}
ANSWER = json.dumps(_ANSWER).encode()
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
    + ANSWER
)


class Server(asyncio.Protocol):
    """Answers as often as a whole request has come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.received = 0
        self.length = 0  # of a request, once one was seen: a proxy changes its headers

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if not self.length:
            self.length = data.index(b"\r\n\r\n") + 4 + len(BODY)
        while self.received >= self.length:
            self.received -= self.length
            self.transport.write(RESPONSE)


class Connection(asyncio.Protocol):
    """Asks when told to, and says when the answer is complete."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.head = b""  # of the first answer
        self.length = 0  # of an answer, once one was seen
        self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.load.idle.append(self)

    def ask(self) -> None:
        self.asked = time.perf_counter()
        self.transport.write(self.load.next_request())

    def data_received(self, data: bytes) -> None:
        if not self.length:
            self.head += data
            head, ended, _ = self.head.partition(b"\r\n\r\n")
            if not ended:
                self.received += len(data)
                return
            length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
            self.length = len(head) + 4 + int(length)
            assert head.startswith(b"HTTP/1.1 200"), head
        self.received += len(data)
        if self.received >= self.length:
            self.received -= self.length
            self.load.latencies.append(time.perf_counter() - self.asked)
            self.load.answered(self)


class Load:
    """All connections; ``rate`` 0 is as fast as they can."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.idle: deque[Connection] = deque()
        self.latencies = array("d")
        self.over = False
        self.next_request = cycle(_REQUESTS).__next__

    def answered(self, connection: Connection) -> None:
        if self.rate or self.over:
            self.idle.append(connection)
        else:
            connection.ask()

    async def run(self, port: int, connections: int, seconds: float) -> dict[str, float]:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
        self.idle.popleft().ask()  # one answer to learn its length from
        await asyncio.sleep(0.2)
        self.latencies = array("d")
        started = loop.time()
        if not self.rate:
            while self.idle:
                self.idle.popleft().ask()
        asked = 0
        while (elapsed := loop.time() - started) < seconds:
            while self.rate and self.idle and asked < elapsed * self.rate:
                self.idle.popleft().ask()
                asked += 1
            await asyncio.sleep(0.0005 if self.rate else 0.05)
        self.over = True
        found = sorted(self.latencies)
        return {
            "requests": len(found),
            "seconds": elapsed,
            "p50_us": found[len(found) // 2] * 1e6,
            "p99_us": found[len(found) * 99 // 100] * 1e6,
        }


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float, default=0.0)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(options.port))
        return
    load = Load(options.rate)
    print(json.dumps(uvloop.run(load.run(options.port, options.connections, options.seconds))))


if __name__ == "__main__":
    main()
