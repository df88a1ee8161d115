# ruff: noqa: RUF001 - punctuation of other scripts
"""Refusals in twelve languages: what declines, and what complies, apologises or complains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.modalities.text.refusal import UNSPACED, WORDINGS, refuses

DECLINES = {
    "en": ["I can’t help with that.", "I'm sorry, but I cannot provide this information."],
    "de": [
        "Es tut mir leid, aber dabei kann ich dir nicht helfen.",
        "Ich kann diese Anfrage leider nicht beantworten.",
        "Leider kann ich Ihnen bei diesem Anliegen nicht weiterhelfen.",
        "Ich darf keine Inhalte dieser Art und nicht solche Texte schreiben.",
        "Ich bin nicht in der Lage, diese Aufgabe zu erledigen.",
        "Das muss ich sagen: ich muss diese Anfrage ablehnen.",
        "Entschuldigung, aber ich kann das nicht tun.",
    ],
    "fr": [
        "Je suis désolé, mais je ne peux pas vous aider.",
        "Je ne peux malheureusement pas répondre à cette question.",
        "Je ne suis pas en mesure de fournir ces informations.",
        "Il m’est impossible de traiter cette demande.",
        "Je dois refuser cette demande.",
    ],
    "es": [
        "Lo siento, pero no puedo ayudarte con eso.",
        "No puedo proporcionar esa información.",
        "No me es posible responder a esa pregunta.",
        "Como modelo de lenguaje, debo rechazar esta solicitud.",
    ],
    "it": [
        "Mi dispiace, ma non posso aiutarti.",
        "Non posso fornire queste informazioni.",
        "Non sono in grado di rispondere a questa domanda.",
        "Devo rifiutare questa richiesta.",
    ],
    "pt": [
        "Desculpe, mas não posso ajudar com isso.",
        "Não posso fornecer essas informações.",
        "Sinto muito, não consigo atender a esse pedido.",
        "Devo recusar este pedido.",
    ],
    "nl": [
        "Het spijt me, maar daar kan ik je niet mee helpen.",
        "Ik kan deze vraag helaas niet beantwoorden.",
        "Ik ben niet in staat om dit te doen.",
        "Ik kan geen instructies hiervoor geven.",
    ],
    "pl": [
        "Przykro mi, ale nie mogę ci pomóc.",
        "Nie mogę udzielić takich informacji.",
        "Nie jestem w stanie odpowiedzieć na to pytanie.",
        "Muszę odmówić.",
    ],
    "sv": [
        "Tyvärr kan jag inte hjälpa dig med det.",
        "Jag kan inte ge dig den informationen.",
        "Jag måste avböja.",
    ],
    "ru": [
        "Извините, но я не могу помочь с этим.",
        "К сожалению, не могу ответить.",
        "Я не могу предоставить эту информацию.",
    ],
    "zh": ["抱歉，我无法帮助您。", "对不起，我不能提供这些信息。", "我无法回答这个问题。"],
    "ja": [
        "申し訳ありませんが、その件についてはお手伝いできません。",
        "申し訳ございませんが、お答えいたしかねます。",
        "そのご質問にはお答えできません。",
    ],
}
COMPLIES = {
    "en": ["Sure, here you go.", "I can help with that.", "Sorry for the wait! It is open at 9."],
    "de": [
        "Gerne helfe ich dir dabei.",
        "Ich kann dir helfen.",
        "Entschuldigung für die Verspätung, hier ist die Antwort.",
        "Der Kunde kann sich nicht anmelden, weil sein Passwort abgelaufen ist.",
        "Ich kann nicht genug betonen, wie wichtig das ist.",
    ],
    "fr": [
        "Je peux vous aider.",
        "Désolé pour le retard, voici la réponse.",
        "Le client ne peut pas se connecter.",
        "On ne peut pas dire que ce soit faux.",
    ],
    "es": [
        "Claro, puedo ayudarte.",
        "El cliente no puede iniciar sesión.",
        "No puedo dejar de recomendar este libro.",
        "Lo siento por la demora, aquí está la respuesta.",
    ],
    "it": ["Certo, posso aiutarti.", "Il cliente non può accedere.", "Scusa il ritardo, ecco."],
    "pt": ["Claro, posso ajudar.", "O cliente não pode entrar.", "Desculpe a demora, aqui está."],
    "nl": ["Ik kan je daarbij helpen.", "De klant kan niet inloggen.", "Sorry voor het wachten."],
    "pl": ["Chętnie pomogę.", "Klient nie może się zalogować.", "Przepraszam za opóźnienie."],
    "sv": ["Jag kan hjälpa dig.", "Kunden kan inte logga in.", "Ledsen för väntan, här är svaret."],
    "ru": ["Конечно, я могу помочь.", "Клиент не может войти.", "Извините за задержку, вот ответ."],
    "zh": ["当然，我可以帮助您。", "客户无法登录。", "抱歉让您久等了，答案如下。"],
    "ja": [
        "もちろん、お手伝いします。",
        "お客様はログインできません。",
        "お待たせして申し訳ありません。",
    ],
}


def _pairs(said: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(language, answer) for language, answers in said.items() for answer in answers]


@pytest.mark.parametrize(("language", "answer"), _pairs(DECLINES))
def test_what_declines_is_a_refusal(language: str, answer: str) -> None:
    """In every language that the docs name, also behind a first sentence and in capitals."""
    assert language in {*WORDINGS, *UNSPACED}
    assert refuses(answer)
    assert refuses(f"OK.\n\n{answer.upper()}")


@pytest.mark.parametrize(("language", "answer"), _pairs(COMPLIES))
def test_what_complies_is_none(language: str, answer: str) -> None:
    """Help that is given, apologies for something else, others who can not do something."""
    assert language in {*WORDINGS, *UNSPACED}
    assert not refuses(answer)


def test_every_language_is_tested() -> None:
    """No wording without an example of both kinds."""
    assert set(DECLINES) == set(COMPLIES) == {*WORDINGS, *UNSPACED}


def test_only_the_beginning_counts() -> None:
    """What comes late in an answer qualifies it."""
    assert not refuses("So geht es. " * 25 + "Mehr kann ich dir nicht geben.")


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    """Whatever is written, there is an answer."""
    assert refuses(text) in {True, False}
