"""The purge of what registration holds on people, by itself (RULES D1), unless held (D2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, update

from services.chassis.tables import copies
from services.chassis.work import Work
from services.registration import marathons, people, personal_data, roles, sessions
from services.registration.periods import ACCOUNTS, TEAMS
from services.registration.tables import (
    Hold,
    JoinRequest,
    Marathon,
    Member,
    Move,
    Pairing,
    Person,
    Project,
    Role,
    Session,
    Standing,
)


def purge(work: Work) -> bool:
    """Takes one step of the purge; whether there was one to take.

    One at a time, each in a transaction of its own: people are locked before marathons.
    """
    sessions.purge(work)
    marathon = work.session.scalars(_marathons_due(work)).first()
    if marathon is not None:
        _forget_teams(work, marathon)
        return True
    person = work.session.scalars(_accounts_due(work)).first()
    if person is not None:
        _forget_account(work, person)
        return True
    return False


# --- teams --------------------------------------------------------------------------------


def _marathons_due(work: Work) -> Select[str]:
    over = select(Move.marathon).where(
        Move.to_state.in_(marathons.OVER), Move.at <= work.now - TEAMS
    )
    return (
        select(Marathon.id)
        .where(Marathon.id.in_(over), Marathon.purged_at.is_(None), Marathon.id.not_in(_held()))
        .order_by(Marathon.id)
        .limit(1)
    )


def _held() -> Select[str]:
    return select(Hold.marathon).where(Hold.lifted_at.is_(None))


def _forget_teams(work: Work, marathon: str) -> None:
    """Forgets who took part in a marathon; projects stay by their titles, results as they are."""
    with_roles = list(work.session.scalars(select(Role.id).where(Role.marathon == marathon)))
    _lock_people(work, marathon)
    row = marathons.locked(work, marathon)
    if row.purged_at is not None or marathons.is_held(work, marathon):
        return  # another replica was first, or an organiser
    _forget_members(work, marathon)
    for role in with_roles:
        _end_role(work, work.session.get_one(Role, role, populate_existing=True))
    _blank_projects(work, marathon)
    work.session.execute(
        update(Move).where(Move.marathon == marathon).values(actor_name="", actor_key=None)
    )
    row.purged_at = work.now


def _lock_people(work: Work, marathon: str) -> None:
    holders = select(Role.person_key).where(Role.marathon == marathon).distinct()
    for key in sorted(work.session.scalars(holders)):
        people.lock(work, key)


def _forget_members(work: Work, marathon: str) -> None:
    projects = select(Project.id).where(Project.marathon == marathon)
    for rows in (
        delete(Pairing).where(Pairing.project.in_(projects)),
        delete(Member).where(Member.project.in_(projects)),
        delete(JoinRequest).where(JoinRequest.marathon == marathon),
        delete(Standing).where(Standing.marathon == marathon),
    ):
        work.session.execute(rows)


def _end_role(work: Work, role: Role) -> None:
    """Ends a role of a marathon long over, and lets everybody forget whose name it bore."""
    role.display_name, role.organisation, role.siren, role.elected_in = "", None, None, None
    if role.status == "granted":
        roles.end(work, role)
    else:
        roles.say(work, role, "role_revoked")
    personal_data.unsay_role(work, role)


def _blank_projects(work: Work, marathon: str) -> None:
    query = select(Project).where(Project.marathon == marathon)
    for project in work.session.scalars(query):
        project.pitch, project.siren, project.reason, project.claim = "", None, None, None
        blank: dict[str, Any] = {"pitch": "", "siren": None, "member_keys": [], "reason": None}
        for event_type in ("project_confirmed", "project_changed", "project_withdrawn"):
            work.unsay(event_type, project.id, blank)


# --- accounts -----------------------------------------------------------------------------


def _accounts_due(work: Work) -> Select[str]:
    """People who have long not signed in, and who are in nothing that is still kept."""
    seen = func.coalesce(Person.seen_at, Person.created_at)
    return (
        select(Person.key)
        .where(Person.erased_at.is_(None), seen <= work.now - ACCOUNTS)
        .where(*(~used for used in _uses(work)))
        .order_by(Person.key)
        .limit(1)
    )


def _uses(work: Work) -> list[ColumnElement[bool]]:
    own = [
        exists().where(table.person_key == Person.key)
        for table in (Member, JoinRequest, Standing, Session)
    ]
    granted = exists().where(Role.person_key == Person.key, Role.status == "granted")
    # Who lends premises may have no account but their address there.
    lends = exists().where(
        copies.c.kind == "premises",
        copies.c.state["owner_key"].as_string() == Person.key,
        or_(copies.c.heard_at > work.now - ACCOUNTS, copies.c.marathon.in_(_held())),
    )
    return [*own, granted, lends]


def _forget_account(work: Work, key: str) -> None:
    people.lock(work, key)
    person = work.session.get_one(Person, key, populate_existing=True)
    still_due = work.session.scalar(_accounts_due(work).where(Person.key == key))
    if still_due is not None:
        personal_data.forget(work, person)
