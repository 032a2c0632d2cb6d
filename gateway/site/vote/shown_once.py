"""What is at the address of an answer that was shown once: who reloads its page comes here."""

from __future__ import annotations

from typing import Any

from flask import Response, render_template

from gateway.site.private import private
from gateway.site.vote.open_votes import open_votes
from services.chassis.errors import Unavailable


def page() -> Response:
    """Says whether anything is lost (it is not), and where to go on."""
    return private(render_template("vote_once.html", polls=_polls()))


def _polls() -> list[Any]:
    try:
        return open_votes()
    except Unavailable:
        return []  # what the page says is as true without them
