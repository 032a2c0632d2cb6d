"""Who can be voted for: the projects of a marathon, as registration last said them."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import select

from services.chassis.errors import Refusal
from services.chassis.tables import copies
from services.chassis.work import Work
from services.voting.tables import Poll

STANDING = frozenset({"confirmed", "checked_in"})


def projects_now(work: Work, marathon: str) -> list[dict[str, Any]]:
    """The projects that stand, with the versions heard: ``[{id, version}]`` by id."""
    versions = _versions(work, marathon)
    return [
        {"id": project["id"], "version": versions[project["id"]][1]}
        for project in work.copies("project", marathon)
        if project["status"] in STANDING
    ]


def standing(work: Work, poll: Poll) -> list[dict[str, Any]]:
    """The poll's candidates that can be voted for, by id."""
    listed = {entry["id"] for entry in poll.projects}
    return [
        project
        for project in work.copies("project", poll.marathon)
        if project["id"] in listed and project["status"] in STANDING
    ]


def spoilt(work: Work, poll: Poll) -> set[str]:
    """The candidates whose ballots are spoilt: withdrawn, disqualified, no-show (RULES V11)."""
    listed = {entry["id"] for entry in poll.projects}
    return listed - {project["id"] for project in standing(work, poll)}


def is_standing(work: Work, poll: Poll, project: str) -> bool:
    """Whether ``project`` can be voted for."""
    if project not in {entry["id"] for entry in poll.projects}:
        return False
    known = work.copy("project", project)
    return known is not None and known["status"] in STANDING


def must_stand(work: Work, poll: Poll, project: str) -> None:
    """Raises ``Refusal("project_not_votable")`` unless ``project`` can be voted for."""
    if not is_standing(work, poll, project):
        raise Refusal(
            "project_not_votable",
            "Ce projet n’est pas, ou plus, au nombre des candidats.",
            "Choisissez un autre projet.",
        )


def in_order_for(visitor: str, poll: str, projects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The projects in an order of the visitor's own, the same at every visit (RULES V6)."""

    def place(project: dict[str, Any]) -> bytes:
        return hashlib.sha256(f"{poll}\n{visitor}\n{project['id']}".encode()).digest()

    return sorted(projects, key=place)


def are_complete(work: Work, marathon: dict[str, Any]) -> bool:
    """Whether all that the marathon's state says of its projects has been heard.

    A withdrawal may still be under way when the marathon has ended; what is counted before it
    comes would be counted wrong for good.
    """
    heard = _versions(work, marathon["id"])
    epoch = _epoch_of(work, marathon["id"])
    return all(
        _has(heard.get(entry["id"]), epoch, entry["version"])
        for entry in marathon["projects"] or []
    )


def _has(heard: tuple[int, int] | None, epoch: int, version: int) -> bool:
    # Versions of different epochs can't be compared: registration was restored in between.
    return heard is not None and (heard[0] != epoch or heard[1] >= version)


def _versions(work: Work, marathon: str) -> dict[str, tuple[int, int]]:
    query = select(copies.c.subject, copies.c.epoch, copies.c.version).where(
        copies.c.kind == "project", copies.c.marathon == marathon
    )
    return {row.subject: (row.epoch, row.version) for row in work.session.execute(query)}


def _epoch_of(work: Work, marathon: str) -> int:
    found = work.session.scalar(
        select(copies.c.epoch).where(copies.c.kind == "marathon", copies.c.subject == marathon)
    )
    return found or 0
