"""Standard Webhooks signatures (https://www.standardwebhooks.com), several keys at a time.

The secret file holds one ``whsec_`` secret a line, newest first; while a receiver changes keys,
each message carries a signature for every line. The file is read at each delivery, so a rotation
needs no restart.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from standardwebhooks.webhooks import Webhook

from governance.clock import SECOND_US
from governance.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_PREFIX = "whsec_"
_MINIMUM_BYTES = 24  # the specification asks for 24 to 64 random bytes


def read_secrets(path: Path) -> tuple[str, ...]:
    """The secrets of a file, newest first.

    Raises
    ------
    ConfigError
        If the file cannot be read, is empty, or a line is not a secret; the secret is not printed.
    """
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"webhook secret file {path} cannot be read: {error}") from None
    if not lines:
        raise ConfigError(f"webhook secret file {path} is empty: write one whsec_... secret a line")
    for number, line in enumerate(lines, start=1):
        if not _is_secret(line):
            raise ConfigError(
                f"webhook secret file {path}, entry {number}: not a secret; write whsec_ and then "
                f"base64 of at least {_MINIMUM_BYTES} random bytes"
            )
    return tuple(lines)


def signed_headers(
    secrets: tuple[str, ...], message_id: str, body: str, now_us: int
) -> dict[str, str]:
    """The three headers of Standard Webhooks for a body that is sent now."""
    at = datetime.fromtimestamp(now_us // SECOND_US, tz=UTC)
    signatures = " ".join(Webhook(secret).sign(message_id, at, body) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_us // SECOND_US),
        "webhook-signature": signatures,
    }


def _is_secret(line: str) -> bool:
    if not line.startswith(_PREFIX):
        return False
    try:
        return len(base64.b64decode(line[len(_PREFIX) :], validate=True)) >= _MINIMUM_BYTES
    except (binascii.Error, ValueError):
        return False
