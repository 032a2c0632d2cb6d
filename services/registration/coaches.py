"""Coaches, paired with teams; a coach may have several (RULES R4)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.database import insert
from services.chassis.errors import NotFound
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.registration import marathons, stages
from services.registration.tables import Pairing, Project, Role


def pair(work: Work, project: str, role_id: str) -> dict[str, Any]:
    """Pairs a coach with a team; doing it again changes nothing.

    Raises ``NotFound("coach")`` for a role that is not a coach's in this marathon.
    """
    row, _marathon = stages.locked(work, project)
    work.actor.must("organiser", row.marathon)
    coach = work.session.get(Role, role_id, populate_existing=True)
    if coach is None or not _coaches(coach, row.marathon):
        raise NotFound("coach", role_id)
    paired = insert(work.session, Pairing.__table__)  # type: ignore[arg-type]  # it is a Table
    paired = paired.values(project=project, role=role_id, paired_at=work.now)
    work.session.execute(paired.on_conflict_do_nothing())
    return _view_of(work, coach, _shown(work, row.marathon))


def _coaches(role: Role, marathon: str) -> bool:
    return (role.role, role.marathon, role.status) == ("coach", marathon, "granted")


def list_coaches(work: Work, marathon: str, page: Page) -> Answer:
    """The coaches of a marathon and, of their teams, those that the asker may know of."""
    marathons.public_view(work, marathon)
    query = select(Role).where(Role.role == "coach", Role.marathon == marathon)
    query = query.where(Role.status == "granted")
    shown = _shown(work, marathon)
    order = (Role.granted_at, Role.id)
    return page.rows(work.session, query, order, lambda coach: _view_of(work, coach, shown))


def _shown(work: Work, marathon: str) -> set[str]:
    query = select(Project).where(Project.marathon == marathon)
    rows = work.session.scalars(query)
    return {row.id for row in rows if stages.is_public(row) or stages.belongs(work, row)}


def _view_of(work: Work, coach: Role, shown: set[str]) -> dict[str, Any]:
    query = select(Pairing.project).where(Pairing.role == coach.id)
    teams = work.session.scalars(query.order_by(Pairing.paired_at, Pairing.project))
    return {
        "role_id": coach.id,
        "display_name": coach.display_name,
        "organisation": coach.organisation,
        "projects": [team for team in teams if team in shown],
    }
