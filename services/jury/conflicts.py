"""Conflicts of interest that need nobody's word to be found (RULES J4). Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# An allocation that was confirmed makes its owner a party, also after the keys are back.
HELD = frozenset({"confirmed", "handed_over", "returned", "released"})

REASONS = {
    "member": "Membre de l’équipe.",
    "owner": "Propriétaire du local de l’équipe, ou de la même structure que lui.",
    "employer": "Même structure (SIREN) que l’équipe.",
}


@dataclass(frozen=True)
class Juror:
    """A juror as far as conflicts go."""

    key: str
    sirens: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, order=True)
class Conflict:
    """Why a juror may not score a project: "member", "owner" or "employer"."""

    juror: str
    project: str
    cause: str


def found(
    jurors: Iterable[Juror],
    projects: Iterable[Mapping[str, Any]],
    allocations: Iterable[Mapping[str, Any]],
) -> set[Conflict]:
    """All conflicts between jurors and projects, given where the teams are placed."""
    owners: dict[str, list[Mapping[str, Any]]] = {}
    for allocation in allocations:
        if allocation["status"] in HELD:
            owners.setdefault(allocation["project"], []).append(allocation)
    every = list(jurors)
    return {
        Conflict(juror.key, project["id"], cause)
        for project in projects
        for juror in every
        for cause in _causes(juror, project, owners.get(project["id"], []))
    }


def _causes(
    juror: Juror, project: Mapping[str, Any], allocations: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    if juror.key in (project["holder_key"], *project["member_keys"]):
        yield "member"
    if project["siren"] in juror.sirens:
        yield "employer"
    if any(
        allocation["owner_key"] == juror.key or allocation["owner_siren"] in juror.sirens
        for allocation in allocations
    ):
        yield "owner"
