"""What is held on a person: shown to them, and erased when they say so (RULES D2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis import held, idempotency, mail, proofs
from services.chassis.errors import NotFound
from services.chassis.work import Work
from services.registration import (
    consents,
    marathons,
    people,
    projects,
    roles,
    sessions,
    signin,
    stages,
    teams,
)
from services.registration.tables import (
    JoinRequest,
    Member,
    Move,
    Person,
    Project,
    Role,
    Standing,
    Token,
)

ERASED = "Le porteur du projet a effacé ses données."


def erase(work: Work, key: str | None = None) -> dict[str, Any]:
    """Erases a person: oneself, or somebody at the word of an organiser of all marathons.

    Roles, sessions and requests end; they leave teams, and their own projects are withdrawn,
    in marathons that have not ended. What has ended stays as it is, without a name: results do
    not change. Raises ``NotFound("person")``; again changes nothing.
    """
    erased = key or people.asker(work).key
    if erased != work.actor.key:
        work.actor.must("organiser", None)
    people.lock(work, erased)
    person = work.session.get(Person, erased, populate_existing=True)
    if person is None:
        raise NotFound("person", erased)
    if person.erased_at is None:
        forget(work, person)
    return {"key": erased, "at": person.erased_at}


def forget(work: Work, person: Person) -> None:
    """Erases a person, now locked, whose erasure is decided: see :func:`erase`."""
    for marathon in _marathons_of(work, person.key):
        marathons.locked(work, marathon)
    _leave_teams(work, person.key)
    _end_roles(work, person.key)
    teams.end_requests(work, person.key)
    sessions.end_all(work, person.key)
    consents.forget(work, person.key)
    marathons.forget_actor(work, person.key)
    mail.forget(work, person.key)
    idempotency.forget(work, person.key)
    if person.email is not None:
        proofs.withdraw(work, signin.PURPOSE, email=person.email)
    person.email, person.name, person.language = None, "", None
    person.erased_at = work.now
    work.session.flush()
    work.say("person_erased", person.key, {"id": person.key, "at": work.now})


def _marathons_of(work: Work, key: str) -> list[str]:
    """The marathons in which something of theirs may change, by id: the order of the locks.

    The person is locked, so nothing is added meanwhile.
    """
    found = {
        *work.session.scalars(select(Standing.marathon).where(Standing.person_key == key)),
        *work.session.scalars(select(Role.marathon).where(Role.person_key == key)),
        *work.session.scalars(select(JoinRequest.marathon).where(JoinRequest.person_key == key)),
    }
    return sorted(marathon for marathon in found if marathon is not None)


def _leave_teams(work: Work, key: str) -> None:
    query = select(Member).where(Member.person_key == key).order_by(Member.project)
    for member in list(work.session.scalars(query)):
        project = work.session.get_one(Project, member.project, populate_existing=True)
        marathon = marathons.found(work, project.marathon)
        if project.status in stages.OUT or marathon.state not in stages.UNTIL_THE_END:
            continue
        if project.holder_key == key:
            projects.leave(work, project, "withdrawn", ERASED)
        else:
            teams.take_out(work, project, member)


def _end_roles(work: Work, key: str) -> None:
    query = select(Role).where(Role.person_key == key).order_by(Role.granted_at, Role.id)
    for role in list(work.session.scalars(query)):
        role.display_name, role.organisation = "", None
        if role.status == "granted":
            roles.end(work, role)
        unsay_role(work, role)


def unsay_role(work: Work, role: Role) -> None:
    """Takes a name out of all that was said of a role."""
    for event_type in ("role_granted", "role_revoked"):
        work.unsay(event_type, role.id, {"display_name": "", "organisation": None})


# --- all that is held ---------------------------------------------------------------------


def my_data(work: Work) -> dict[str, Any]:
    """All that registration holds on the asker."""
    person = people.asker(work)
    return {
        "person": held.columns(person, "key", "name", "email", "language", "created_at", "seen_at"),
        "consents": [
            held.columns(row, "kind", "given", "at") for row in consents.history(work, person.key)
        ],
        "roles": [roles.view_of(work, row) for row in _rows(work, Role, person.key)],
        "projects": _projects(work, person.key),
        **_parts_played(work, person.key),
        "sessions": [
            held.columns(row, "created_at", "expires_at")
            for row in sessions.of_person(work, person.key)
        ],
        "links": [
            held.as_json(one) for one in proofs.pending(work, signin.PURPOSE, person.email or "")
        ],
        **held.on(work, person.key),
    }


def _parts_played(work: Work, key: str) -> dict[str, list[dict[str, Any]]]:
    """In teams, at their doors, and at the organisers' desk."""
    member = ("project", "under_18", "guardian_consent", "joined_at")
    asked = ("id", "project", "status", "under_18", "created_at", "answered_at")
    moved = ("marathon", "to_state", "at", "actor_name", "reason")
    made = ("label", "role", "marathon", "created_at", "last_used_at", "revoked_at")
    return {
        "teams": [held.columns(row, *member) for row in _rows(work, Member, key)],
        "requests": [held.columns(row, *asked) for row in _rows(work, JoinRequest, key)],
        "moves": [held.columns(row, *moved) for row in _acts(work, Move, Move.actor_key == key)],
        "tokens": [held.columns(row, *made) for row in _acts(work, Token, Token.created_by == key)],
    }


def _projects(work: Work, key: str) -> list[dict[str, Any]]:
    query = select(Project).where(Project.holder_key == key)
    mine = work.session.scalars(query.order_by(Project.created_at, Project.id))
    return [projects.view_of(work, row) for row in mine]


def _rows(work: Work, table: Any, key: str) -> list[Any]:
    return _acts(work, table, table.person_key == key)


def _acts(work: Work, table: Any, whose: Any) -> list[Any]:
    query = select(table).where(whose).order_by(*table.__table__.primary_key)
    return list(work.session.scalars(query))
