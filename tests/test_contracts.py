"""Import contracts, heavy imports, licences: what the architecture promises, checked."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("governance", "collectors", "detectors", "alerting")

# One home for each heavy dependency (DESIGN 8): import name -> where it may be imported.
HOMES = {
    "kafka": ("governance/bus/kafka",),
    "confluent_kafka": ("governance/bus/confluent",),
    "fastapi": ("governance/service/",),
    "scipy": ("detectors/stats/",),
    "prometheus_client": ("governance/metrics.py",),
    "sqlalchemy": ("governance/store/", "governance/service/", "alerting/evaluator.py"),
    "pyarrow": ("collectors/rows/", "collectors/replay.py", "governance/wire/arrow.py"),
    "uvloop": ("collectors/sidecar/",),
    "httptools": ("collectors/sidecar/",),
    "PIL": ("collectors/modalities/image.py",),
    "soundfile": ("collectors/modalities/voice.py",),
    "evidently": ("detectors/evidently.py",),
    "pandas": ("detectors/evidently.py",),
}
FORBIDDEN_LICENCES = re.compile(
    r"GPL|AGPL|LGPL|BUSL|Business Source|Elastic License|SSPL", re.IGNORECASE
)
# Names that appear in texts although the code is under another licence, with the reason.
CHECKED_BY_HAND: dict[str, str] = {}


def test_import_contracts_hold() -> None:
    """Layers, blind stages, statistics without dependencies: import-linter over the tree."""
    linter = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", sorted(HOMES))
def test_each_heavy_dependency_has_one_home(name: str) -> None:
    """Type-checking imports do not count: they load nothing."""
    strangers = [
        str(path.relative_to(ROOT))
        for path in _modules()
        if name in _imported(path) and not str(path.relative_to(ROOT)).startswith(HOMES[name])
    ]
    assert not strangers


def test_only_the_clock_asks_for_the_time() -> None:
    """Everything else is passed a clock, so that tests and replay can move it."""
    pattern = re.compile(r"\b(time\.time|time\.monotonic|time\.time_ns|datetime\.now|utcnow)\(")
    # The pump may import nothing of ours and measures with the loop's own clock.
    allowed = ("governance/clock.py", "collectors/sidecar/")
    callers = [
        str(path.relative_to(ROOT))
        for path in _modules()
        if pattern.search(path.read_text()) and not str(path.relative_to(ROOT)).startswith(allowed)
    ]
    assert not callers


def test_run_time_dependencies_are_permissive() -> None:
    """No GPL, LGPL, AGPL, BSL or ELv2 in what a user installs with the extra `all`."""
    bad = {}
    for name in _requirements("evenhand", {"all", "media", "parquet", "postgres"}):
        text = _licence(name)
        if FORBIDDEN_LICENCES.search(text):
            bad[name] = text
    assert not bad


def test_nothing_names_this_machine() -> None:
    """No absolute path of a developer's machine in what git tracks."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    pattern = re.compile(r"(^|[^A-Za-z0-9_.-])/(work|root|home)/[A-Za-z.]", re.MULTILINE)
    texts = [name for name in listed if Path(name).suffix in {".py", ".md", ".yaml", ".toml"}]
    found = [name for name in texts if pattern.search((ROOT / name).read_text(errors="replace"))]
    assert not found


def _modules() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in _running(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _running(node: ast.AST) -> list[ast.AST]:
    """Nodes outside ``if TYPE_CHECKING``."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return []
    return [node, *(n for child in ast.iter_child_nodes(node) for n in _running(child))]


def _requirements(name: str, extras: set[str]) -> set[str]:
    """The closure of what ``name`` requires here, by distribution name."""
    found: set[str] = set()
    queue = [(name, extras)]
    while queue:
        current, wanted = queue.pop()
        try:
            requires = distribution(current).requires or []
        except PackageNotFoundError:
            continue
        for requirement in requires:
            head, _, marker = requirement.partition(";")
            extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", marker)
            if extra and extra.group(1) not in wanted:
                continue
            match = re.match(r"\s*([A-Za-z0-9._-]+)(?:\[([^\]]+)\])?", head)
            if match is None or match.group(1).lower() in found | {"evenhand"}:
                continue
            found.add(match.group(1).lower())
            queue.append((match.group(1), set((match.group(2) or "").split(","))))
    return found


def _licence(name: str) -> str:
    try:
        metadata = distribution(name).metadata
    except PackageNotFoundError:
        return ""  # for another platform or Python
    fields = [
        text[:200]  # some put the whole text of their licence here
        for field in ("License-Expression", "License")
        for text in metadata.get_all(field) or []
    ]
    classifiers = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License")]
    return "; ".join([*fields, *classifiers])
