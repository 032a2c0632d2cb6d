"""The relay on a marathon's desk: the one that comes, the one that goes, the chain, the partners.

Whatever stands between two instances is said in words: an offer that waits, a partner that is
silent, a package that was refused and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template

from gateway.access import Who, admit
from gateway.asking import ask, parts, visitor
from gateway.desk import partners
from gateway.site import words
from gateway.site.gaps import part
from gateway.site.operators import elsewhere
from gateway.site.private import private

PATH = "/bureau/marathons/<marathon>/relais"
OPEN = ("offered", "accepted")
ENDED = ("refused", "expired", "withdrawn", "superseded")

Answer = Mapping[str, Any]


def add_to(desk: Blueprint) -> None:
    """Adds the page."""
    desk.add_url_rule(PATH, "relay", relay)


def relay(marathon: str) -> Response:
    """The relay as this marathon's organisers see it."""
    admit(Who.ORGANISER, visitor(), {"marathon": marathon})
    desk = ask("registration.get_desk", {"marathon": marathon})
    of = {"cycle": desk["marathon"]["cycle"]}
    cycle = part("registration.get_cycle", of) or {"marathons": [], "title": ""}
    status = part("registration.relay_status", of)
    legs = {each["id"]: each for each in cycle["marathons"]}
    page = render_template(
        "desk_relay.html",
        desk=desk,
        marathon=desk["marathon"],
        cycle=cycle,
        legs=legs,
        status=status,
        coming=[_coming(each, legs) for each in reversed(desk["relays"]) if is_asked(desk, each)],
        answered=[each for each in desk["relays"] if _was_answered(desk, each)],
        going=[each for each in reversed(desk["relays"]) if _goes(desk, each)],
        may_offer=may_offer(desk),
        may_reassign=_may_reassign(status),
        known=partners.known(),
        now=parts().clock.now().isoformat(),
        phases=words.phases,
        days=words.days,
    )
    return private(page)


@dataclass(frozen=True)
class Coming:
    """An offer to this marathon, and what comes with it."""

    offer: Answer
    sender: Answer | None
    """The marathon that it comes from, as everybody may know it."""

    leg: Answer
    """How that leg ended: state, closed_at, palmares_digest."""

    settings: Answer
    """What may be taken over of it."""


def is_asked(desk: Answer, relay: Answer) -> bool:
    """Whether an offer waits for this marathon's own answer, and here."""
    asked = (relay["state"], relay["to_marathon"]) == ("offered", desk["marathon"]["id"])
    return asked and not elsewhere(desk["marathon"])


def last_offer(desk: Answer) -> Answer | None:
    """The latest offer of this marathon's own baton."""
    own = [each for each in desk["relays"] if _goes(desk, each)]
    return max(own, key=lambda each: (each["term"], each["hop"], each["offered_at"]), default=None)


def may_offer(desk: Answer) -> bool:
    """Whether this marathon's organisers may offer its baton to a host of their choice."""
    last = last_offer(desk)
    granted = last is not None and last["state"] not in (*OPEN, *ENDED)
    here = desk["holds_baton"] and not elsewhere(desk["marathon"])
    return here and words.is_closed(desk["marathon"]["state"]) and not granted


def _goes(desk: Answer, relay: Answer) -> bool:
    return bool(relay["from_marathon"] == desk["marathon"]["id"])


def _was_answered(desk: Answer, relay: Answer) -> bool:
    return relay["to_marathon"] == desk["marathon"]["id"] and not is_asked(desk, relay)


def _coming(relay: Answer, legs: Mapping[str, Answer]) -> Coming:
    sender = legs.get(relay["from_marathon"])
    parcel = relay.get("parcel")
    if parcel is not None:
        return Coming(relay, sender, parcel["leg"], parcel["templates"].get("settings", {}))
    # Offered within this instance: nothing is packed before it is accepted.
    leg = {name: (sender or {}).get(name) for name in ("state", "closed_at")}
    digest = ((sender or {}).get("palmares") or {}).get("digest")
    return Coming(relay, sender, {**leg, "palmares_digest": digest}, {})


def _may_reassign(status: Answer | None) -> bool:
    """Whether the visitor speaks for the joint body, while there is a relay to give away."""
    if status is None or status["state"] == "finished":
        return False
    is_joint = not status["shared"] or status["me"] == status["joint_body"]
    return is_joint and visitor().actor.has("organiser", None)
