"""A place for every team, or the constraints that can't hold together: RULES P3."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis import offload
from services.chassis.errors import Refusal
from tests.venues.stage import MARATHON, Stage, on_sqlite

NEEDS = {"step_free": False, "water": False, "power": False, "surface_m2": 20}


def proposal(stage: Stage) -> dict[str, Any]:
    """What the organiser is proposed."""
    return dict(stage.call("propose_allocation", marathon=MARATHON))


def test_every_team_gets_a_place_that_fits(stage: Stage) -> None:
    stage.mobilised("wool", "bakery")
    stage.hear(stage.project_letter("pottery", needs=NEEDS | {"water": True}))
    wet = stage.approved("Lavoir", capacity=1)
    dry = stage.approved("Grange", capacity=2, water=False)
    made = proposal(stage)
    assert made["possible"]
    where = {one["project"]: (one["offer"], one["seat"]) for one in made["allocations"]}
    assert where["pottery"] == (wet, 1)
    assert {where["wool"], where["bakery"]} == {(dry, 1), (dry, 2)}
    stage.call("confirm_all", marathon=MARATHON)
    assert stage.where() == {"wool": dry, "bakery": dry, "pottery": wet}
    # Asked again, nobody moves and nothing new is proposed.
    again = proposal(stage)
    assert again["moved"] == []
    assert {one["status"] for one in again["allocations"]} == {"confirmed"}


def test_when_premises_drop_out_as_few_as_possible_move(stage: Stage) -> None:
    stage.mobilised("wool", "bakery", "garden")
    offers = [stage.approved(title) for title in ("Atelier", "Boutique", "Cave", "Dépôt")]
    seats = {
        project: stage.confirmed(project, offer)
        for project, offer in zip(("wool", "bakery", "garden"), offers, strict=False)
    }
    stage.call("withdraw_offer", offer=offers[0], reason="Vendu")
    made = proposal(stage)
    assert made["moved"] == []
    assert [one["project"] for one in made["allocations"] if one["status"] == "proposed"] == [
        "wool"
    ]
    stage.call("confirm_all", marathon=MARATHON)
    assert stage.where() == {"wool": offers[3], "bakery": offers[1], "garden": offers[2]}
    assert stage.status(seats["wool"]) == "cancelled"


@on_sqlite
def test_teams_with_keys_stay_and_their_seats_are_taken(stage: Stage) -> None:
    stage.mobilised("wool", "bakery")
    offer = stage.approved(capacity=2)
    stage.call("hand_over", allocation=stage.confirmed("wool", offer))
    made = proposal(stage)
    assert [one["seat"] for one in made["allocations"] if one["project"] == "bakery"] == [2]


@on_sqlite
def test_what_can_not_hold_together_is_named(stage: Stage) -> None:
    stage.mobilised("wool", "bakery")
    stage.hear(stage.project_letter("garden", needs=NEEDS | {"step_free": True}))
    stage.approved("Étage", capacity=9, step_free="no")
    made = proposal(stage)
    assert (made["possible"], made["allocations"]) == (False, [])
    assert sorted(one["sentence"] for one in made["conflict"]) == [
        "L’équipe 4 « Garden » a besoin d’un accès de plain-pied.",
        "L’équipe 4 « Garden » doit avoir une place.",
    ]


@on_sqlite
def test_too_few_seats_are_named_with_the_teams_that_want_them(stage: Stage) -> None:
    stage.mobilised("wool", "bakery")
    stage.approved("Atelier")
    kinds = sorted(one["kind"] for one in proposal(stage)["conflict"])
    assert kinds == ["capacity", "team", "team"]


@on_sqlite
def test_without_teams_there_is_nothing_to_place(stage: Stage) -> None:
    stage.mobilised()
    assert proposal(stage) == {"possible": True, "allocations": [], "moved": [], "conflict": []}


@on_sqlite
def test_what_changed_while_it_was_solved_is_noticed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.mobilised("wool")
    stage.approved()

    def compute(worker: str, payload: Any) -> Any:
        solved = run_here(worker, payload)
        stage.hear(stage.project_letter("bakery"))
        return solved

    run_here = offload.run_here
    monkeypatch.setattr(offload, "run_here", compute)
    with pytest.raises(Refusal, match="changed_meanwhile"):
        proposal(stage)
    assert stage.rows()["allocations"] == []


@on_sqlite
def test_it_is_the_organisers_and_for_marathons_under_way(stage: Stage) -> None:
    asked: dict[str, Any] = {"marathon": MARATHON}
    assert stage.refused("propose_allocation", **asked) == "marathon_not_found"
    stage.hear(stage.marathon_letter("announced", starts_at=None, ends_at=None))
    assert stage.refused("propose_allocation", **asked) == "placing_closed"
    stage.hear(stage.marathon_letter("mobilised"))
    assert stage.refused("propose_allocation", stage.owner(), **asked) == "forbidden"


def test_the_solver_runs_in_a_child_process() -> None:
    problem = {"teams": ["a"], "offers": [{"id": "x", "seats": 1}], "barred": {"a": {"x": []}}}
    problem |= {"cost": {"a": {"x": 0}}, "present": {}}
    assert offload.run("services.venues.solver:solve", problem)["places"] == {"a": "x"}
