"""A place for every team, or why there is none (RULES P3): prepared, solved, kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.errors import Refusal
from services.chassis.work import Work
from services.venues import allocations, calls, fitting, seats, solver
from services.venues.tables import Allocation, Offer, Premises


def prepare(work: Work, marathon: str) -> dict[str, Any]:
    """The problem for ``solver.solve``. Raises ``Refusal`` "placing_closed", "dates_missing"."""
    work.actor.must("organiser", marathon)
    state = calls.found(work, marathon)
    calls.must_be_placing(state)
    teams = _to_place(work, marathon)
    offers = _approved(work, marathon)
    return {
        "teams": [team["id"] for team in teams],
        "offers": [
            {"id": offer.id, "seats": len(_seats(work, state, premises))}
            for offer, premises in offers
        ],
        "barred": {
            team["id"]: {
                offer.id: fitting.misfits(premises, team, *calls.interval(state))
                for offer, premises in offers
            }
            for team in teams
        },
        "cost": {
            team["id"]: {offer.id: fitting.discomfort(premises, team) for offer, premises in offers}
            for team in teams
        },
        "present": {row.project: row.offer for row in _movable(work, marathon)},
    }


def keep(work: Work, marathon: str, solved: dict[str, Any]) -> dict[str, Any]:
    """Keeps what was solved as proposals, in the stead of all earlier ones.

    Raises ``Refusal("changed_meanwhile")`` when teams or premises changed while it was solved.
    """
    state = calls.locked(work, marathon)
    problem = prepare(work, marathon)
    if solver.digest(problem) != solved["problem"]:
        raise Refusal(
            "changed_meanwhile",
            "Des équipes ou des locaux ont changé pendant le calcul.",
            "Recommencez.",
        )
    if not solved["possible"]:
        return _impossible(work, solved["conflict"])
    for old in allocations.of_marathon(work, marathon, "proposed"):
        work.session.delete(old)
    work.session.flush()
    moved = _propose(work, state, solved["places"], problem["present"])
    rows = allocations.of_marathon(work, marathon, "proposed", *allocations.STANDING)
    views = [allocations.view_of(work, row) for row in rows]
    return {"possible": True, "allocations": views, "moved": moved, "conflict": []}


def _propose(
    work: Work, state: calls.Marathon, places: dict[str, str], present: dict[str, str]
) -> list[str]:
    """Proposals for the teams that do not stay; answers those that would move."""
    free: dict[str, list[int]] = {}
    staying = [row for row in _movable(work, state["id"]) if places.get(row.project) == row.offer]
    for project, offer in sorted(places.items()):
        if present.get(project) == offer:
            continue
        row = work.session.get_one(Offer, offer)
        if offer not in free:
            free[offer] = _without(work, state, row, staying)
        allocations.propose(work, state, project, row, free[offer].pop(0))
    return sorted(p for p, offer in places.items() if present.get(p, offer) != offer)


def _without(
    work: Work, state: calls.Marathon, offer: Offer, staying: list[Allocation]
) -> list[int]:
    premises = work.session.get_one(Premises, offer.premises)
    kept = {row.seat for row in staying if row.offer == offer.id}
    return [seat for seat in _seats(work, state, premises) if seat not in kept]


def _impossible(work: Work, conflict: list[list[Any]]) -> dict[str, Any]:
    return {
        "possible": False,
        "allocations": [],
        "moved": [],
        "conflict": [_explained(work, *constraint) for constraint in conflict],
    }


def _explained(work: Work, kind: str, project: str | None, offer: str | None) -> dict[str, Any]:
    team = work.copy("project", project) if project else None
    row = work.session.get_one(Offer, offer) if offer else None
    premises = work.session.get_one(Premises, row.premises) if row else None
    sentence = fitting.sentence(kind, premises, team)
    return {"kind": kind, "project": project, "offer": offer, "sentence": sentence}


def _to_place(work: Work, marathon: str) -> list[fitting.Team]:
    """The teams without keys: those with keys stay where they are."""
    rows = allocations.of_marathon(work, marathon, "handed_over", "returned")
    settled = {row.project for row in rows}
    return [team for team in allocations.teams(work, marathon) if team["id"] not in settled]


def _approved(work: Work, marathon: str) -> list[tuple[Offer, Premises]]:
    query = select(Offer, Premises).join(Premises, Premises.id == Offer.premises)
    query = query.where(Offer.marathon == marathon, Offer.state == "approved")
    return [(row[0], row[1]) for row in work.session.execute(query.order_by(Offer.id))]


def _movable(work: Work, marathon: str) -> list[Allocation]:
    return allocations.of_marathon(work, marathon, "confirmed")


def _seats(work: Work, state: calls.Marathon, premises: Premises) -> list[int]:
    """The seats that are free, or would be if every team without keys got up."""
    movable = [row.id for row in _movable(work, state["id"])]
    return seats.free(work, premises, *calls.interval(state), movable)
