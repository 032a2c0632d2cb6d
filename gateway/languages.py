"""Texts in French (first) and English, from gettext catalogues that are read at start.

The catalogues' keys are the English sentences, so English needs none of its own to be
complete; ``en`` exists for where its key and its text should differ.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import current_app, g, has_request_context, request, session

LANGUAGES = ("fr", "en")
FOLDER = Path(__file__).parent / "translations"

Catalogues = dict[str, NullTranslations]


def load() -> Catalogues:
    """All catalogues, compiled in memory: nothing has to be built before a start."""
    return {
        language: _read((FOLDER / language / "LC_MESSAGES").glob("*.po"), language)
        for language in LANGUAGES
    }


def _read(paths: Iterable[Path], language: str) -> NullTranslations:
    """The files of a language as one catalogue."""
    catalogue = Catalog(locale=language)
    for path in sorted(paths):
        with path.open("rb") as file:
            for message in read_po(file, locale=language, abort_invalid=True):
                if message.id:
                    catalogue[message.id] = message
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def language() -> str:
    """The language of the present answer: French unless the visitor chose another."""
    chosen = g.get("language") if has_request_context() else None
    return chosen if chosen in LANGUAGES else LANGUAGES[0]


def letter_language() -> str:
    """The language to write to the visitor in: the one they chose here, else what their program
    asks for, else French."""
    chosen = session.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(LANGUAGES, LANGUAGES[0])


def gettext(text: str, **values: object) -> str:
    """``text`` in the language of the present answer, its ``%(name)s`` filled in."""
    found = _catalogue().gettext(text) if has_request_context() else text
    return found % values if values else found


def N_(text: str) -> str:  # noqa: N802 - the name that gettext's tools look for
    """``text``, marked for the catalogues; it is translated where it is shown."""
    return text


def ngettext(singular: str, plural: str, num: int) -> str:
    """The form for ``num``, in the language of the present answer; the template fills it in."""
    return _catalogue().ngettext(singular, plural, num)


def _catalogue() -> NullTranslations:
    found: NullTranslations = current_app.extensions["gateway"].catalogues[language()]
    return found
