"""What a refusal says to people, in French and in English.

Each sentence is a key of the catalogues: a service's is French, the gateway's own English. What
a service composed of values is found by its code instead (gateway/translations/refusals.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel.support import NullTranslations

from gateway.asking import parts
from gateway.languages import LANGUAGES, language
from services.chassis.errors import Refusal


@dataclass(frozen=True)
class Told:
    """What happened, and what to do about it, in one language."""

    detail: str
    hint: str


def told(refusal: Refusal, spoken: str | None = None) -> Told:
    """What a refusal says in a language, or in that of the present answer."""
    catalogue = parts().catalogues[spoken or language()]
    return Told(
        _said(catalogue, refusal, "detail", refusal.message),
        _said(catalogue, refusal, "hint", refusal.hint),
    )


def in_all(refusal: Refusal) -> dict[str, dict[str, str]]:
    """What a refusal says, by language, as JSON-able values."""
    return {spoken: vars(told(refusal, spoken)) for spoken in LANGUAGES}


def _said(catalogue: NullTranslations, refusal: Refusal, part: str, text: str) -> str:
    # The empty text is the key of a catalogue's header.
    found = catalogue.gettext(text) if text else ""
    if found != text:
        return found
    composed = str(catalogue.pgettext(refusal.code, part))
    if not text or composed == part:
        return text
    return _filled(composed, refusal.details) or text


def _filled(sentence: str, values: Mapping[str, Any]) -> str | None:
    try:
        return sentence % {name: _plain(value) for name, value in values.items()}
    except KeyError:
        # Refused by a service of another version: the French sentence is better than none.
        return None


def _plain(value: Any) -> str:
    """A value within a sentence: several by commas, what has a code by its code."""
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "–"
    if isinstance(value, Mapping):
        return str(value.get("code", "–"))
    return str(value)
