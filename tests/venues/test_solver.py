"""Places for all teams at the least cost, or why there are none: RULES P3."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.venues import solver

KINDS = ("step_free", "water", "activity", "available")
TEAMS = ("a", "b", "c", "d")
OFFERS = ("w", "x", "y")


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    """Small problems: few teams and premises, bars of every kind."""
    teams = list(TEAMS[: draw(st.integers(0, len(TEAMS)))])
    offers = list(OFFERS[: draw(st.integers(0, len(OFFERS)))])
    kinds = st.lists(st.sampled_from(KINDS), max_size=2, unique=True)
    placed = [team for team in teams if draw(st.integers(0, 1)) and offers]
    return {
        "teams": teams,
        "offers": [{"id": offer, "seats": draw(st.integers(0, 3))} for offer in offers],
        "barred": {team: {offer: draw(kinds) for offer in offers} for team in teams},
        "cost": {team: {o: draw(st.integers(0, 99)) for o in offers} for team in teams},
        "present": {team: draw(st.sampled_from(offers)) for team in placed},
    }


def possible(problem: dict[str, Any], held: set[solver.Constraint]) -> list[dict[str, str]]:
    """All placings that the constraints allow, found by trying every one."""
    teams = [team for team in problem["teams"] if ("team", team, None) in held]
    seats = {offer["id"]: offer["seats"] for offer in problem["offers"]}
    found = []
    for places in itertools.product(seats, repeat=len(teams)):
        placing = dict(zip(teams, places, strict=True))
        if all(_allows(problem, held, team, offer) for team, offer in placing.items()) and all(
            ("capacity", None, offer) not in held or places.count(offer) <= seats[offer]
            for offer in seats
        ):
            found.append(placing)
    return found


def _allows(problem: dict[str, Any], held: set[Any], team: str, offer: str) -> bool:
    return not any(
        ((kind, team, None) if kind in solver.OF_TEAM else (kind, None, offer)) in held
        for kind in problem["barred"][team][offer]
    )


def everything(problem: dict[str, Any]) -> set[solver.Constraint]:
    """Every constraint that there may be."""
    offers = [offer["id"] for offer in problem["offers"]]
    of_teams = {(kind, t, None) for kind in ("team", *KINDS) for t in problem["teams"]}
    of_offers = {(kind, None, offer) for kind in ("capacity", *KINDS) for offer in offers}
    return of_teams | of_offers


def cost(problem: dict[str, Any], placing: dict[str, str]) -> tuple[int, int]:
    """Teams moved, then discomfort: in this order."""
    present = problem["present"]
    moved = sum(present.get(team, offer) != offer for team, offer in placing.items())
    return moved, sum(problem["cost"][team][offer] for team, offer in placing.items())


@given(problems())
def test_it_finds_a_placing_if_there_is_one_and_none_is_better(problem: dict[str, Any]) -> None:
    allowed = possible(problem, everything(problem))
    solved = solver.solve(problem)
    assert solved["possible"] == bool(allowed)
    if allowed:
        assert solved["places"] in allowed
        best = min(cost(problem, placing) for placing in allowed)
        assert cost(problem, solved["places"]) == best


@given(problems())
def test_of_what_can_not_hold_together_nothing_can_be_left_out(problem: dict[str, Any]) -> None:
    conflict = {tuple(one) for one in solver.solve(problem)["conflict"]}
    if possible(problem, everything(problem)):
        assert conflict == set()
        return
    assert not possible(problem, conflict)
    for one in conflict:
        assert possible(problem, conflict - {one})


@given(problems())
def test_the_same_problem_has_the_same_answer(problem: dict[str, Any]) -> None:
    assert solver.solve(problem) == solver.solve(problem)
