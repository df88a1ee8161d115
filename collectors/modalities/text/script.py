"""The script that most letters of a text are written in.

Letters are told by Unicode block; digits, punctuation and symbols are of no script.

Source: Unicode Standard, ``Blocks.txt``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from governance.vocabularies import SCRIPTS

if TYPE_CHECKING:
    from collectors.modalities.text.prose import Prose

# First code point from which a script holds, up to the next entry; "" is no letter.
_BLOCKS = (
    (0x0000, ""),
    (0x0041, "latin"),
    (0x005B, ""),
    (0x0061, "latin"),
    (0x007B, ""),
    (0x00C0, "latin"),
    (0x0300, ""),  # combining marks
    (0x0370, "greek"),
    (0x0400, "cyrillic"),
    (0x0530, "other"),
    (0x0590, "hebrew"),
    (0x0600, "arabic"),
    (0x0700, "other"),
    (0x0750, "arabic"),
    (0x0780, "other"),
    (0x08A0, "arabic"),
    (0x0900, "devanagari"),
    (0x0980, "other"),
    (0x0E00, "thai"),
    (0x0E80, "other"),
    (0x1100, "hangul"),
    (0x1200, "other"),
    (0x1E00, "latin"),
    (0x1F00, "greek"),
    (0x2000, ""),  # punctuation, arrows, mathematics, box drawing
    (0x2C00, "other"),
    (0x2E00, ""),
    (0x2E80, "han"),
    (0x2FF0, ""),
    (0x3040, "kana"),
    (0x3100, "other"),
    (0x3130, "hangul"),
    (0x3190, ""),
    (0x31C0, "han"),
    (0x31F0, "kana"),
    (0x3200, ""),
    (0x3400, "han"),
    (0x4DC0, ""),
    (0x4E00, "han"),
    (0xA000, "other"),
    (0xAC00, "hangul"),
    (0xD7B0, ""),  # to the end of surrogates and private use
    (0xF900, "han"),
    (0xFB00, "latin"),
    (0xFB1D, "hebrew"),
    (0xFB50, "arabic"),
    (0xFE00, ""),
    (0xFE70, "arabic"),
    (0xFEFF, ""),
    (0xFF21, "latin"),
    (0xFF3B, ""),
    (0xFF41, "latin"),
    (0xFF5B, ""),
    (0xFF66, "kana"),
    (0xFFA0, "hangul"),
    (0xFFE0, ""),
    (0x10000, "other"),
    (0x1F000, ""),  # pictures
    (0x1FC00, "other"),
    (0x20000, "han"),
    (0xE0000, ""),
)
_STARTS = np.array([start for start, _ in _BLOCKS], dtype=np.uint32)
_KINDS = np.array([SCRIPTS.index(kind or "none") for _, kind in _BLOCKS], dtype=np.intp)
_KANA_SHARE = 0.1  # Japanese is written in both


def script_of(prose: Prose) -> str:
    """The script of most letters, one of ``SCRIPTS``; ``none`` where there is no letter.

    Han with a tenth of kana is ``kana``, as Japanese is written.
    """
    if prose.text.isascii():
        return "latin" if prose.words else "none"
    raw = prose.text.encode("utf-32-le", "surrogatepass")
    letters = np.frombuffer(raw, dtype="<u4")
    kinds = _KINDS[np.searchsorted(_STARTS, letters, side="right") - 1]
    counts = dict(zip(SCRIPTS, np.bincount(kinds, minlength=len(SCRIPTS)).tolist(), strict=True))
    del counts["none"]
    best = max(counts, key=lambda script: counts[script])
    if not counts[best]:
        return "none"
    both = counts["han"] + counts["kana"]
    return "kana" if best == "han" and counts["kana"] >= _KANA_SHARE * both else best
