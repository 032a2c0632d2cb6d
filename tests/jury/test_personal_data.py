"""What the jury shows of somebody: their own cards in all versions, nobody else's (D2, J5)."""

from __future__ import annotations

from services.chassis.actor import Actor
from tests.jury.stage import MARATHON, ORGANISER, START, Stage, juror


def test_a_juror_sees_all_versions_of_their_own_cards(stage: Stage) -> None:
    stage.running()
    stage.score("anne", "bakery", overall=6)
    stage.score("anne", "bakery", overall=8)
    stage.score("bruno", "bakery", overall=1)
    cards = stage.call("my_data", juror("anne"))["cards"]
    assert [(one["marathon"], one["project"], one["version"], one["values"]) for one in cards] == [
        (MARATHON, "bakery", 1, {"overall": "6"}),
        (MARATHON, "bakery", 2, {"overall": "8"}),
    ]
    assert cards[0]["submitted_at"] == START.isoformat()


def test_what_was_heard_of_their_role_is_shown(stage: Stage) -> None:
    stage.mobilised()
    assert stage.call("my_data", juror("anne"))["role_copies"] == [
        {
            "role": "juror",
            "marathon": MARATHON,
            "status": "granted",
            "display_name": "Anne",
            "organisation": "Mairie",
        }
    ]


def test_recusals_are_shown_to_whom_they_concern_and_who_declared_them(stage: Stage) -> None:
    stage.running()
    asked = {"marathon": MARATHON, "project": "wool", "reason": "Cousine", "juror_key": "anne"}
    stage.call("recuse", ORGANISER, **asked)
    [hers] = stage.call("my_data", juror("anne"))["recusals"]
    assert (hers["project"], hers["cause"], hers["reason"]) == ("wool", "declared", "Cousine")
    assert stage.call("my_data", juror("bruno"))["recusals"] == []
    [declared] = stage.call("my_data", ORGANISER)["recusals_declared"]
    assert declared["project"] == "wool"


def test_an_erased_juror_s_cards_stay_without_a_name(stage: Stage) -> None:
    stage.running()
    stage.score("anne", "bakery", overall=6)
    stage.hear(stage.erasure_letter("anne"))
    held = stage.call("my_data", juror("anne"))
    assert [one["values"] for one in held["cards"]] == [{"overall": "6"}]
    assert [one["display_name"] for one in held["role_copies"]] == [""]


def test_who_has_nothing_to_do_with_it_is_nowhere(stage: Stage) -> None:
    stage.running()
    stage.score("anne", "bakery", overall=6)
    held = stage.call("my_data", Actor("somebody-else"))
    assert {name: value for name, value in held.items() if value} == {}


def test_a_machine_has_no_data(stage: Stage) -> None:
    assert stage.refused("my_data", Actor(None, "machine")) == "person_missing"
