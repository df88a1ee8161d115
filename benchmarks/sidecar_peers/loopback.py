"""A network of its own, which has nothing but loopback.

KServe's agent listens on every address of the machine. In a network namespace that is 127.0.0.1.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_INSIDE = "EVENHAND_LOOPBACK_ONLY"
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net")


def is_alone() -> bool:
    """Whether this process is in such a network."""
    return _INSIDE in os.environ


def can_be_had() -> bool:
    """Whether the machine lets us make one."""
    try:
        tried = subprocess.run([*_UNSHARE, "ip", "link"], check=False, capture_output=True)
    except OSError:
        return False
    return tried.returncode == 0


def run_alone(arguments: Sequence[str]) -> int:
    """Run ``python ARGUMENTS`` there; the exit code."""
    script = 'ip link set lo up && exec "$@"'
    command = [*_UNSHARE, "sh", "-c", script, "sh", sys.executable, *arguments]
    return subprocess.run(command, check=False, env={**os.environ, _INSIDE: "1"}).returncode
