"""Check components and settings: every problem with its file, line, path and remedy.

Exit codes: 0 all valid (fields that this build accepts without acting on them yet are listed as
notices), 1 something is invalid, 2 wrong usage or no such file.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from governance.component.load import Reading, read_components
from governance.component.nearest import did_you_mean, listed
from governance.config import Settings, load_settings
from governance.errors import ConfigError, InvalidComponent, Problem

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("paths", type=Path, nargs="*", metavar="PATH", help="file or folder")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a settings file to check too")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Check and report; 1 if anything is invalid."""
    _exist(options)
    reading = read_components(options.paths)
    settings, problems = _settings(options.config)
    problems = [*reading.problems, *problems, *_baselines(reading)]
    reading = replace(reading, notices=(*reading.notices, *_unmatched(reading)))
    if settings is not None:
        problems += _receivers(reading, settings)
    if options.json:
        print(json.dumps(_report(reading, problems), indent=2))
    else:
        _print(reading, problems)
    return 1 if problems else 0


def _exist(options: argparse.Namespace) -> None:
    if not options.paths and options.config is None:
        raise ConfigError("nothing to check: name files or folders, or --config FILE")
    for path in [*options.paths, *([options.config] if options.config else [])]:
        if not path.exists():
            raise ConfigError(f"{path}: no such file or folder")


def _settings(file: Path | None) -> tuple[Settings | None, list[Problem]]:
    if file is None:
        return None, []
    try:
        return load_settings(file, os.environ), []
    except InvalidComponent as error:
        return None, list(error.problems)
    except ConfigError as error:
        return None, [Problem(str(file), None, "", str(error).removeprefix(f"{file}: "))]


def _receivers(reading: Reading, settings: Settings) -> Iterator[Problem]:
    """Webhooks and registries that the settings do not have, or that serve other namespaces."""
    for item in reading.components:
        component = item.component
        for i, action in enumerate(component.spec.actions):
            path = f"spec.actions[{i}].webhook"
            message = _not_a_receiver(action.webhook, settings.alerting.webhooks, "webhook")
            if action.registry is not None:
                path = "spec.model.repository"
                named = component.spec.model.repository
                message = _not_a_receiver(named, settings.registries, "registry")
            if message is not None:
                yield Problem(str(item.file), None, path, message)


def _not_a_receiver(name: str | None, known: Mapping[str, object], what: str) -> str | None:
    if name is not None and name in known:
        return None
    near = "" if name is None else did_you_mean(name, known)
    place = "alerting.webhooks" if what == "webhook" else "registries"
    return (
        f"the settings have no {what} {name or ''!r}{near}; {place} has: {listed(known) or 'none'}"
    )


def _baselines(reading: Reading) -> Iterator[Problem]:
    declared = [item for item in reading.components if item.component.spec.baseline.uri]
    if not declared:
        return
    from governance.service.references import baseline_problem  # noqa: PLC0415 - loads scipy

    for item in declared:
        message = baseline_problem(item.component, item.file)
        if message is not None:
            yield Problem(str(item.file), None, "spec.baseline", message)


def _unmatched(reading: Reading) -> Iterator[Problem]:
    """Settings for features that are in no column of the profile."""
    for item in reading.components:
        spec = item.component.spec
        if spec.baseline.uri is None or not spec.monitoring.drift.features:
            continue
        from governance.service.references import unmatched_subjects  # noqa: PLC0415 - loads scipy

        for name, words in unmatched_subjects(item.component, item.file).items():
            path = f"spec.monitoring.drift.features.{name}"
            yield Problem(str(item.file), None, path, f"judges nothing: {words}")


def _print(reading: Reading, problems: list[Problem]) -> None:
    for problem in problems:
        print(problem)
    for notice in reading.notices:
        print(f"{notice} (notice)")
    count = len(reading.components)
    what = f"{count} component{'' if count == 1 else 's'}"
    verdict = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}" if problems else "valid"
    print(f"{what}: {verdict}, {len(reading.notices)} notices")


def _report(reading: Reading, problems: list[Problem]) -> dict[str, Any]:
    return {
        "valid": not problems,
        "components": [
            {
                "namespace": item.component.metadata.namespace,
                "name": item.component.metadata.name,
                "file": str(item.file),
            }
            for item in reading.components
        ],
        "problems": [_entry(problem) for problem in problems],
        "notices": [_entry(notice) for notice in reading.notices],
    }


def _entry(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "path": problem.path,
        "message": problem.message,
    }
