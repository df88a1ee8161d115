"""A gate's verdict as JUnit XML, which every CI system reads.

One test case per check, subject and modality. A breach is a failure, what could not be judged is
skipped; an inconclusive verdict is one more test case with an error, so that no viewer takes a
report of skipped tests for a green one. The form is that of Jenkins' ``junit-10.xsd``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from governance.clock import SECOND_US, format_instant
from governance.finding import Status
from governance.service.gate import Outcome, State
from governance.service.reports.words import REMEDY, headline, in_windows, measured, number, why

if TYPE_CHECKING:
    from governance.service.gate import Case, GateVerdict

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def junit(verdict: GateVerdict, component: str, now_us: int, *, seconds: float = 0.0) -> str:
    """The report.

    Parameters
    ----------
    verdict
        What was decided.
    component
        ``namespace/name``.
    now_us
        When, microseconds since 1970 UTC.
    seconds
        How long judging took.
    """
    inconclusive = verdict.outcome is Outcome.INCONCLUSIVE
    totals = {
        "tests": str(len(verdict.cases) + inconclusive),
        "failures": str(verdict.count(State.BREACH)),
        "errors": str(int(inconclusive)),
        "time": f"{seconds:.3f}",
    }
    skipped = {"skipped": str(sum(map(_is_skipped, verdict.cases)))}
    root = ET.Element("testsuites", {"name": "evenhand gate"} | totals)
    when = format_instant(now_us - now_us % SECOND_US).removesuffix("Z")
    named = {"name": _clean(component), "timestamp": when}
    suite = ET.SubElement(root, "testsuite", named | totals | skipped)
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="verdict", value=verdict.outcome.value)
    if inconclusive:
        _add_inconclusive(suite, verdict)
    versions = len({case.finding.version for case in verdict.cases})
    for case in verdict.cases:
        _add(suite, case, versions)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_inconclusive(suite: ET.Element, verdict: GateVerdict) -> None:
    case = ET.SubElement(suite, "testcase", classname="gate", name="verdict", time="0")
    error = ET.SubElement(case, "error", type="inconclusive", message=headline(verdict))
    error.text = _clean("\n".join([*verdict.reasons, REMEDY]))


def _add(suite: ET.Element, case: Case, versions: int) -> None:
    """A name without the version, where there is one, stays the same from release to release."""
    verdict = case.finding.verdict
    kind = ".".join(part for part in (verdict.check, verdict.modality, verdict.test) if part)
    name = verdict.subject or "(component)"
    if versions > 1:
        name = f"{name}, version {case.finding.version}"
    element = ET.SubElement(suite, "testcase", classname=_clean(kind), name=_clean(name), time="0")
    if case.state is State.BREACH:
        failure = ET.SubElement(element, "failure", type="breach", message=_clean(_message(case)))
        failure.text = _clean(_details(case))
    elif _is_skipped(case):
        ET.SubElement(element, "skipped", message=_clean(verdict.reason))
    else:
        ET.SubElement(element, "system-out").text = _clean(_details(case))


def _message(case: Case) -> str:
    """Value, interval and limit where there are any, and the reason."""
    verdict = case.finding.verdict
    beyond = f"{measured(verdict)}, limit {number(verdict.threshold)}"
    return "; ".join(part for part in ("" if verdict.value is None else beyond, why(case)) if part)


def _is_skipped(case: Case) -> bool:
    return case.finding.verdict.status is Status.INSUFFICIENT


def _details(case: Case) -> str:
    verdict = case.finding.verdict
    lines = [
        f"status: {verdict.status.value}",
        f"value: {measured(verdict)}",
        f"limit: {number(verdict.threshold)}",
        f"reason: {verdict.reason or '-'}",
    ]
    lines += [f"windows: {words}" for words in [in_windows(case)] if words]
    lines += [
        f"group {group.group}: {number(group.rate)} [{number(group.lower)}, {number(group.upper)}],"
        f" {group.events:g} events"
        for group in verdict.groups
    ]
    return "\n".join(lines)


def _clean(text: str) -> str:
    """Without what XML cannot hold; group names are whatever traffic says."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
