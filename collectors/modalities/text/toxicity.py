"""Toxicity by a small lexicon of our own: the share of words that insult, curse or threaten.

It is a thermometer for a window of texts, no judge of one: quotations and jokes count, what is put
politely does not. The list is English, short, and without slurs against groups on purpose: those
need people who know them, and a list that is kept up. A rise is worth a look, a fall proves
nothing.

Cost: about 5 µs per kB.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors.modalities.text.prose import Prose

_INSULTS = (
    "idiot idiots idiotic moron morons moronic stupid dumb dumbass imbecile imbeciles fool fools "
    "loser losers jerk jerks creep creeps scum trash garbage pathetic worthless disgusting ugly "
    "liar liars coward cowards clown clowns psycho lunatic filthy vermin parasite parasites "
    "incompetent useless brainless"
)
_CURSES = (
    "damn damned goddamn hell crap crappy shit shitty bullshit fuck fucks fucked fucker fucking "
    "motherfucker ass asshole assholes arse bastard bastards bitch bitches bitching piss pissed "
    "dick dickhead prick wanker bollocks twat cunt whore slut stfu wtf"
)
_THREATS = "hate hates hated kill killing murder die destroy strangle stab shoot burn rape punish"
_WORDS = frozenset(f"{_INSULTS} {_CURSES} {_THREATS}".split())
_PAIRS = frozenset(
    [("shut", "up"), ("screw", "you"), ("drop", "dead"), ("get", "lost"), ("hurt", "you")]
)


def toxicity_of(prose: Prose) -> float:
    """Share of words that are toxic, in [0, 1]; NaN where there is no word."""
    words = prose.words
    if not words:
        return math.nan
    found = sum(word in _WORDS for word in words)
    found += sum(2 for pair in pairwise(words) if pair in _PAIRS)
    return min(1.0, found / len(words))
