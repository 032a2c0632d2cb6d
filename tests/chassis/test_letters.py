"""Letters: the same in both languages and both parts, with nothing in them that runs or loads."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import yaml

from services.chassis.letters import LANGUAGES, Block, Letter, Letters

SITE = "https://marathon.example.org"
LINK = f"{SITE}/connexion/lien?token=a-b_c&x=<y>"
WRITERS = ("registration.letters", "voting.requests")
AT = datetime(2026, 6, 2, 22, 30, tzinfo=UTC)
VALUES: dict[str, Any] = {
    "title": "Le fournil",
    "marathon": "Fumel",
    "name": "Inès",
    "link": LINK,
    "code": "012345",
    "minutes": 30,
    "confirm_by": AT,
    "closes": AT,
    "host": "Villeneuve",
    "next": "Villeneuve",
    "deadline": AT,
    "reason": "La halle est en travaux.",
    "sender": "Fumel",
}


def letters_of(writer: str) -> Letters:
    found: Letters = importlib.import_module(f"services.{writer}").LETTERS
    return found


def every() -> Iterator[tuple[str, str]]:
    for writer in WRITERS:
        for name in sorted(letters_of(writer).names()):
            yield writer, name


def data_of(writer: str, language: str) -> dict[str, Any]:
    """The letters as they are written down."""
    folder = Path(str(importlib.import_module(f"services.{writer}").__file__)).parent
    text = (folder / "data" / "letters" / f"{language}.yaml").read_text()
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def shape_of(entry: dict[str, Any]) -> tuple[list[str], set[str]]:
    """What a letter is made of: the kinds of its blocks, and the values that it shows."""
    blocks = [Block.of(each) for each in entry["body"]]
    texts = [entry["subject"], *(block.template for block in blocks)]
    names = {name for text in texts for _text, name, *_rest in Formatter().parse(text) if name}
    return [block.kind for block in blocks], names


def words_of(entry: dict[str, Any]) -> set[str]:
    """What is said in a letter; a code is the same in every language."""
    blocks = [Block.of(each) for each in entry["body"]]
    return {entry["subject"], *(block.template for block in blocks if block.kind != "code")}


class Page(HTMLParser):
    """The elements of an HTML document, and whether each is closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_both_languages_have_the_same_letters_of_the_same_shape() -> None:
    for writer in WRITERS:
        french, english = (data_of(writer, language) for language in LANGUAGES)
        assert {name: shape_of(entry) for name, entry in french.items()} == {
            name: shape_of(entry) for name, entry in english.items()
        }
        assert {kind for entry in french.values() for kind in shape_of(entry)[0]} <= {
            *("paragraph", "button", "code")
        }


def test_no_letter_was_left_untranslated() -> None:
    for writer in WRITERS:
        french, english = (data_of(writer, language) for language in LANGUAGES)
        for name in french:
            assert words_of(french[name]).isdisjoint(words_of(english[name]))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("writer", "name"), list(every()))
def test_letter_is_whole_in_both_parts(writer: str, name: str, language: str) -> None:
    letter = letters_of(writer).write(name, language, SITE, **VALUES)
    page = Page(letter.html)
    assert page.open == []
    assert page.elements[0] == ("html", {"lang": language})
    assert "{" not in letter.text + letter.subject
    assert len(letter.html.encode()) < 4000
    kinds, _names = shape_of(data_of(writer, language)[name])
    links = [attrs for tag, attrs in page.elements if tag == "a"]
    assert links == [{"class": "button", "href": LINK}] * kinds.count("button")
    assert letter.text.count(LINK) == kinds.count("button") <= 1
    assert letter.html.count("<strong>012345</strong>") == kinds.count("code")
    assert len(re.findall(r"\b012345\b", letter.text)) == kinds.count("code")
    assert SITE in letter.text.split("\n-- \n")[1]


@pytest.mark.parametrize(("writer", "name"), list(every()))
def test_html_loads_nothing_follows_nobody_and_has_no_inline_style(writer: str, name: str) -> None:
    letter = letters_of(writer).write(name, "fr", SITE, **VALUES)
    elements = Page(letter.html).elements
    assert {tag for tag, _attrs in elements} <= {
        *("html", "head", "meta", "title", "style", "body", "div", "p", "a", "strong")
    }
    named = {name for _tag, attrs in elements for name in attrs}
    assert named <= {"lang", "charset", "name", "content", "class", "href"}
    assert not re.search(r"url\(|@import|src=", letter.html)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\u2029", "\u202e"])
def test_value_stays_on_its_line_and_is_no_html(end: str) -> None:
    evil = f"Zoé{end}Bcc: all@example.org{end}<b onclick=x>\"&'"
    letter = write("join_requested", name=evil, title=evil)
    seen = "Zoé Bcc: all@example.org <b onclick=x>\"&'"
    assert letter.subject == f"{seen} souhaite rejoindre votre équipe « {seen} »"
    assert not any(line.startswith("Bcc") for line in letter.text.splitlines())
    assert "<b onclick" not in letter.html
    assert "Zoé Bcc: all@example.org &lt;b onclick=x&gt;&quot;&amp;&#x27;" in letter.html


def test_value_that_looks_like_a_place_to_fill_in_is_text() -> None:
    letter = write("join_accepted", title="{link} $body {0.__class__}")
    assert letter.subject == "Vous êtes dans l’équipe « {link} $body {0.__class__} »"
    assert "{link} $body {0.__class__}" in letter.html


def test_moments_are_those_of_paris_in_the_words_of_the_language() -> None:
    shown = {language: write("accepted", language).text for language in LANGUAGES}
    assert "avant le 03/06/2026 à 00 h 30" in shown["fr"].replace("\xa0", " ")
    assert "before 2026-06-03 at 00:30 (Paris time)" in " ".join(shown["en"].split())


@pytest.mark.parametrize("language", [None, "", "de", "FR"])
def test_language_that_is_not_there_is_french(language: str | None) -> None:
    assert write("sign_in", language) == write("sign_in", "fr")


def test_long_link_is_not_broken_and_long_lines_are() -> None:
    link = f"{SITE}/connexion/lien?token={'x-' * 200}"
    lines = write("sign_in", link=link).text.splitlines()
    assert link in lines
    assert max(len(line) for line in lines if line != link) <= 78


def test_letter_that_lacks_a_value_is_not_written() -> None:
    with pytest.raises(KeyError):
        letters_of(WRITERS[0]).write("sign_in", "fr", SITE, link=LINK)


def test_letter_shows_no_secret_where_it_is_logged() -> None:
    assert "012345" not in repr(write("sign_in"))


def write(letter: str, language: str | None = "fr", **more: Any) -> Letter:
    return letters_of(WRITERS[0]).write(letter, language, SITE, **(VALUES | more))
