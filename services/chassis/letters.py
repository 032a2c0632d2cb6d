"""Letters to people: each as text and as HTML, in French and English, from a service's data.

A service has its letters in ``data/letters/<language>.yaml``; the frame around them, and how a
moment is written, are here for all. The HTML loads nothing, and means the same without its
styles: some mail programs drop them.
"""

from __future__ import annotations

import functools
import html
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Any
from zoneinfo import ZoneInfo

import yaml

LANGUAGES = ("fr", "en")
FOLDER = Path(__file__).with_name("data") / "letters"
PARIS = ZoneInfo("Europe/Paris")  # stored in UTC, shown in Paris (RULES C3)
WIDTH = 78  # of a line of text; a link is never broken
LINK = "link"
"""The value that a letter's button leads to."""


@dataclass(frozen=True)
class Letter:
    """A letter as it is sent; ``subject`` is one line."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str = LANGUAGES[0]


@dataclass(frozen=True)
class Block:
    """A paragraph, the button that is a letter's link, or a code to type."""

    kind: str
    template: str

    @staticmethod
    def of(entry: str | Mapping[str, str]) -> Block:
        """As it is written in the data: a text, or ``{button: …}``, or ``{code: …}``."""
        if isinstance(entry, str):
            return Block("paragraph", entry)
        ((kind, template),) = entry.items()
        return Block(kind, template)

    def as_text(self, values: Mapping[str, str]) -> str:
        """As plain text; a button is its address."""
        if self.kind == "button":
            return values[LINK]
        return _wrapped(self.template.format_map(values))

    def as_html(self, values: Mapping[str, str]) -> str:
        """As HTML, in which no value can be anything but text."""
        filled = html.escape(self.template.format_map(values))
        if self.kind == "button":
            address = html.escape(values[LINK])
            # The address is shown too: one may want to see where a button leads.
            return (
                f'<p><a class="button" href="{address}">{filled}</a></p>\n'
                f'<p class="address">{address}</p>'
            )
        if self.kind == "code":
            return f'<p class="code"><strong>{filled}</strong></p>'
        return f"<p>{filled}</p>"


class Letters:
    """The letters of one service; ``folder`` has a file for each language."""

    def __init__(self, folder: Path) -> None:
        self._by_language = {language: _read(folder, language) for language in LANGUAGES}

    def names(self) -> set[str]:
        """All letters there are."""
        return set(self._by_language[LANGUAGES[0]])

    def write(self, name: str, language: str | None, site: str, /, **values: Any) -> Letter:
        """A letter with its values filled in; ``language`` None, or another, is French.

        ``site`` is the instance's address, instants are shown as those of Paris. Raises
        ``KeyError`` for a letter or a value that is not there.
        """
        spoken = language if language in LANGUAGES else LANGUAGES[0]
        entry, words = self._by_language[spoken][name], _words(spoken)
        shown = {name: _shown(value, words["moment"]) for name, value in values.items()}
        blocks = [Block.of(each) for each in entry["body"]]
        subject, foot = entry["subject"].format_map(shown), words["foot"].format(site=site)
        return Letter(
            subject=one_line(subject),
            text=_text(blocks, shown, foot),
            html=_html(blocks, shown, foot, subject, spoken),
            language=spoken,
        )


def one_line(text: str) -> str:
    """Without line ends and other control characters, which end a header or forge a line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _text(blocks: Iterable[Block], values: Mapping[str, str], foot: str) -> str:
    parts = [block.as_text(values) for block in blocks]
    return "\n\n".join([*parts, f"-- \n{_wrapped(foot)}"]) + "\n"


def _html(
    blocks: Iterable[Block], values: Mapping[str, str], foot: str, subject: str, language: str
) -> str:
    return _frame().substitute(
        language=language,
        subject=html.escape(one_line(subject)),
        body="\n".join(block.as_html(values) for block in blocks),
        foot=html.escape(foot),
    )


def _shown(value: Any, moment: str) -> str:
    if isinstance(value, datetime):
        return value.astimezone(PARIS).strftime(moment)
    return one_line(str(value))


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _read(folder: Path, language: str) -> Any:
    return yaml.safe_load((folder / f"{language}.yaml").read_text(encoding="utf-8"))


@functools.cache
def _words(language: str) -> Mapping[str, str]:
    found: Mapping[str, str] = _read(FOLDER, language)
    return found


@functools.cache
def _frame() -> Template:
    return Template((FOLDER / "frame.html").read_text(encoding="utf-8"))
