"""The mails of a demonstration, for everybody to read: nobody there has a mailbox."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup, escape

from gateway import own
from gateway.asking import parts
from gateway.site.private import private

INSIDE = r"[^\s<>\"'«»]"
# What ends a sentence is not part of the link before it.
LAST = r"[^\s<>\"'«».,;:!?)]"


def add_to(site: Blueprint) -> None:
    """Adds this page."""
    site.add_url_rule("/courriels", "mails", mails)


def mails() -> Response:
    """The newest mails, to the address asked for or to all."""
    to = request.args.get("to", "").strip()
    wanted = {"limit": own.MAILS_MOST, **({"to": to} if to else {})}
    found = own.answer("list_mails", wanted)["items"]
    # The links in them are secrets, even here.
    return private(
        render_template(
            "mails.html",
            mails=found,
            to=to,
            linked=linked,
            said_by=said_by,
            most=own.MAILS_MOST,
        )
    )


def linked(text: str) -> Markup:
    """A mail's text, escaped, in which links to this instance, and no others, can be followed."""
    public = parts().settings.public_url
    if not public.startswith(("http://", "https://")):
        return escape(text)
    # The slash matters: http://here.example.evil is not http://here.example.
    pieces = re.split(rf"({re.escape(public)}/(?:{INSIDE}*{LAST})?)", text)
    # Every second piece is a link; join escapes what is no Markup.
    return Markup().join(_link(piece) if place % 2 else piece for place, piece in enumerate(pieces))


def _link(address: str) -> Markup:
    return Markup('<a href="{0}">{0}</a>').format(address)


def said_by(source: str) -> str:
    """What a mail's HTML says, as text, with where its links lead: to be escaped like any text."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.said).split("\n"))
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    """Keeps the text of a document's body, a line for each of its paragraphs."""

    SILENT = ("head", "style", "script", "title")
    LINES = ("p", "div", "br", "h1", "h2", "li", "tr")

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in self.SILENT
        if tag in self.LINES:
            self.said.append("\n")
        if tag == "a":
            self.said.append(f"[{dict(attrs).get('href') or ''}] ")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in self.SILENT
        if tag in self.LINES:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        if self._silent <= 0:
            self.said.append(" ".join(data.split("\n")))
