"""Ask a server on this machine whether it is ready."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit


def answers(url: str) -> bool:
    """Whether a GET of the URL is answered with 200 within a second."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=1)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
