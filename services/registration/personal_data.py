"""What is held on a person: shown to them, and erased when they say so (RULES D2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis import idempotency, mail, proofs
from services.chassis.errors import NotFound
from services.chassis.work import Work
from services.registration import (
    marathons,
    people,
    projects,
    roles,
    sessions,
    signin,
    stages,
    teams,
)
from services.registration.tables import JoinRequest, Member, Person, Project, Role, Standing

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
        _erase(work, person)
    return {"key": erased, "at": person.erased_at}


def _erase(work: Work, person: Person) -> None:
    for marathon in _marathons_of(work, person.key):
        marathons.locked(work, marathon)
    _leave_teams(work, person.key)
    _end_roles(work, person.key)
    teams.end_requests(work, person.key)
    sessions.end_all(work, person.key)
    marathons.forget_actor(work, person.key)
    mail.forget(work, person.key)
    idempotency.forget(work, person.key)
    if person.email is not None:
        proofs.withdraw(work, signin.PURPOSE, email=person.email)
    person.email, person.name, person.erased_at = None, "", work.now
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
        for event_type in ("role_granted", "role_revoked"):
            work.unsay(event_type, role.id, {"display_name": "", "organisation": None})


# --- all that is held ---------------------------------------------------------------------


def my_data(work: Work) -> dict[str, Any]:
    """All that registration holds on the asker."""
    person = people.asker(work)
    return {
        "person": _as_text(person, "key", "name", "email", "created_at"),
        "roles": [roles.view_of(work, row) for row in _rows(work, Role, person.key)],
        "projects": _projects(work, person.key),
        "teams": [
            _as_text(row, "project", "under_18", "guardian_consent", "joined_at")
            for row in _rows(work, Member, person.key)
        ],
        "requests": [
            _as_text(row, "id", "project", "status", "under_18", "created_at", "answered_at")
            for row in _rows(work, JoinRequest, person.key)
        ],
        "sessions": [
            _as_text(row, "created_at", "expires_at")
            for row in sessions.of_person(work, person.key)
        ],
    }


def _projects(work: Work, key: str) -> list[dict[str, Any]]:
    query = select(Project).where(Project.holder_key == key)
    held = work.session.scalars(query.order_by(Project.created_at, Project.id))
    return [projects.view_of(work, row) for row in held]


def _rows(work: Work, table: Any, key: str) -> list[Any]:
    query = select(table).where(table.person_key == key).order_by(*table.__table__.primary_key)
    return list(work.session.scalars(query))


def _as_text(row: Any, *names: str) -> dict[str, Any]:
    """Some of a row's values, as JSON has them."""
    values = ((name, getattr(row, name)) for name in names)
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values
    }
