"""The scrutineers' page: what of a poll can be checked, and how to count its box again."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from gateway.access import Who, admit
from gateway.asking import ask, visitor
from gateway.site.gaps import part
from gateway.site.private import private


def add_to(desk: Blueprint) -> None:
    """Adds this page."""
    desk.add_url_rule("/marathons/<marathon>/scrutin", "scrutiny", scrutiny)


def scrutiny(marathon: str) -> Response:
    """Where the poll stands; once it is counted, its files and their digests (RULES V6, V8)."""
    of = {"marathon": marathon}
    admit(Who.SCRUTINEER, visitor(), of)
    poll = part("voting.get_poll", of)
    is_counted = poll is not None and poll["state"] == "counted"
    asked = {"poll": poll["id"]} if poll else {}
    page = render_template(
        "scrutiny.html",
        marathon=ask("registration.get_marathon", of),
        poll=poll,
        record=part("voting.get_record", asked) if is_counted else None,
        box=part("voting.get_box", asked) if is_counted else None,
    )
    return private(page)
