"""Make the virtual environment that the Makefile uses; the standard library only.

    python3 scripts/make_environment.py FOLDER

Debian's Python comes without ensurepip; then Debian's package is fetched, where that is possible.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINIMUM = (3, 11)


def main(folder: Path) -> int:
    if sys.version_info < MINIMUM:
        print(
            f"Evenhand needs Python {MINIMUM[0]}.{MINIMUM[1]} or newer, this is "
            f"{sys.version.split()[0]}. Name another one: make demo PYTHON=python3.11",
            file=sys.stderr,
        )
        return 2
    if not (folder / "bin/pip").exists() and not (_venv(folder) or _venv_after_apt(folder)):
        print(
            "Python's venv module cannot make an environment here. On Debian and Ubuntu:\n"
            "    apt-get install python3-venv",
            file=sys.stderr,
        )
        return 3
    _pip(folder, "install", "--quiet", "--upgrade", "pip")
    constraints = ("--constraint", str(ROOT / "constraints.txt"))
    _pip(
        folder,
        "install",
        "--quiet",
        *constraints,
        "--editable",
        f"{ROOT}[all]",
        "--group",
        f"{ROOT}/pyproject.toml:dev",
    )
    return 0


def _venv(folder: Path) -> bool:
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(folder)], capture_output=True, check=False
    )
    return made.returncode == 0


def _venv_after_apt(folder: Path) -> bool:
    if os.geteuid() != 0:
        return False
    for command in (("update", "-qq"), ("install", "-qq", "-y", "python3-venv")):
        subprocess.run(["apt-get", *command], capture_output=True, check=False)
    return _venv(folder)


def _pip(folder: Path, *arguments: str) -> None:
    subprocess.run([str(folder / "bin/python"), "-m", "pip", *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
