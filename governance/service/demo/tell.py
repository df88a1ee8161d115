"""The demo's voice: calm lines for a person, nothing but one JSON object for a script."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pathlib import Path

    from governance.service.demo.summary import Summary
    from governance.service.demo.watch import Change

WIDTH = 88
_BAR = 32
_STATES = {"pending": "·", "firing": "!", "resolved": "✓", "inactive": " "}


class Voice:
    """Writes to ``out``; with ``quiet`` only what ``as_json`` prints."""

    def __init__(self, *, quiet: bool, out: TextIO = sys.stdout) -> None:
        self._quiet = quiet
        self._out = out
        self._live = out.isatty() and not quiet
        self._barred = False

    def title(self) -> None:
        """What this is."""
        self._line("")
        self._line("  Evenhand demo: a model that guesses who has a job, watched for three years")
        self._line("")

    def fact(self, name: str, text: str) -> None:
        """One line of the set-up."""
        for i, part in enumerate(textwrap.wrap(text, WIDTH - 16)):
            self._line(f"  {name if i == 0 else '':<13} {part}")

    def blank(self) -> None:
        """Space between parts."""
        self._line("")

    def progress(self, done: int, total: int) -> None:
        """A bar that redraws itself, on a terminal only."""
        if not self._live:
            return
        filled = _BAR * done // total
        bar = "█" * filled + "░" * (_BAR - filled)
        self._out.write(f"\r  {'traffic':<13} {bar} {done:>7,} of {total:,} people")
        self._out.flush()
        self._barred = True

    def change(self, change: Change) -> None:
        """An alert that has moved on."""
        if change.state == "inactive":
            return
        mark = _STATES[change.state]
        self._line(f"  {mark} {change.state:<11} {change.check}, window {change.window}")
        if change.state == "firing":
            for part in textwrap.wrap(change.summary, WIDTH - 16):
                self._line(f"  {'':<13} {part}")

    def end(self, summary: Summary) -> None:
        """The last screen."""
        kept = summary.conservation
        self._line("")
        self.fact(
            "seen",
            f"{kept.accepted:,} predictions, {summary.labels:,} labels that came later, "
            f"{summary.windows} windows, in {summary.seconds:.0f} s",
        )
        self.fact(
            "drift",
            f"windows {_ranges(summary.drift_windows)} of {summary.windows}, "
            f"{len(summary.blamed)} subjects; {summary.worst}",
        )
        self.fact("fairness", _fairness(summary))
        self.fact("webhooks", _webhooks(summary))
        self.fact(
            "conservation",
            f"{kept.accepted:,} accepted = {kept.judged:,} judged + {kept.late:,} late + "
            f"{kept.duplicate:,} duplicate + {kept.lost:,} lost",
        )
        self._line("")
        for promise, kept_it in summary.promises().items():
            self._line(f"  {'✓' if kept_it else '✗'} {promise}")
        self._line("")

    def kept(self, addresses: dict[str, str], folder: Path) -> None:
        """What to open while everything runs on."""
        api = addresses["API"]
        self.fact("open", f"{api}/api/v1/components/demo/census-employment")
        self.fact("", f"{api}/api/v1/alerts")
        self.fact("", f"{addresses['metrics']}/metrics")
        self.fact("", f"{addresses['sidecar admin']}/metrics")
        self.fact("files", str(folder))
        self.fact("", "Ctrl-C ends it")

    def as_json(self, summary: Summary, addresses: dict[str, str]) -> None:
        """Everything as one object."""
        json.dump(summary.to_json() | {"addresses": addresses}, self._out, indent=2)
        self._out.write("\n")

    def _line(self, text: str) -> None:
        if self._quiet:
            return
        if self._barred:
            self._out.write("\r\033[K")
            self._barred = False
        self._out.write(f"{text}\n")
        self._out.flush()


def _fairness(summary: Summary) -> str:
    fair = summary.fairness
    if not fair:
        return "no window was judged"
    rates = " and ".join(f"{g['rate']:.0%} of {g['group']} people" for g in fair["groups"])
    return (
        f"equal opportunity by disability differs by {fair['value']:.2f} "
        f"[{fair['lower']:.2f}, {fair['upper']:.2f}], limit {fair['threshold']:g}: of those who "
        f"have a job the model finds {rates}; {fair['windows_in_breach']} of "
        f"{fair['windows_judged']} windows breach"
    )


def _webhooks(summary: Summary) -> str:
    verified = sum(w["verified"] for w in summary.webhooks)
    types = sorted({w["type"].split(".")[2] for w in summary.webhooks})
    return f"{verified} of {len(summary.webhooks)} signatures verified: {', '.join(types)}"


def _ranges(numbers: list[int]) -> str:
    """1, 2, 3, 7 -> 1-3, 7."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ", ".join(str(s[0]) if len(s) == 1 else f"{s[0]}-{s[-1]}" for s in spans) or "none"
