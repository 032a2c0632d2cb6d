"""Seats: proposed, confirmed, cancelled, keys out and back: RULES P2."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from tests.venues.stage import DAY, ENDS, MARATHON, NOBODY, STARTS, Stage, on_sqlite, premises, span

STRANGER = Actor("stranger", "Paul")


def test_a_seat_is_proposed_in_silence_and_said_when_confirmed(stage: Stage) -> None:
    stage.mobilised("wool")
    offer = stage.approved()
    seat = stage.proposed("wool", offer)
    assert "premises_allocated" not in stage.said()
    assert stage.call("list_allocations", NOBODY, marathon=MARATHON) == []

    shown = stage.call("confirm_allocation", stage.owner(), allocation=seat)

    assert (shown["status"], shown["seat"]) == ("confirmed", 1)
    state = stage.last("premises_allocated")
    assert state["address"] == "12 Rue de la Halle, 47500 Monsempron-Libos"
    assert (state["from_at"], state["to_at"]) == (STARTS.isoformat(), ENDS.isoformat())
    public = stage.call("list_allocations", NOBODY, marathon=MARATHON)
    assert [(one["project"], one["misfits"]) for one in public] == [("wool", None)]
    said = len(stage.said())
    stage.call("confirm_allocation", allocation=seat)
    assert len(stage.said()) == said


@on_sqlite
def test_a_team_is_not_put_where_it_does_not_fit(stage: Stage) -> None:
    stage.hear(stage.marathon_letter("mobilised"))
    needs = {"step_free": True, "water": True, "power": True, "surface_m2": 20}
    stage.hear(stage.project_letter("wool", needs=needs))
    poor: dict[str, Any] = {
        "step_free": "partly",
        "power": False,
        "water": False,
        "activities": ["couture"],
    }
    offer = stage.approved(**poor, available=[span(STARTS, ENDS - timedelta(minutes=1))])
    with pytest.raises(Refusal, match="does_not_fit") as caught:
        stage.proposed("wool", offer)
    kinds = ["step_free", "water", "power", "activity", "available"]
    assert caught.value.details["misfits"] == kinds


@on_sqlite
def test_premises_are_free_without_a_gap(stage: Stage) -> None:
    stage.mobilised("wool", "bakery")
    noon = STARTS + timedelta(hours=12)
    touching = [span(noon, ENDS), span(STARTS, noon)]
    gap = [span(STARTS, noon), span(noon + timedelta(minutes=1), ENDS)]
    stage.proposed("wool", stage.approved("Touchant", available=touching))
    assert (
        stage.refused(
            "allocate",
            marathon=MARATHON,
            project="bakery",
            offer=stage.approved("Troué", available=gap),
        )
        == "does_not_fit"
    )


@on_sqlite
def test_who_gets_no_place(stage: Stage) -> None:
    stage.mobilised("wool")
    waiting = stage.offered()
    asked: dict[str, Any] = {"marathon": MARATHON, "project": "wool", "offer": waiting}
    assert stage.refused("allocate", **asked) == "offer_not_approved"
    assert stage.refused("allocate", stage.owner(), **asked) == "forbidden"
    stage.call("decide_offer", offer=waiting, approve=True)
    assert stage.refused("allocate", **asked | {"project": "nobody"}) == "project_not_found"
    assert stage.refused("allocate", **asked | {"offer": "nowhere"}) == "offer_not_found"
    seat = stage.proposed("wool", waiting)
    stage.hear(stage.project_letter("wool", "withdrawn", reason="Fatigue"))
    assert stage.status(seat) == "cancelled"
    assert stage.refused("allocate", **asked) == "team_not_placed"
    stage.hear(stage.marathon_letter("ended"))
    assert stage.refused("allocate", **asked) == "placing_closed"


def test_premises_have_as_many_seats_as_they_have(stage: Stage) -> None:
    stage.mobilised("wool", "bakery", "garden")
    offer = stage.approved(capacity=2)
    seats = [stage.confirmed("wool", offer), stage.confirmed("bakery", offer)]
    assert [stage.allocation(seat)["seat"] for seat in seats] == [1, 2]
    asked: dict[str, Any] = {"marathon": MARATHON, "project": "garden", "offer": offer}
    assert stage.refused("allocate", **asked) == "no_seat_left"
    stage.call("cancel_allocation", stage.owner(), allocation=seats[0], reason="Travaux")
    assert stage.last("premises_released")["status"] == "cancelled"
    assert stage.allocation(stage.confirmed("garden", offer))["seat"] == 1


def test_a_team_that_moves_gives_its_old_seat_up(stage: Stage) -> None:
    stage.mobilised("wool")
    old = stage.confirmed("wool", stage.approved("Atelier"))
    new = stage.confirmed("wool", stage.approved("Boutique"))
    assert (stage.status(old), stage.status(new)) == ("cancelled", "confirmed")
    assert stage.said()[-2:] == ["premises_released", "premises_allocated"]


def test_two_teams_change_places_at_once(stage: Stage) -> None:
    stage.mobilised("wool", "bakery")
    atelier, boutique = (
        stage.approved("Atelier", capacity=2),
        stage.approved("Boutique", capacity=2),
    )
    stage.confirmed("wool", atelier)
    stage.confirmed("bakery", boutique)
    stage.proposed("wool", boutique)
    stage.proposed("bakery", atelier)
    stage.call("confirm_all", marathon=MARATHON)
    assert stage.where() == {"wool": boutique, "bakery": atelier}


def test_confirming_all_is_all_or_nothing(stage: Stage) -> None:
    stage.mobilised("wool", "bakery")
    atelier, boutique = stage.approved("Atelier"), stage.approved("Boutique")
    stage.proposed("wool", atelier)
    stage.proposed("bakery", boutique)
    stage.call("change_premises", offer=boutique, capacity=2)
    assert stage.refused("confirm_all", marathon=MARATHON) == "offer_not_approved"
    assert stage.where() == {}


@on_sqlite
def test_declined_and_cancelled(stage: Stage) -> None:
    stage.mobilised("wool")
    seat = stage.proposed("wool", stage.approved())
    asked: dict[str, Any] = {"allocation": seat, "reason": "Bruit"}
    assert stage.refused("decline_allocation", STRANGER, **asked) == "forbidden"
    declined = stage.call("decline_allocation", stage.owner(), **asked)
    assert (declined["status"], declined["reason"]) == ("declined", "Bruit")
    assert stage.said() == ["premises_offered", "premises_offered"]
    for door in ("confirm_allocation", "hand_over", "return_keys"):
        assert stage.refused(door, allocation=seat) == "allocation_move_impossible"
    assert stage.refused("cancel_allocation", **asked) == "allocation_move_impossible"


def test_keys_go_out_and_come_back(stage: Stage) -> None:
    stage.mobilised("wool")
    offer = stage.approved()
    seat = stage.confirmed("wool", offer)
    assert stage.refused("hand_over", STRANGER, allocation=seat) == "forbidden"
    stage.hear(stage.marathon_letter("running"))
    stage.call("hand_over", stage.owner(), allocation=seat)
    stage.call("hand_over", stage.owner(), allocation=seat)
    assert stage.refused("cancel_allocation", allocation=seat, reason="Non") == (
        "allocation_move_impossible"
    )
    stage.hear(stage.marathon_letter("ended"))
    assert stage.allocation(seat)["keys_due"]
    back = stage.call("return_keys", allocation=seat)
    assert (back["status"], back["keys_due"]) == ("returned", False)
    assert back["keys_out_at"] and back["keys_back_at"]
    allocated = [one["data"]["status"] for one in stage.venues.said("premises_allocated")]
    assert allocated == ["confirmed", "handed_over", "returned"]


def test_a_team_with_keys_is_not_moved(stage: Stage) -> None:
    stage.mobilised("wool")
    stage.call("hand_over", allocation=stage.confirmed("wool", stage.approved("Atelier")))
    elsewhere = stage.proposed("wool", stage.approved("Boutique"))
    assert stage.refused("confirm_allocation", allocation=elsewhere) == "keys_are_out"


def test_two_confirmations_at_once_never_both_win_a_seat(stage: Stage) -> None:
    """Two marathons at one time, one place: only the constraint stands between them."""
    other = "vallee-du-lot-2023-2"
    stage.mobilised("wool")
    stage.hear(stage.marathon_letter("mobilised", other))
    stage.hear(stage.project_letter("bakery", marathon=other))
    here = stage.approved()
    there = stage.call("offer_premises", marathon=other, **premises())["id"]
    stage.call("decide_offer", offer=there, approve=True, despite_collisions=True)
    seats = [
        stage.call("allocate", marathon=marathon, project=project, offer=offer)["id"]
        for marathon, project, offer in ((MARATHON, "wool", here), (other, "bakery", there))
    ]

    outcomes = at_once(*(_confirming(stage, seat) for seat in seats))

    assert sorted(outcomes) == ["confirmed", "no_seat_left"]
    taken = stage.rows()["occupied"]
    assert len(taken) == 36 * 4


def _confirming(stage: Stage, seat: str) -> Any:
    def run() -> str:
        try:
            return str(stage.call("confirm_allocation", allocation=seat)["status"])
        except Refusal as refusal:
            return refusal.code

    return run


def at_once(*runs: Any) -> list[str]:
    """What each answers, all started together."""
    gate = threading.Barrier(len(runs))
    answers: list[str] = []

    def one(run: Any) -> None:
        gate.wait()
        answers.append(run())

    threads = [threading.Thread(target=one, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_seat_moves_in_time_with_its_marathon(stage: Stage) -> None:
    stage.mobilised("wool")
    seat = stage.confirmed("wool", stage.approved())
    later = {"starts_at": STARTS + DAY / 2, "ends_at": ENDS + DAY / 2}
    moved = {name: instant.isoformat() for name, instant in later.items()}
    stage.hear(stage.marathon_letter("mobilised", **moved))
    shown = stage.allocation(seat)
    assert (shown["from_at"], shown["misfits"]) == (moved["starts_at"], [])
    assert stage.last("premises_allocated")["to_at"] == moved["ends_at"]
    assert len(stage.rows()["occupied"]) == 36 * 4
    too_late = {name: (instant + 2 * DAY).isoformat() for name, instant in later.items()}
    stage.hear(stage.marathon_letter("mobilised", **too_late))
    assert stage.allocation(seat)["misfits"] == [
        "« Ancienne mercerie » n’est pas libre pendant tout le marathon."
    ]
