"""``python -m gateway.translations``: brings the catalogues up to date with the texts in use.

New texts are added untranslated, texts no longer in use are dropped; the tests fail while a
French translation is missing.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from gateway.access import Who
from gateway.languages import FOLDER, LANGUAGES
from gateway.routes import CLOCK, MAILS, ROUTES
from gateway.translations import refusals

GATEWAY = Path(__file__).parent.parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "extensions": "jinja2.ext.i18n"}}


def in_use() -> Catalog:
    """Every text that code and templates ask for, with where."""
    found = Catalog(project="Incroyable Territoire", charset="utf-8")
    for path, _line, message, comments, context in extract_from_dir(GATEWAY, METHODS, OPTIONS):
        found.add(message, None, [(path, 1)], auto_comments=comments, context=context)
    # The reference of the API shows the table of routes.
    for route in (*ROUTES, *CLOCK, *MAILS):
        found.add(route.summary)
    for who in Who:
        found.add(who.value)
    return found


def main() -> None:
    """Merges what is in use into each catalogue."""
    template = in_use()
    for language in LANGUAGES:
        _merge(language, "messages.po", template)
    # Services speak French: English alone has something to say of their sentences.
    _merge("en", "refusals.po", refusals.catalogue("en"))


def _merge(language: str, name: str, template: Catalog) -> None:
    path = FOLDER / language / "LC_MESSAGES" / name
    catalogue = Catalog(locale=language, project="Incroyable Territoire")
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, no_location=True, omit_header=True, sort_output=True)


if __name__ == "__main__":
    main()
