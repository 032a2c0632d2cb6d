"""The catalogues: complete in French, and nothing in them that nobody asks for."""

from __future__ import annotations

from babel.messages.pofile import read_po

from gateway.languages import FOLDER, LANGUAGES
from gateway.translations.__main__ import in_use


def ids(catalogue: object) -> set[object]:
    """The texts of a catalogue, without its header."""
    return {
        message.id if isinstance(message.id, str) else tuple(message.id)
        for message in catalogue  # type: ignore[attr-defined]
        if message.id
    }


def test_catalogues_hold_what_is_in_use() -> None:
    wanted = ids(in_use())
    for language in LANGUAGES:
        with (FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
            found = ids(read_po(file, locale=language))
        assert found == wanted, "run: python -m gateway.translations"


def test_french_is_complete_and_fills_in_the_same_values() -> None:
    with (FOLDER / "fr" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale="fr")
    for message in catalogue:
        if not message.id:
            continue
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(forms), f"no French for {message.id!r}"
        assert list(message.check(catalogue)) == []
