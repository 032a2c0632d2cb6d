"""Offers of premises: RULES P1 and P2."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from tests.venues.stage import DAY, ENDS, MARATHON, NOBODY, STARTS, Stage, on_sqlite, premises, span

OTHER = "vallee-du-lot-2023-2"
STRANGER = Actor("stranger", "Paul")


def test_an_offer_is_kept_said_without_contact_and_approved(stage: Stage) -> None:
    stage.mobilised()
    asked = premises()
    made = stage.call("offer_premises", stage.owner(), marathon=MARATHON, **asked)
    assert made["state"] == "offered"
    assert made["contact"]["email"] == "odile@example.org"
    assert made["public_address"] == "12 Rue de la Halle, 47500 Monsempron-Libos"
    assert made["available"] == [span(STARTS - DAY, ENDS + DAY)]

    stage.call("decide_offer", offer=made["id"], approve=True)

    state = stage.last("premises_offered")
    assert (state["state"], state["capacity"], state["insee"]) == ("approved", 1, "47179")
    assert "odile" not in repr(stage.venues.said())
    assert "0500000000" not in repr(stage.venues.said())


@on_sqlite
def test_the_call_is_open_from_mobilisation_to_the_start(stage: Stage) -> None:
    def offer(actor: Actor) -> str:
        return stage.refused("offer_premises", actor, marathon=MARATHON, **premises())

    assert offer(stage.owner()) == "marathon_not_found"
    stage.hear(stage.marathon_letter("announced"))
    assert offer(stage.owner()) == "call_not_open"
    stage.hear(stage.marathon_letter("mobilised"), stage.marathon_letter("running"))
    assert offer(stage.owner()) == "call_not_open"
    # Premises may drop out at the last moment: the organiser adds others.
    stage.offered()
    stage.hear(stage.marathon_letter("cancelled"))
    assert offer(stage.owner()) == "marathon_over"


@on_sqlite
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"capacity": 0}, "request_invalid"),
        ({"available": []}, "request_invalid"),
        ({"available": [span(ENDS, STARTS)]}, "request_invalid"),
        ({"step_free": "maybe"}, "request_invalid"),
        ({"address": premises()["address"] | {"insee": "75056"}}, "commune_unknown"),
        ({"address": premises()["address"] | {"postal_code": "47000"}}, "postal_code_wrong"),
        ({"owner": {"name": "O", "email": "nowhere"}}, "email_invalid"),
    ],
)
def test_wrong_values_are_refused(stage: Stage, changes: dict[str, Any], code: str) -> None:
    stage.mobilised()
    assert stage.refused("offer_premises", marathon=MARATHON, **premises(**changes)) == code


@on_sqlite
def test_one_offers_ones_own_premises_alone(stage: Stage) -> None:
    stage.mobilised()
    for actor in (STRANGER, NOBODY):
        refused = stage.refused("offer_premises", actor, marathon=MARATHON, **premises())
        assert refused == "forbidden"


@on_sqlite
def test_everybody_sees_approved_offers_without_their_owner(stage: Stage) -> None:
    stage.mobilised()
    waiting, shown = stage.offered("Atelier"), stage.approved("Boutique")

    def seen(actor: Actor) -> dict[str, Any]:
        return {one["id"]: one for one in stage.call("list_premises", actor, marathon=MARATHON)}

    assert seen(NOBODY).keys() == {shown}
    assert seen(NOBODY)[shown]["contact"] is None
    assert seen(NOBODY)[shown]["collisions"] is None
    assert seen(stage.owner()).keys() == {waiting, shown}
    assert stage.refused("get_premises", STRANGER, offer=waiting) == "offer_not_found"
    assert stage.call("get_premises", stage.owner(), offer=waiting)["contact"]["name"]


@on_sqlite
def test_a_decision_is_the_organisers_and_a_refusal_says_why(stage: Stage) -> None:
    stage.mobilised()
    offer = stage.offered()
    assert stage.refused("decide_offer", stage.owner(), offer=offer, approve=True) == "forbidden"
    assert stage.refused("decide_offer", offer=offer, approve=False) == "reason_missing"
    refused = stage.call("decide_offer", offer=offer, approve=False, reason="Toiture")
    assert (refused["state"], refused["reason"]) == ("refused", "Toiture")
    said = len(stage.said())
    stage.call("decide_offer", offer=offer, approve=False, reason="Toiture")
    assert len(stage.said()) == said
    assert stage.refused("decide_offer", offer=offer, approve=True) == "offer_decided"
    # Mended and offered again, it is the same offer.
    assert stage.offered() == offer


@on_sqlite
def test_an_approval_that_collides_is_warned_of_before(stage: Stage) -> None:
    stage.mobilised()
    stage.hear(stage.marathon_letter("mobilised", OTHER))
    stage.approved()
    other = stage.call("offer_premises", marathon=OTHER, **premises())
    assert [one["marathon"] for one in other["collisions"]] == [MARATHON]
    asked: dict[str, Any] = {"offer": other["id"], "approve": True}
    assert stage.refused("decide_offer", **asked) == "offer_collides"
    approved = stage.call("decide_offer", **asked, despite_collisions=True)
    assert approved["state"] == "approved"


@on_sqlite
def test_marathons_that_meet_at_an_instant_do_not_collide(stage: Stage) -> None:
    stage.mobilised()
    later = {"starts_at": ENDS.isoformat(), "ends_at": (ENDS + DAY).isoformat()}
    stage.hear(stage.marathon_letter("mobilised", OTHER, **later))
    stage.approved()
    assert stage.call("offer_premises", marathon=OTHER, **premises())["collisions"] == []


@on_sqlite
def test_the_same_premises_offered_twice(stage: Stage) -> None:
    stage.mobilised()
    stage.offered()
    again = stage.refused("offer_premises", marathon=MARATHON, **premises())
    assert again == "already_offered"


def test_a_change_of_what_matters_goes_back_to_approval(stage: Stage) -> None:
    stage.mobilised("wool")
    offer = stage.approved()
    seat = stage.confirmed("wool", offer)
    same = stage.call("change_premises", stage.owner(), offer=offer, title="Mercerie", power=True)
    assert same["state"] == "approved"
    changed = stage.call("change_premises", stage.owner(), offer=offer, power=False)
    assert changed["state"] == "offered"
    assert stage.last("premises_offered")["state"] == "offered"
    # The team stays where it is until the organiser has decided.
    assert stage.status(seat) == "confirmed"
    assert stage.refused("change_premises", STRANGER, offer=offer, power=True) == "forbidden"


def test_a_change_shows_what_no_longer_fits(stage: Stage) -> None:
    stage.hear(stage.marathon_letter("mobilised"))
    needs = {"step_free": False, "water": False, "power": True, "surface_m2": 20}
    stage.hear(stage.project_letter("wool", needs=needs))
    offer = stage.approved()
    seat = stage.confirmed("wool", offer)
    stage.call("change_premises", offer=offer, power=False)
    assert stage.allocation(seat)["misfits"] == ["L’équipe 2 « Wool » a besoin d’électricité."]
    stage.call("change_premises", offer=offer, power=True)
    assert stage.allocation(seat)["misfits"] == []


def test_a_withdrawn_offer_gives_its_seats_back(stage: Stage) -> None:
    stage.mobilised("wool", "bakery")
    offer = stage.approved(capacity=2)
    seat, hoped = stage.confirmed("wool", offer), stage.proposed("bakery", offer)
    stage.call("withdraw_offer", stage.owner(), offer=offer, reason="Vendu")
    assert stage.last("premises_offered")["state"] == "withdrawn"
    assert (stage.status(seat), stage.status(hoped)) == ("cancelled", "cancelled")
    # Of a proposal nobody had heard.
    assert stage.said().count("premises_released") == 1
    assert stage.rows()["occupied"] == []


@on_sqlite
def test_an_offer_whose_keys_are_out_stays(stage: Stage) -> None:
    stage.mobilised("wool")
    offer = stage.approved()
    stage.call("hand_over", allocation=stage.confirmed("wool", offer))
    asked: dict[str, Any] = {"offer": offer, "reason": "Vendu"}
    assert stage.refused("withdraw_offer", stage.owner(), **asked) == "keys_are_out"


@on_sqlite
def test_an_erased_owner_leaves_no_contact(stage: Stage) -> None:
    stage.mobilised("wool")
    used, unused = stage.approved("Atelier"), stage.approved("Boutique")
    stage.confirmed("wool", used)
    key = stage.owner().key
    assert key is not None
    stage.troupe.clock.move_by(DAY)
    erasure = stage.erasure_letter(key)
    later = stage.offered("Cave")

    stage.hear(erasure)

    offers = {one["id"]: one for one in stage.call("list_premises", marathon=MARATHON)}
    assert [offers[one]["state"] for one in (used, unused)] == ["approved", "withdrawn"]
    assert (offers[used]["contact"], offers[unused]["contact"]) == (None, None)
    # Offered in the instant of the erasure or before: gone. Offered after it: kept.
    assert offers[later]["contact"] is None
    stage.troupe.clock.move_by(DAY)
    kept = stage.call("get_premises", offer=stage.offered("Cave"))
    stage.hear(stage.letter("registration", "person_erased", "person", key, erasure["data"]))
    assert kept["contact"] is not None
    with pytest.raises(Refusal, match="not_found"):
        stage.call("get_premises", offer="nowhere")
