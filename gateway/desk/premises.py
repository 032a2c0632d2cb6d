"""The page of premises: what their owner and the organisers see and do."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from gateway.access import Who, admit
from gateway.asking import ask, visitor
from gateway.site.gaps import part
from gateway.site.marathons import titles
from gateway.site.private import private


def add_to(desk: Blueprint) -> None:
    """Adds the page."""
    desk.add_url_rule("/locaux/<offer>", "offer", offer)


def offer(offer: str) -> Response:
    """An offer: its state, its features, and which team it is for."""
    admit(Who.SIGNED_IN, visitor(), {})
    found = ask("venues.get_premises", {"offer": offer})
    of = {"marathon": found["marathon"]}
    page = render_template(
        "offer.html",
        offer=found,
        marathon=part("registration.get_marathon", of),
        organises=visitor().actor.has("organiser", found["marathon"]),
        places=[
            place for place in part("venues.list_allocations", of, []) if place["offer"] == offer
        ],
        titles=titles(part("registration.list_projects", of, [])),
    )
    return private(page)
