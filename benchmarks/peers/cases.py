"""What every side of a contest must know alike; they run apart, so only the standard library.

Alarms: of each case there is ``STRETCH-ROWS.npz``, whole windows one after another in their order,
and of each stretch ``reference-STRETCH.npz``.
"""

from __future__ import annotations

RESAMPLES = 2  # of Fairlearn's bootstrap: far too few, but each takes half a minute

RESAMPLED, QUIET, BLOCK = "resampled", "2016", "block"
STRETCHES = {
    RESAMPLED: "rows of 2015 drawn at random: nothing changed",
    QUIET: "census of 2016 against 2015, in the file's order: hardly anything changed",
    BLOCK: "15,000 rows of 2018, far more people in group quarters: many columns changed",
}
SIZES = (50, 200, 1_000, 5_000)
CASES = tuple((stretch, rows) for stretch in STRETCHES for rows in SIZES)


def name(stretch: str, rows: int) -> str:
    """The file of a case, without its suffix."""
    return f"{stretch}-{rows}"


def spread(windows: int, most: int) -> list[int]:
    """At most ``most`` of so many windows, evenly."""
    return [place * windows // min(windows, most) for place in range(min(windows, most))]
