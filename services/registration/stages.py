"""A project's states and moves, in this one place (RULES R1), and what everybody hears of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from services.chassis.errors import Forbidden, NotFound, Refusal
from services.chassis.work import Work
from services.registration import marathons, standings
from services.registration.tables import JoinRequest, Marathon, Member, Project

MOVES: Mapping[str, tuple[str, ...]] = {
    "draft": ("submitted", "withdrawn"),
    "submitted": ("decided", "withdrawn"),
    "decided": ("accepted", "waitlisted", "refused", "withdrawn"),
    "waitlisted": ("accepted", "withdrawn"),
    "accepted": ("confirmed", "expired", "withdrawn"),
    "confirmed": ("checked_in", "no_show", "withdrawn", "disqualified"),
    "checked_in": ("withdrawn", "disqualified"),
    "refused": (),
    "expired": (),
    "no_show": (),
    "withdrawn": (),
    "disqualified": (),
}
"""All moves there are; "decided" is secret, so it looks like "submitted" (RULES R1)."""

PLACED = ("accepted", "confirmed", "checked_in")
"""Those who have one of the marathon's places."""

STANDING = ("confirmed", "checked_in")
"""Those of whom everybody has heard."""

LEFT = ("withdrawn", "no_show", "disqualified")
OUT = frozenset({"refused", "expired", *LEFT})
"""Those who take part no more: the project may go to another marathon (RULES R8)."""

OPEN = ("announced", "mobilised")
ON_THE_SPOT = ("mobilised", "running")
UNTIL_THE_END = ("announced", "mobilised", "running")

FRENCH: Mapping[str, str] = {
    "draft": "en brouillon",
    "submitted": "déposé",
    "decided": "décidé",
    "accepted": "retenu",
    "waitlisted": "sur liste d’attente",
    "refused": "non retenu",
    "confirmed": "confirmé",
    "expired": "non confirmé à temps",
    "checked_in": "sur place",
    "no_show": "absent",
    "withdrawn": "retiré",
    "disqualified": "disqualifié",
}


def found(work: Work, project: str) -> Project:
    """The project of this id. Raises ``NotFound("project")``."""
    row = work.session.get(Project, project)
    if row is None:
        raise NotFound("project", project)
    return row


def locked(work: Work, project: str) -> tuple[Project, Marathon]:
    """A project and its marathon, which nobody else changes until the transaction's end."""
    row = found(work, project)
    marathon = marathons.locked(work, row.marathon)
    # Read again after the lock: what was read before it may be somebody's past.
    work.session.refresh(row)
    return row, marathon


def must_be_at(marathon: Marathon, states: tuple[str, ...]) -> None:
    """Raises ``Refusal("not_at_this_stage")`` unless the marathon is in one of these states."""
    if marathon.state not in states:
        raise Refusal(
            "not_at_this_stage",
            f"Le marathon est « {marathons.FRENCH[marathon.state]} » : "
            "cela ne se fait pas à ce moment.",
            state=marathon.state,
            allowed=list(states),
        )


# --- who is who to a project --------------------------------------------------------------


def member_keys(work: Work, project: Project) -> list[str]:
    """The team, its holder included, in the order in which they came."""
    query = select(Member.person_key).where(Member.project == project.id)
    return list(work.session.scalars(query.order_by(Member.joined_at, Member.person_key)))


def runs(work: Work, project: Project) -> bool:
    """Whether the asker may act for the project: its holder, or an organiser."""
    is_holder = work.actor.key is not None and work.actor.key == project.holder_key
    return is_holder or work.actor.has("organiser", project.marathon)


def belongs(work: Work, project: Project) -> bool:
    """Whether the asker is in the team, or may act for it."""
    return runs(work, project) or (
        work.actor.key is not None
        and work.session.get(Member, (project.id, work.actor.key)) is not None
    )


def is_public(project: Project) -> bool:
    """Whether everybody may know of the project: it has a place, or left after it had a number."""
    return project.status in PLACED or (project.status in LEFT and project.team_number is not None)


def must_run(work: Work, project: Project) -> None:
    """Raises unless the asker may act for the project; of a secret one ``NotFound``."""
    if runs(work, project):
        return
    if is_public(project) or belongs(work, project):
        raise Forbidden("Seuls le porteur du projet et les organisateurs peuvent faire cela.")
    raise NotFound("project", project.id)


def shown_status(work: Work, project: Project) -> str:
    """The status as the asker may know it: a decision is secret until it is published."""
    if project.status == "decided" and not work.actor.has("organiser", project.marathon):
        return "submitted"
    return project.status


# --- moves --------------------------------------------------------------------------------


def enter(work: Work, project: Project, to: str, reason: str | None = None) -> None:
    """Moves a locked project on, does what follows for its team, and says it.

    Raises ``Refusal("project_move_impossible")``.
    """
    must_lead_to(work, project, to)
    was_standing = project.status in STANDING
    project.status = to
    if to in LEFT:
        project.left_at, project.reason = work.now, reason
    if to in OUT:
        release(work, project)
    if to in ("refused", "expired", "withdrawn"):
        # They never competed: they may be jurors now, or join another team.
        standings.disband(work, project.id)
    work.session.flush()
    if to == "confirmed":
        say(work, project, "project_confirmed")
    elif was_standing:
        say(work, project, "project_withdrawn" if to in LEFT else "project_changed")


def must_lead_to(work: Work, project: Project, to: str) -> None:
    """Raises ``Refusal("project_move_impossible")`` unless the state allows the move."""
    if to in MOVES[project.status]:
        return
    status = shown_status(work, project)
    raise Refusal(
        "project_move_impossible",
        f"Le projet est « {FRENCH[status]} » : il ne peut pas devenir « {FRENCH[to]} ».",
        present=status,
        to=to,
    )


def release(work: Work, project: Project) -> None:
    """Frees a project for another marathon, and ends the open requests to its team."""
    project.claim, project.confirm_by, project.remind_at = None, None, None
    work.session.execute(
        update(JoinRequest)
        .where(JoinRequest.project == project.id, JoinRequest.status == "open")
        .values(status="ended", answered_at=work.now)
    )


def release_all(work: Work, marathon: str) -> None:
    """Frees all projects of a marathon that is over; again changes nothing (RULES R8)."""
    query = select(Project).where(Project.marathon == marathon, Project.claim.is_not(None))
    for project in work.session.scalars(query.order_by(Project.id)):
        release(work, project)


# --- what everybody hears -----------------------------------------------------------------

STATE = (
    *("id", "marathon", "status", "title", "pitch", "team_number", "holder_key", "siren"),
    *("commune", "activity", "needs", "reason"),
)


def say(work: Work, project: Project, event_type: str = "project_changed") -> None:
    """Says a project's whole public state."""
    team = member_keys(work, project)
    state: dict[str, Any] = {name: getattr(project, name) for name in STATE}
    state["member_keys"] = [key for key in team if key != project.holder_key]
    state["size"] = len(team)
    state["at"] = project.left_at
    work.say(event_type, project.id, state)


def say_if_standing(work: Work, project: Project) -> None:
    """Says a change of a project that everybody has heard of; of others nothing is said."""
    if project.status in STANDING:
        work.session.flush()
        say(work, project)
