"""The mails of a demonstration, for everybody to read: nobody there has a mailbox."""

from __future__ import annotations

import re

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
    found = own.answer("list_mails", {"to": to} if to else {})
    # The links in them are secrets, even here.
    return private(
        render_template("mails.html", mails=found, to=to, linked=linked, most=own.MAILS_MOST)
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
