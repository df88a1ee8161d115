"""``make test-cluster``: builds the Kubernetes API once, runs its tests, ends with one line."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.testkit import helm, kubebox_build
from tests.testkit.cache import ServerMissing


def main(arguments: list[str]) -> int:
    """Build, test, say how it went; the exit code of the tests, 1 where there is no cluster."""
    began = time.monotonic()
    try:
        kubebox_build.program()
        helm.fetch()
    except ServerMissing as error:
        print(f"cluster: not tested; {error}")  # noqa: T201 - a program
        return 1
    built = time.monotonic() - began
    ran = [sys.executable, "-m", "pytest", "-m", "cluster", "tests/kubernetes", *arguments]
    code = subprocess.run(ran, check=False).returncode
    verdict = "passed" if code == 0 else f"FAILED (pytest ended with {code})"
    seconds = time.monotonic() - began - built
    print(  # noqa: T201 - a program
        f"cluster: {verdict}; Kubernetes {kubebox_build.VERSION}, built in {built:.0f} s, "
        f"tests took {seconds:.0f} s"
    )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
