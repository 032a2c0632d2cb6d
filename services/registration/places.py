"""The places of a marathon: offered, confirmed in time, or gone to the waiting list (RULES R1)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from services.chassis.errors import Refusal
from services.chassis.work import Work
from services.registration import letters, marathons, stages
from services.registration.tables import Marathon, Project

TIME_TO_CONFIRM = timedelta(days=7)
REMINDER_BEFORE = timedelta(days=2)


def taken(work: Work, marathon: str) -> int:
    """How many places are taken or offered."""
    query = select(func.count()).select_from(Project)
    query = query.where(Project.marathon == marathon, Project.status.in_(stages.PLACED))
    return work.session.scalar(query) or 0


def must_have_room(work: Work, marathon: Marathon, more: int) -> None:
    """Raises ``Refusal("places_exceeded")`` where more teams would be offered a place than fit."""
    already = taken(work, marathon.id)
    if already + more > marathon.most_teams:
        raise Refusal(
            "places_exceeded",
            f"Le marathon a {marathon.most_teams} places : {already} sont déjà attribuées, "
            f"{more} de plus ne tiennent pas.",
            "Mettez des projets sur liste d’attente : elle avance quand une place se libère.",
            most=marathon.most_teams,
            taken=already,
            more=more,
        )


def offer(work: Work, project: Project, marathon: Marathon, letter: str) -> None:
    """Offers a locked project a place, to be confirmed in time, and writes to its holder.

    Seven days, but at the latest the start; the reminder two days before, or halfway.
    """
    stages.enter(work, project, "accepted")
    project.queue = None
    project.confirm_by = _confirm_by(marathon, work.now)
    window = project.confirm_by - work.now
    project.remind_at = project.confirm_by - min(REMINDER_BEFORE, window / 2)
    write(work, project, marathon, letter)


def _confirm_by(marathon: Marathon, now: datetime) -> datetime:
    usual = now + TIME_TO_CONFIRM
    starts_at = marathon.starts_at
    return min(usual, starts_at) if starts_at is not None and starts_at > now else usual


def write(work: Work, project: Project, marathon: Marathon, letter: str) -> None:
    """Writes to a project's holder."""
    letters.write_to(
        work,
        project.holder_key,
        letter,
        title=project.title,
        marathon=marathon.title,
        confirm_by=project.confirm_by,
        link=letters.project_link(work, project.id),
    )


def move_up(work: Work, marathon: str) -> None:
    """Gives a freed place to the next on the waiting list, as long as it is of use to them."""
    row = marathons.found(work, marathon)
    is_late = row.starts_at is not None and row.starts_at <= work.now
    if row.state not in stages.OPEN or is_late or taken(work, marathon) >= row.most_teams:
        return
    waiting = select(Project).where(Project.marathon == marathon, Project.status == "waitlisted")
    next_one = work.session.scalar(waiting.order_by(Project.queue, Project.id).limit(1))
    if next_one is not None:
        offer(work, next_one, row, "moved_up")


# --- what falls due -----------------------------------------------------------------------


def follow_up(work: Work, marathon: Marathon) -> None:
    """Reminds those who have not confirmed, and ends the offers that nobody took in time.

    For a locked marathon; again changes nothing.
    """
    for project in _offered(work, marathon.id):
        _follow_up(work, project, marathon)


def candidates(work: Work) -> list[str]:
    """The marathons in which an offer falls due, by id."""
    due = or_(
        Project.confirm_by <= work.now,
        Project.remind_at <= work.now,
        Marathon.state.not_in(stages.OPEN),
    )
    query = select(Marathon.id).join(Project, Project.marathon == Marathon.id).distinct()
    query = query.where(Project.status == "accepted", due)
    return list(work.session.scalars(query.order_by(Marathon.id)))


def _offered(work: Work, marathon: str) -> list[Project]:
    query = select(Project).where(Project.marathon == marathon, Project.status == "accepted")
    query = query.order_by(Project.confirm_by, Project.id)
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def _follow_up(work: Work, project: Project, marathon: Marathon) -> None:
    # Begun early, ended or cancelled: nobody can confirm any more, whatever the date.
    if is_late(project, work.now) or marathon.state not in stages.OPEN:
        stages.enter(work, project, "expired")
        if marathon.state != "cancelled":
            write(work, project, marathon, "expired")
        move_up(work, marathon.id)
    elif project.remind_at is not None and project.remind_at <= work.now:
        project.remind_at = None
        write(work, project, marathon, "reminder")


def is_late(project: Project, now: datetime) -> bool:
    """Whether the time to confirm is over."""
    return project.confirm_by is not None and project.confirm_by <= now
