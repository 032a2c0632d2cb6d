"""Several who edit one thing: two organisers, or one juror with two devices."""

from __future__ import annotations

from typing import Any

from tests.edits import Editor
from tests.jury.stage import JURORS, MARATHON, Stage, juror
from tests.jury.test_concurrency import at_once

CARD = {"marathon": MARATHON, "project": "wool"}


def test_a_card_from_another_device_is_not_overwritten(stage: Stage) -> None:
    stage.running()
    anne = Editor(stage.jury, juror("anne"))
    empty = anne.look("my_scorecard", **CARD)
    first = anne.edit(empty, "submit_scorecard", **CARD, values={"overall": 7})
    # The other device still shows no card.
    again: dict[str, Any] = {**CARD, "values": {"overall": 2}}
    assert anne.edit(empty, "submit_scorecard", **again) == "changed_meanwhile"
    assert first == anne.look("my_scorecard", **CARD)
    shown = stage.call("my_scorecard", juror("anne"), **CARD)
    assert [version["values"] for version in shown["versions"]] == [{"overall": 7}]
    assert len(anne.edit(first, "submit_scorecard", **again)) == 32


def test_of_two_devices_at_once_one_wins(stage: Stage) -> None:
    stage.running()
    anne = Editor(stage.jury, juror("anne"))
    tag = anne.look("my_scorecard", **CARD)
    found = at_once(
        *[lambda: anne.edit(tag, "submit_scorecard", **CARD, values={"overall": 5})] * 3
    )
    assert sorted(found)[1:] == ["changed_meanwhile"] * 2
    assert len(stage.call("my_scorecard", juror("anne"), **CARD)["versions"]) == 1


def test_cards_of_others_change_no_tag_of_ones_own(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.running()
    anne = Editor(stage.jury, juror("anne"))
    tag = anne.look("my_scorecard", **CARD)
    stage.score("bruno", "wool", overall=3)
    assert anne.look("my_scorecard", **CARD) == tag
    assert anne.edit("0" * 32, "submit_scorecard", **CARD, abstain=True) == "changed_meanwhile"


def test_a_project_that_is_not_scored_has_no_card(stage_on_sqlite: Stage) -> None:
    stage_on_sqlite.running()
    asked = {"marathon": MARATHON, "project": "nowhere"}
    assert stage_on_sqlite.refused("my_scorecard", juror("anne"), **asked) == "project_not_found"


def test_of_two_grids_the_first_wins_and_its_answer_names_it(stage: Stage) -> None:
    stage.mobilised()
    organiser = Editor(stage.jury)
    tag = organiser.look("get_grid", marathon=MARATHON)

    def grid(label: str) -> dict[str, Any]:
        return {"marathon": MARATHON, "criteria": [{"id": "idea", "label": label}]}

    found = at_once(
        *[lambda each=each: organiser.edit(tag, "set_grid", **grid(each)) for each in "AB"]
    )
    assert "changed_meanwhile" in found
    winner = "AB"[1 - found.index("changed_meanwhile")]
    assert stage.call("get_grid", marathon=MARATHON)["criteria"][0]["label"] == winner
    assert organiser.look("get_grid", marathon=MARATHON) in found


def test_of_two_deliberations_the_second_reads_the_first(stage: Stage) -> None:
    stage.ended({key: {"wool": 5, "bakery": 7} for key in JURORS})
    organiser = Editor(stage.jury)
    tag = organiser.look("get_ranking", marathon=MARATHON)
    placed = [{"project": "wool", "rank": 1}, {"project": "bakery", "rank": 2}]
    asked = {"marathon": MARATHON, "placements": placed, "reason": "Inventé."}
    after = organiser.edit(tag, "deliberate", **asked)
    assert after == organiser.look("get_ranking", marathon=MARATHON) != tag
    kept = {"marathon": MARATHON, "placements": []}
    assert organiser.edit(tag, "deliberate", **kept) == "changed_meanwhile"
    assert stage.final_ranks()["wool"] == (1, False)
