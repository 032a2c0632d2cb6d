"""On the spot: who is here, who did not come, who is out (RULES R1)."""

from __future__ import annotations

from typing import Any

from services.chassis.work import Work
from services.registration import projects, stages
from services.registration.tables import Project


def check_in(work: Work, project: str) -> dict[str, Any]:
    """The team is here."""
    row = _on_the_spot(work, project)
    stages.enter(work, row, "checked_in")
    return projects.view_of(work, row)


def no_show(work: Work, project: str) -> dict[str, Any]:
    """The team did not come: it is out, for good."""
    row = _on_the_spot(work, project)
    projects.leave(work, row, "no_show", None)
    return projects.view_of(work, row)


def disqualify(work: Work, project: str, reason: str) -> dict[str, Any]:
    """The team is out, for a reason in writing, until the marathon has ended."""
    row = _on_the_spot(work, project)
    projects.leave(work, row, "disqualified", reason)
    return projects.view_of(work, row)


def _on_the_spot(work: Work, project: str) -> Project:
    row, marathon = stages.locked(work, project)
    work.actor.must("organiser", row.marathon)
    stages.must_be_at(marathon, stages.ON_THE_SPOT)
    return row
