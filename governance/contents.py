"""Features of contents: dear to make, so they are made of a sample of events.

What a text, a picture or a recording holds costs far more to look at than everything else that is
known of an event. Where a collector has no time for all of them it looks into the contents of some,
drawn by the hash of their id, and says so by event, in the column ``contents_weight``:

====================  ==========================================================================
``contents_weight``   the event
====================  ==========================================================================
absent, or 1          was looked into, as all were
w > 1                 was looked into, as 1 of w are: its contents stand for w events
0                     was not asked: the absence of these features tells nothing
====================  ==========================================================================

It multiplies ``weight``: that of a feature of contents is the product of both. What is cheap
(``KNOWN_OF_ALL``), and all that is not read out of contents, is known of every event and weighs
``weight`` alone.
"""

from __future__ import annotations

from typing import Final

from governance.component.modality import Modality

CONTENTS_WEIGHT: Final = "contents_weight"

KNOWN_OF_ALL: Final = frozenset(
    f"{Modality.TEXT.value}.{feature}"
    for feature in (
        *("characters", "words", "response_characters", "response_words", "response_ratio"),
        *("finish_reason", "response_schema_valid"),
    )
)
"""Features of texts that are not sampled."""

_SAMPLED = frozenset({Modality.TEXT.value, Modality.IMAGE.value, Modality.VOICE.value})


def is_of_contents(column: str) -> bool:
    """Whether a column, ``text.toxicity`` for example, is read out of contents."""
    modality, dot, _ = column.partition(".")
    return bool(dot) and modality in _SAMPLED and column not in KNOWN_OF_ALL
