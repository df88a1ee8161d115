"""JUnit XML of a gate."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from governance.finding import Finding, GroupRate, Status
from governance.service.gate import decide
from governance.service.reports.junit import junit
from tests.governance.service.verdicts import breach, finding, insufficient

NOW_US = 1_767_225_600_000_000  # 2026-01-01
MIXED = [
    breach(groups=(GroupRate("f", 500.0, 0.28, 0.24, 0.32),)),
    finding(Status.WARNING, subject="age"),
    insufficient(subject="race"),
    finding(subject="disability"),
]
# Jenkins' junit-10.xsd: which attributes an element needs and may have, and which children.
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests"},
        {"errors", "failures", "skipped", "time", "timestamp", "hostname"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"classname", "time"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"message", "type"}, set()),
    "error": (set(), {"message", "type"}, set()),
    "skipped": (set(), {"message"}, set()),
    "system-out": (set(), set(), set()),
}


def parsed(*findings: Finding) -> ET.Element:
    return ET.fromstring(junit(decide(findings), "prod/credit", NOW_US, seconds=1.5))


def valid(element: ET.Element) -> None:
    """Raise AssertionError where the schema forbids something."""
    needed, allowed, children = SCHEMA[element.tag]
    assert needed <= set(element.attrib) <= needed | allowed, element.tag
    for child in element:
        assert child.tag in children, (element.tag, child.tag)
        valid(child)


@pytest.mark.parametrize("findings", [MIXED, [], [finding()], [insufficient()]])
def test_it_keeps_the_schema(findings: list[Finding]) -> None:
    """Elements, attributes and counts are those that CI systems expect."""
    root = parsed(*findings)
    valid(root)
    (suite,) = root
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[name]) == len(list(suite.iter(tag)))
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
    assert suite.attrib["timestamp"] == "2026-01-01T00:00:00"


def test_a_breach_is_a_failure_with_its_numbers() -> None:
    """Value, interval, limit and reason; the groups in the text."""
    (failure,) = parsed(*MIXED).iter("failure")
    assert failure.attrib["message"] == "0.5 [0.4, 0.6], limit 0.1; changed: more of it"
    assert failure.text is not None
    assert "group f: 0.28 [0.24, 0.32], 500 events" in failure.text


def test_one_case_per_check_subject_and_modality() -> None:
    """Windows are no cases of their own."""
    root = parsed(breach(number=0), breach(number=1), finding(subject="age"))
    cases = [(case.attrib["classname"], case.attrib["name"]) for case in root.iter("testcase")]
    check = "demographic_parity_difference.tabular"
    assert cases == [(check, "sex"), (check, "age")]


def test_what_was_not_judged_is_skipped() -> None:
    """With the reason; a warning is no failure."""
    root = parsed(*MIXED)
    (skipped,) = root.iter("skipped")
    assert skipped.attrib["message"] == "groups_too_small: no group has 30"
    assert len(list(root.iter("failure"))) == 1


def test_inconclusive_is_an_error() -> None:
    """A report of nothing but skipped tests is shown green by viewers: one error forbids it."""
    (error,) = parsed(finding(), insufficient(subject="race")).iter("error")
    assert error.attrib["type"] == "inconclusive"
    assert "Not judged is not passed" in (error.text or "")


def test_text_that_xml_cannot_hold() -> None:
    """A group or reason with control characters and markup comes back as it can be shown."""
    odd = breach(subject="a\x00<b>&\x1b", reason="]]> \ud800")
    root = parsed(odd)
    (case,) = root.iter("testcase")
    assert case.attrib["name"] == "a\ufffd<b>&\ufffd"
    valid(root)
