"""What is held on somebody, in words: services, sections, fields and values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.field_words import field_words
from gateway.languages import gettext as _
from gateway.site import words
from services.chassis.config import SERVICES

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
Line = tuple[str, str]


@dataclass(frozen=True)
class Section:
    """Things of one kind; each is lines of label and value."""

    title: str
    things: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True)
class Held:
    """What one service holds."""

    name: str
    title: str
    sections: tuple[Section, ...]


def services(found: dict[str, Any]) -> list[Held]:
    """What each service that answered holds, in words."""
    return [
        Held(name, service(name), tuple(_sections(found[name])))
        for name in SERVICES
        if found[name] is not None
    ]


def service(name: str) -> str:
    """What a service is about."""
    return {
        "registration": _("Account, roles, projects and teams"),
        "venues": _("Premises"),
        "voting": _("Public vote"),
        "jury": _("Jury"),
    }[name]


def consents() -> dict[str, Line]:
    """Each consent: what it is for, and what exactly one agrees to (RULES D3)."""
    return {
        "newsletter": (
            _("News by mail"),
            _("I would like to get the programme’s news at my e-mail address."),
        ),
        "image": (
            _("My image"),
            _("Pictures and films of the marathon on which I can be recognised may be published."),
        ),
        "partners": (
            _("Partners"),
            _("My name and my address may be given to the partners of the marathon."),
        ),
        "next_host": (
            _("Next host"),
            _("I would like to get a mail with the link to the next town’s marathon."),
        ),
    }


def _sections(data: dict[str, Any]) -> Iterator[Section]:
    titles = _titles()
    for name, value in data.items():
        things = [value] if isinstance(value, dict) else value or []
        if things:
            yield Section(titles[name], tuple(tuple(_lines(thing)) for thing in things))


def _lines(thing: dict[str, Any], inside: str = "") -> Iterator[Line]:
    for name, value in thing.items():
        label = f"{inside} – {_label(name)}" if inside else _label(name)
        if isinstance(value, dict):
            yield from _lines(value, label)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, one in enumerate(value, 1):
                yield from _lines(one, f"{label} {number}")
        elif value not in (None, "", []):
            yield label, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    text = str(value)
    return words.short_moment(text) if INSTANT.match(text) else text


def _label(name: str) -> str:
    """A field in words; one that has none (a jury's own criterion) as it is called."""
    return {**field_words(), **_of_people(), **_of_things(), **_of_times()}.get(name, name)


def _titles() -> dict[str, str]:
    return {
        "person": _("Who I am"),
        "consents": _("My consents, each time I changed one"),
        "roles": _("My roles"),
        "projects": _("My projects"),
        "teams": _("My teams"),
        "requests": _("My requests to join a team"),
        "moves": _("Marathons that I moved on"),
        "tokens": _("Programs that I gave access"),
        "sessions": _("Where I am signed in"),
        "links": _("Links and codes mailed to me that still work"),
        "mails": _("Mails to me that wait to be sent"),
        "answers": _("Commands that are remembered for some days"),
        "role_copies": _("My roles, as other parts know them"),
        "premises": _("My premises"),
        "decisions": _("Offers on which I decided"),
        "keys": _("Keys that I handed over or took back"),
        "polls": _("Votes"),
        "signatures": _("What I signed before a count"),
        "cards": _("My scorecards"),
        "recusals": _("My recusals"),
        "recusals_declared": _("Recusals that I declared"),
        "deliberations": _("Deliberations that I recorded"),
        "awards": _("Prizes that I awarded"),
        "editions": _("Editions of the awards that I published"),
    }


def _of_people() -> dict[str, str]:
    return {
        "key": _("Key"),
        "person_key": _("Key"),
        "name": _("Name"),
        "language": _("Language of the mails"),
        "display_name": _("Name"),
        "actor_name": _("Name"),
        "email": _("E-mail address"),
        "to": _("E-mail address"),
        "phone": _("Telephone"),
        "contact": _("Contact"),
        "holder": _("Holder"),
        "owner_siren": _("SIREN number"),
        "under_18": _("Under 18"),
        "guardian_consent": _("The legal guardian agrees"),
        "given": _("Given"),
        "voted": _("In the register of who voted"),
        "handed_over_by_me": _("Handed over by me"),
        "taken_back_by_me": _("Taken back by me"),
    }


def _of_things() -> dict[str, str]:
    return {
        "id": _("Number"),
        "number": _("Number"),
        "version": _("Version"),
        "kind": _("Kind"),
        "marathon": _("Marathon"),
        "prize": _("Prize"),
        "offers": _("Offer"),
        "allocations": _("Team placed"),
        "seat": _("Seat"),
        "subject": _("Subject"),
        "door": _("Command"),
        "activities": _("Activities accepted"),
        "public_address": _("Address"),
        "needs": _("Needs"),
        "team_number": _("Team number"),
        "size": _("Size of the team"),
        "available": _("Free"),
        "status": _("State"),
        "state": _("State"),
        "to_state": _("State"),
        "decision": _("Decision"),
        "waiting": _("Place on the waiting list"),
        "cause": _("Cause"),
        "abstained": _("Abstained"),
    }


def _of_times() -> dict[str, str]:
    return {
        "at": _("When"),
        "since": _("Since"),
        "from_at": _("From"),
        "to_at": _("Until"),
        "created_at": _("Made"),
        "seen_at": _("Last sign-in"),
        "expires_at": _("Ends"),
        "issued_at": _("Sent"),
        "granted_at": _("Granted"),
        "first_at": _("First signed"),
        "resolved_at": _("Decided"),
        "revoked_at": _("Ended"),
        "ended_at": _("Ended"),
        "last_used_at": _("Last used"),
        "joined_at": _("Joined"),
        "answered_at": _("Answered"),
        "confirm_by": _("To confirm before"),
        "offered_at": _("Offered"),
        "decided_at": _("Decided"),
        "submitted_at": _("Submitted"),
        "published_at": _("Published"),
        "keys_out_at": _("Keys handed over"),
        "keys_back_at": _("Keys returned"),
        "links": _("Link or code mailed"),
    }
