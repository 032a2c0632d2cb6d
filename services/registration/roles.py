"""Roles: who may do what, in one marathon or in all; registration alone grants them (RULES R3)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, or_, select

from services.chassis.errors import Invalid, NotFound
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.registration import marathons, people, sessions, standings, tokens
from services.registration.tables import Pairing, Person, Role

EVERYWHERE = "*"
OF_ONE_MARATHON = ("juror", "coach", "scrutineer")
SAID = ("id", "person_key", "role", "marathon", "status", "display_name")
DETAILS = ("organisation", "siren", "elected_in", "president")


def grant(
    work: Work, role: str, person: people.Named, marathon: str | None = None, **details: Any
) -> dict[str, Any]:
    """Gives somebody a role; granting it again only brings name and details up to date.

    ``details`` are organisation, siren, elected_in and president. Raises
    ``Refusal("juror_or_competitor")`` (RULES R3), ``Invalid("marathon_missing")`` for a juror,
    coach or scrutineer of all marathons.
    """
    work.actor.must("organiser", marathon)
    if marathon is None and role in OF_ONE_MARATHON:
        raise Invalid(
            "marathon_missing", "Un juré, un coach ou un scrutateur l’est d’un seul marathon."
        )
    somebody = people.ensure(work, person["email"], person["name"])
    if marathon is not None:
        marathons.locked(work, marathon)
    if role == "juror" and marathon is not None:
        standings.take(work, marathon, somebody.key, "juror")
    granted = _present(work, somebody.key, role, marathon) or _new(work, somebody, role, marathon)
    if _describe(granted, people.clean(person["name"]), details):
        work.session.flush()
        say(work, granted, "role_granted")
    return view_of(work, granted)


def _present(work: Work, key: str, role: str, marathon: str | None) -> Role | None:
    query = select(Role).where(
        Role.person_key == key,
        Role.role == role,
        Role.scope == (marathon or EVERYWHERE),
        Role.status == "granted",
    )
    return work.session.scalar(query)


def _new(work: Work, somebody: Person, role: str, marathon: str | None) -> Role:
    granted = Role(
        id=work.new_id(),
        person_key=somebody.key,
        role=role,
        marathon=marathon,
        scope=marathon or EVERYWHERE,
        status="granted",
        granted_at=work.now,
        granted_by=work.actor.key,
    )
    work.session.add(granted)
    return granted


def _describe(role: Role, name: str, details: dict[str, Any]) -> bool:
    """Sets name and details; whether that changed anything."""
    wanted = {**dict.fromkeys(DETAILS), "president": False, **details, "display_name": name}
    changed = {field for field, value in wanted.items() if getattr(role, field) != value}
    for field in changed:
        setattr(role, field, wanted[field])
    return bool(changed)


def revoke(work: Work, role_id: str) -> dict[str, Any]:
    """Takes a role away and ends the person's sessions (RULES S4); again changes nothing."""
    found = work.session.get(Role, role_id)
    if found is None:
        raise NotFound("role", role_id)
    work.actor.must("organiser", found.marathon)
    people.lock(work, found.person_key)
    if found.marathon is not None:
        marathons.locked(work, found.marathon)
    work.session.refresh(found)
    if found.status == "granted":
        end(work, found)
    return view_of(work, found)


def end(work: Work, role: Role) -> None:
    """Ends a granted role; the caller holds the locks of its person and its marathon."""
    role.status, role.revoked_at = "revoked", work.now
    if role.role == "juror" and role.marathon is not None:
        standings.leave(work, role.marathon, role.person_key)
    work.session.execute(delete(Pairing).where(Pairing.role == role.id))
    sessions.end_all(work, role.person_key)
    if role.role == "organiser":
        tokens.end_of(work, role.person_key, role.marathon)
    work.session.flush()
    say(work, role, "role_revoked")


def say(work: Work, role: Role, event_type: str) -> None:
    """Says a role's whole state."""
    work.say(event_type, role.id, {name: getattr(role, name) for name in (*SAID, *DETAILS)})


def view_of(work: Work, role: Role) -> dict[str, Any]:
    """A role as organisers see it, with the address to write to."""
    person = work.session.get(Person, role.person_key)
    names = (*SAID, *DETAILS, "granted_at", "revoked_at")
    return {
        **{name: getattr(role, name) for name in names},
        "email": person.email if person else None,
    }


def list_roles(work: Work, marathon: str, page: Page) -> Answer:
    """Who has a role in this marathon, those of all marathons included; organisers only."""
    work.actor.must("organiser", marathon)
    marathons.found(work, marathon)
    here = or_(Role.marathon == marathon, Role.marathon.is_(None))
    query = select(Role).where(here, Role.status == "granted")
    order = (Role.role, Role.granted_at, Role.id)
    return page.rows(work.session, query, order, lambda role: view_of(work, role))


def held_by(work: Work, key: str) -> list[dict[str, Any]]:
    """The roles that a person has, as the gateway asks for them."""
    query = select(Role).where(Role.person_key == key, Role.status == "granted")
    query = query.order_by(Role.role, Role.scope)
    return [{"role": r.role, "marathon": r.marathon} for r in work.session.scalars(query)]


def add_organiser(work: Work, email: str, name: str, marathon: str | None = None) -> dict[str, Any]:
    """Makes an organiser from the command line, the first one included (RULES S4).

    ``work`` is the system's own. Without a marathon they organise all of them.
    """
    return grant(work, "organiser", {"email": email, "name": name}, marathon)
