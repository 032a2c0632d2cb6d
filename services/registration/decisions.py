"""Decisions on projects: secret, then published together, then confirmed in time (RULES R1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from services.chassis.errors import Refusal
from services.chassis.work import Work
from services.registration import marathons, places, projects, stages
from services.registration.tables import Marathon, Project


def decide(work: Work, project: str, decision: str) -> dict[str, Any]:
    """Decides on a submitted project, in secret; until it is published it can be changed.

    A project on the waiting list that is accepted gets its place at once. Raises
    ``Refusal`` "project_move_impossible" or "places_exceeded".
    """
    row, marathon = stages.locked(work, project)
    work.actor.must("organiser", row.marathon)
    stages.must_be_at(marathon, stages.OPEN)
    if row.status == "waitlisted":
        _take_from_list(work, row, marathon, decision)
    else:
        if row.status != "decided":
            stages.enter(work, row, "decided")
        row.queue = _place_in_queue(work, row, decision)
    row.decision, row.decided_at = decision, work.now
    return projects.view_of(work, row)


def _take_from_list(work: Work, project: Project, marathon: Marathon, decision: str) -> None:
    if decision != "accepted":
        stages.must_lead_to(work, project, decision)
    places.must_have_room(work, marathon, 1)
    places.offer(work, project, marathon, "moved_up")


def _place_in_queue(work: Work, project: Project, decision: str) -> int | None:
    """The end of the waiting list; who is on it already keeps the place."""
    if decision != "waitlisted":
        return None
    if project.queue is not None:
        return project.queue
    last = select(func.max(Project.queue)).where(Project.marathon == project.marathon)
    return (work.session.scalar(last) or 0) + 1


def publish(work: Work, marathon: str) -> dict[str, Any]:
    """Publishes all decisions together and writes to every holder (RULES R1).

    Projects on which nothing is decided stay as they are. Raises ``Refusal``
    "nothing_to_publish" or "places_exceeded"; then nothing is published.
    """
    work.actor.must("organiser", marathon)
    row = marathons.locked(work, marathon)
    stages.must_be_at(row, stages.OPEN)
    decided = _in_status(work, marathon, "decided")
    if not decided:
        raise Refusal("nothing_to_publish", "Aucune décision n’attend d’être publiée.")
    places.must_have_room(work, row, sum(p.decision == "accepted" for p in decided))
    for project in decided:
        _announce(work, project, row)
    return {
        "marathon": marathon,
        "undecided": len(_in_status(work, marathon, "submitted")),
        **_by_decision(decided),
    }


def _in_status(work: Work, marathon: str, status: str) -> list[Project]:
    query = select(Project).where(Project.marathon == marathon, Project.status == status)
    query = query.order_by(Project.created_at, Project.id)
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def _announce(work: Work, project: Project, marathon: Marathon) -> None:
    project.published_at = work.now
    decision = project.decision or "refused"
    if decision == "accepted":
        places.offer(work, project, marathon, "accepted")
    else:
        stages.enter(work, project, decision)
        places.write(work, project, marathon, decision)


def _by_decision(decided: Sequence[Project]) -> dict[str, list[str]]:
    return {
        decision: [project.id for project in decided if project.decision == decision]
        for decision in ("accepted", "waitlisted", "refused")
    }


def confirm(work: Work, project: str) -> dict[str, Any]:
    """Confirms that an accepted team comes; it gets its number, and everybody hears of it.

    Raises ``Refusal("confirmation_too_late")`` once the time is over.
    """
    row, marathon = stages.locked(work, project)
    stages.must_run(work, row)
    stages.must_be_at(marathon, stages.OPEN)
    stages.must_lead_to(work, row, "confirmed")
    if places.is_late(row, work.now):
        raise Refusal(
            "confirmation_too_late",
            "Le délai pour confirmer est passé : la place est allée à un autre projet.",
        )
    numbers = select(func.max(Project.team_number)).where(Project.marathon == row.marathon)
    row.team_number = (work.session.scalar(numbers) or 0) + 1
    row.confirm_by = row.remind_at = None
    stages.enter(work, row, "confirmed")
    return projects.view_of(work, row)
