"""What the demo saw, found and did, as values; and which of its promises hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from governance.service.demo.receiver import Received
    from governance.service.demo.watch import Watch

Sample = tuple[str, dict[str, str], float]

QUIET_WINDOWS = range(13)  # 2016 lies in windows 0 to 12; window 13 holds the turn of the year
BLOCK_WINDOWS = range(26, 29)  # rows 130,000 to 145,000: the residents of group quarters
DRIFT = "drift"
EQUAL_OPPORTUNITY = "equal_opportunity_difference"
COLLECTED = "evenhand_collector_events_total"


@dataclass(frozen=True, slots=True)
class Conservation:
    """accepted = judged + late + duplicate + lost, in events."""

    accepted: int
    judged: int
    late: int
    duplicate: int
    lost: int

    @property
    def holds(self) -> bool:
        """Whether every accepted event is accounted for."""
        return self.accepted == self.judged + self.late + self.duplicate + self.lost


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that the last screen and ``--json`` show."""

    seconds: float
    windows: int
    drift_windows: list[int]
    blamed: list[str]  # features in breach in the block, worst first
    worst: str  # the reason of the component's drift finding there
    fairness: dict[str, Any]  # equal opportunity by disability, the whole stream's last verdict
    labels: int
    alerts: list[dict[str, Any]]
    webhooks: list[dict[str, Any]]
    conservation: Conservation

    def promises(self) -> dict[str, bool]:
        """What this demo shows; all true where it worked."""
        drift = [a for a in self.alerts if a["check"] == DRIFT]
        return {
            "the windows of 2016 stay quiet": not set(self.drift_windows) & set(QUIET_WINDOWS),
            "the incident is found": set(BLOCK_WINDOWS) <= set(self.drift_windows),
            "nothing else is called drift": set(self.drift_windows) <= set(BLOCK_WINDOWS),
            "its alert fired and resolved": [a["state"] for a in drift] == ["resolved"],
            "unfairness is found on late labels": self.fairness.get("status") == "breach",
            "every signature verifies": bool(self.webhooks)
            and all(w["verified"] for w in self.webhooks),
            "a retraining was ordered": any(w["webhook"] == "training" for w in self.webhooks),
            "every event is accounted for": self.conservation.holds,
        }

    def to_json(self) -> dict[str, Any]:
        """One object for scripts."""
        conservation = asdict(self.conservation) | {"holds": self.conservation.holds}
        return asdict(self) | {"conservation": conservation, "promises": self.promises()}


def summarise(
    watch: Watch,
    received: Sequence[Received],
    samples: dict[str, list[Sample]],
    seconds: float,
) -> Summary:
    """Read everything once more from the API and the metrics of ``sidecar`` and ``stages``."""
    drift = watch.findings(check=DRIFT)
    whole = [f for f in drift if not f["subject"]]
    block = [f for f in drift if f["subject"] and f["window"]["number"] == BLOCK_WINDOWS[1]]
    fair = [f for f in watch.findings(check=EQUAL_OPPORTUNITY) if f["subject"] == "disability"]
    return Summary(
        seconds=round(seconds, 1),
        windows=len(whole),
        drift_windows=[f["window"]["number"] for f in whole if f["status"] == "breach"],
        blamed=_blamed(block),
        worst=next((f["reason"] for f in whole if f["window"]["number"] == BLOCK_WINDOWS[1]), ""),
        fairness=_fairness(fair),
        labels=total(samples["stages"], "evenhand_labels_total", outcome="joined"),
        alerts=watch.alerts(),
        webhooks=[
            {"webhook": m.webhook, "type": m.body["type"], "id": m.id, "verified": m.verified}
            for m in received
        ],
        conservation=_conservation(whole, samples),
    )


def _blamed(block: list[dict[str, Any]]) -> list[str]:
    breaches = [f for f in block if f["status"] == "breach"]
    return [f["subject"] for f in sorted(breaches, key=lambda f: -f["value"] / f["threshold"])]


def _fairness(findings: list[dict[str, Any]]) -> dict[str, Any]:
    """The verdict of the last window that was judged."""
    judged = [f for f in findings if f["status"] in {"ok", "warning", "breach"}]
    if not judged:
        return {}
    last = judged[-1]
    names = ("status", "value", "lower", "upper", "threshold", "labels", "label_coverage")
    counted = sum(f["status"] == "breach" for f in judged)
    return {name: last[name] for name in names} | {
        "windows_judged": len(judged),
        "windows_in_breach": counted,
        "groups": last["groups"],
    }


def _conservation(whole: list[dict[str, Any]], samples: dict[str, list[Sample]]) -> Conservation:
    sidecar, stages = samples["sidecar"], samples["stages"]
    accepted = total(sidecar, COLLECTED)
    published = total(sidecar, COLLECTED, outcome="published")
    return Conservation(
        accepted=accepted,
        judged=sum(f["events"] for f in whole),
        late=total(stages, "evenhand_late_events_total"),
        duplicate=total(stages, "evenhand_detector_events_total", outcome="duplicate"),
        lost=accepted - published,
    )


def total(samples: list[Sample], name: str, **labels: str) -> int:
    """Sum of a counter's series with these labels."""
    return round(
        sum(
            value
            for sample, found, value in samples
            if sample == name and all(found.get(k) == v for k, v in labels.items())
        )
    )
