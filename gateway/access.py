"""Who may use which route: the one place where the gateway authorises.

It checks roles: of the marathon in the path where the path names one, of any where the route
names another object; the service then checks the relation to it (holder, owner, self), and the
role in that object's own marathon (RULES R3: organiser is a role per marathon).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from gateway.identity import Visitor
from gateway.languages import N_
from services.chassis.errors import Forbidden, Refusal


class Who(Enum):
    """Who may use a route."""

    ANYONE = "everybody"
    SIGNED_IN = "whoever is signed in; the service checks the relation"
    PERSON = "a person who is signed in, not a machine"
    JUROR = "a juror of the marathon in the path"
    PANEL = "a juror or an organiser of the marathon in the path"
    ORGANISER = "an organiser of the marathon in the path"
    SCRUTINEER = "a scrutineer or an organiser of the marathon in the path"
    SCRUTINEER_ANY = "a scrutineer or an organiser of some marathon; the service checks which"
    ORGANISER_ANY = "an organiser of some marathon; the service checks which"
    ORGANISER_ALL = "an organiser of all marathons of this instance"


# Who has one of these roles in the marathon in the path; in some marathon.
HERE = {
    Who.JUROR: ("juror",),
    Who.PANEL: ("juror", "organiser"),
    Who.SCRUTINEER: ("scrutineer", "organiser"),
    Who.ORGANISER: ("organiser",),
}
SOMEWHERE = {
    Who.SCRUTINEER_ANY: ("scrutineer", "organiser"),
    Who.ORGANISER_ANY: ("organiser",),
}


def admit(who: Who, visitor: Visitor, path: Mapping[str, str]) -> None:
    """Lets the visitor pass, or raises ``Refusal``: 401 for who is unknown, 403 for who may not."""
    if who is Who.ANYONE:
        return
    if not visitor.known:
        raise sign_in_needed()
    if not _may(who, visitor, path.get("marathon")):
        raise Forbidden()


def sign_in_needed() -> Refusal:
    """What an unknown visitor gets where somebody known is needed."""
    return Refusal(
        "sign_in_needed",
        N_("You need to sign in for this."),
        N_("Sign in by mail, or send a bearer token."),
        401,
    )


def _may(who: Who, visitor: Visitor, marathon: str | None) -> bool:
    actor = visitor.actor
    if who in HERE:
        return marathon is not None and any(actor.has(role, marathon) for role in HERE[who])
    if who in SOMEWHERE:
        return any(held in SOMEWHERE[who] for held, _marathon in actor.roles)
    match who:
        case Who.SIGNED_IN:
            return True
        case Who.PERSON:
            return visitor.is_person
        case Who.ORGANISER_ALL:
            return actor.has("organiser", None)
        case _:
            return False
