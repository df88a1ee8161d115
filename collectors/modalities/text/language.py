# ruff: noqa: RUF001 - other scripts have letters that look like Latin ones
"""The language of a text, by its small words.

Where a script belongs to one language it decides (Greek, Hebrew, Thai, Hangul, kana, Han,
Devanagari); else each small word votes once for the languages that have it, with the weight 1 /
their number. Little text, many names or a language that is not listed give ``unknown``: too
little speaks for one.

Cost: about 8 µs per kB. Source: G. Grefenstette, "Comparing two language identification schemes"
(JADT 1995): beyond some fifteen words small words tell languages as well as 3-grams do.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.modalities.text.prose import Prose

MOST_WORDS = 1_000  # of a text that are asked
FEWEST_VOTES = 1.0  # for a language
FEWEST_VOTERS = 2  # words that vote for it: a single one may be a name
LEAST_SHARE = 0.08  # of the distinct words, whatever they vote for
_LEAD = 1.25  # times the votes of the next

_BY_SCRIPT: Final[Mapping[str, str]] = {
    "greek": "el",
    "hebrew": "he",
    "devanagari": "hi",
    "thai": "th",
    "hangul": "ko",
    "kana": "ja",
    "han": "zh",
}

_SMALL_WORDS: Final[Mapping[str, str]] = {
    "en": "the of and to in is you that it he was for on are with as his they at be this have "
    "from or had by but what not were we when your can said there an which she do how their if "
    "will would about my i me so just has been who them than more no like got get go up out very "
    "am its it's i'm don't him her our us too still now some all any because after into over",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch "
    "es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so "
    "zum war haben nur oder aber vor zur bis mehr durch ich wir mich",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se le "
    "ce il sont avec ou son aux d'une cette mais comme on tout nous sa fait été aussi leur bien "
    "peut ces je vous elle très c'est",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más o pero "
    "sus le ha me si sin sobre este ya entre cuando todo esta ser son dos también fue había era "
    "muy años hasta desde está yo mi",
    "it": "di e il la che in a per un è del non sono da una i con si le dei al della nel lo ha "
    "come ma più gli alla ed o anche della questo delle se dal sua essere mi ci io molto perché",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi "
    "ao ele das tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso",
    "nl": "de het een van en in is dat op te voor met die niet zijn er aan ook als door hij maar "
    "om bij uit nog naar heeft dan over of wordt worden tot kan deze ik je ze was wij mijn",
    "sv": "och i att det som en på är av för med den till inte han de om ett men var jag från vi "
    "så kan när år under också efter eller nu sig hon ut där vid mot",
    "da": "og i at det en den til er som på de med han af for ikke der var mig sig men et har om "
    "vi min havde fra skulle kunne eller hvad skal ud hende efter når jeg hun efter blev",
    "no": "og i det på som er en til å av for at med de ikke han var den har jeg et om men så seg "
    "hun ved fra etter kan vil være eller ble også hvor nå bare hva noe",
    "fi": "ja on ei että se oli hän mutta ovat kun niin myös joka sen ole tai kuin jos mitä hänen "
    "olen ne nyt vain sitä jo minä kanssa sekä voi tämä mukaan mikä",
    "pl": "i w na z nie się do to że jest o jak po za od a co przez dla tego ale czy są tak tym "
    "być jego może już także tylko oraz był która który ma mnie",
    "cs": "a se v na je že to s z do o i ve jsem si jako za pro by k ale po jeho tak nebo které "
    "který jsou při až byl bylo jen už může také od není aby co",
    "ro": "și de în la a cu că nu pe un este din o se care pentru au mai sau ca dar fi sunt ce lui "
    "prin fost am era după fără această acest",
    "hu": "a az és hogy nem is egy ez meg de csak már van volt ki el ha mint vagy még azt pedig "
    "minden lesz nagyon majd szerint kell",
    "tr": "ve bir bu da de için ile çok o ne var daha gibi kadar olan olarak sonra mi ben değil "
    "ama her en ki bana ya diye şey",
    "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena ada "
    "mereka lebih kita bisa adalah oleh atau sudah",
    "vi": "và của là có được trong cho không các với một người này những đã khi để từ về đến như "
    "tôi cũng ra nhiều rất",
    "ru": "и в не на я что он с как это по но они к у за из от то так же для бы все мы вы его о "
    "только ее было был если уже или ни быть",
    "uk": "і в не на що з як це до та за від є про але він вони у так для ж й ми ви його бути "
    "цього або якщо вже був чи",
    "bg": "и на да се в е за не от с са по че като ще а но до при си той има които или това те "
    "беше само все още ли",
    "ar": "في من على إلى أن عن هذا هذه التي الذي كان ما لا مع كما أو هو هي ذلك قد لم بعد كل بين",
    "fa": "و در به از که این را با است برای آن یک می تا شود بر هم او کرد یا من شد اما خود باید",
}


def _votes() -> dict[str, tuple[tuple[str, float], ...]]:
    speakers: dict[str, list[str]] = {}
    for language, words in _SMALL_WORDS.items():
        for word in set(words.split()):
            speakers.setdefault(word, []).append(language)
    return {
        word: tuple((language, 1 / len(languages)) for language in languages)
        for word, languages in speakers.items()
    }


_VOTES: Final = _votes()


def language_of(prose: Prose, script: str) -> str:
    """One of ``LANGUAGES``; ``script`` is that of the text."""
    own = _BY_SCRIPT.get(script)
    if own is not None:
        return own
    words = set(prose.words[:MOST_WORDS])
    votes: dict[str, float] = {}
    voters: Counter[str] = Counter()
    heard = words & _VOTES.keys()
    for word in sorted(heard):
        for language, weight in _VOTES[word]:
            votes[language] = votes.get(language, 0.0) + weight
            voters[language] += 1
    if not votes or len(heard) < LEAST_SHARE * len(words):
        return "unknown"
    best = max(votes, key=lambda language: votes[language])
    second = max((n for language, n in votes.items() if language != best), default=0.0)
    enough = votes[best] >= max(FEWEST_VOTES, _LEAD * second) and voters[best] >= FEWEST_VOTERS
    return best if enough else "unknown"
