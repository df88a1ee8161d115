"""Free ports of 127.0.0.1, below the range that the kernel gives to clients."""

from __future__ import annotations

import random
import socket

FIRST, LAST = 20_000, 31_999
_RANDOM = random.SystemRandom()


def free_port() -> int:
    """A port that nobody listens on now; raises OSError after 200 taken ones."""
    for _ in range(200):
        port = _RANDOM.randint(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError(f"no free port between {FIRST} and {LAST}")


def accepts(port: int) -> bool:
    """Whether somebody accepts connections on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
