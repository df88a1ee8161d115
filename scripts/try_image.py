"""Run the steps of the Dockerfile without a container engine, and start what comes out.

    python scripts/try_image.py [FOLDER]

What is run: every COPY and RUN of the Dockerfile, in order, in an empty folder, with the files that
Git knows as the context and this machine's Python as the base image's. What is not run: FROM (no
image is pulled, so the base image's own contents are not tested), and USER inside an image; the
programs are started as that user where this one is root and the user can reach Python. Ends with
one line; exit code 1 if a step or a program fails.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_BASE = f"python{sys.version_info.major}.{sys.version_info.minor}"
_STARTS = ("--version", "collect --help", "detect --help", "operate --help", "crd")


def main(arguments: list[str]) -> int:
    """Run the steps, start the programs, say how it went."""
    folder = Path(arguments[0] if arguments else tempfile.mkdtemp(prefix="evenhand-image-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # another user is to start the programs
    places = {"SOURCE": str(folder / "src"), "PREFIX": str(folder / "opt/evenhand")}
    steps = read_steps((ROOT / "Dockerfile").read_text())
    user = _user(steps)
    try:
        for instruction, words in steps:
            _run(instruction, _filled(words, places), places)
        seconds = [_start(places["PREFIX"], name, user) for name in _STARTS]
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"image: FAILED; {error}")
        return 1
    finally:
        if not arguments:
            shutil.rmtree(folder, ignore_errors=True)
    who = "this user" if user is None else f"user {user}"
    print(
        f"image: {len(steps)} instructions read, COPY and RUN executed, programs started as {who}: "
        f"--version {seconds[0]:.2f} s, collect --help {seconds[1]:.2f} s; no image was pulled"
    )
    return 0


def read_steps(text: str) -> list[tuple[str, str]]:
    """Instruction and its words, comments left out, continued lines joined."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    kept = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in kept]


def _filled(words: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        words = words.replace(f"${{{name}}}", place)
    return words


def _run(instruction: str, words: str, places: dict[str, str]) -> None:
    if instruction == "RUN":
        print(f"RUN {words}"[:100], flush=True)
        command = words.replace("python3 -m venv", f"{shlex.quote(_base())} -m venv")
        subprocess.run(["sh", "-euc", command], cwd=places["SOURCE"], check=True)
    elif instruction == "WORKDIR":
        Path(words).mkdir(parents=True, exist_ok=True)
    elif instruction == "COPY" and not words.startswith("--from="):
        *sources, target = words.split()
        for source in sources:
            _copy(source, Path(target), several=target.endswith("/"))


def _copy(source: str, target: Path, *, several: bool) -> None:
    """Copy what Git knows of a file or folder of the context."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", source],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    files = [Path(name) for name in listed if name and (ROOT / name).is_file()]
    if not files:
        raise OSError(f"COPY {source}: Git knows no such file")
    for file in files:
        place = target / file.name if several else target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, place)


def _user(steps: list[tuple[str, str]]) -> int | None:
    """The image's user, where we may become it and it may reach this machine's Python."""
    wanted = next(words for instruction, words in steps if instruction == "USER")
    reachable = all(p.stat().st_mode & 0o001 for p in Path(_base()).resolve().parents)
    return int(wanted.partition(":")[0]) if os.geteuid() == 0 and reachable else None


def _base() -> str:
    """The Python that stands for the base image's: the system's, where it can make environments."""
    system = f"/usr/bin/{_BASE}"
    can = [system, "-c", "import ensurepip, venv"]
    if (
        Path(system).exists()
        and subprocess.run(can, check=False, capture_output=True).returncode == 0
    ):
        return system
    return shutil.which(_BASE) or sys.executable


def _start(prefix: str, words: str, user: int | None) -> float:
    """Start a program as the image does; how long it took, in seconds."""
    environment = {"PATH": f"{prefix}/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    began = time.perf_counter()
    subprocess.run(
        [f"{prefix}/bin/evenhand", *words.split()],
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd="/",
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
