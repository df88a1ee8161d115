"""The way to the model server: by number, by name, by its other address."""

from __future__ import annotations

import asyncio
import socket

import pytest

from collectors.sidecar.dial import Dial


async def _connect(host: str, port: int) -> None:
    (await Dial(host, port, 5.0).connect()).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_number_and_name_reach_the_server(host: str) -> None:
    """A name may have addresses at which nobody listens: the next one is tried."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        asyncio.run(_connect(host, server.getsockname()[1]))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "no.such.name.invalid"])
def test_where_nobody_is_it_says_so(host: str) -> None:
    """Refused, or without an address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OSError, match=r"111|failed|[Nn]ame|resolution"):
        asyncio.run(_connect(host, port))
