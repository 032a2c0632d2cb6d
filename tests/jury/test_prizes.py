"""Prizes: the jury's by award, the public's by the count alone (RULES Z1)."""

from __future__ import annotations

from typing import Any

import pytest

from services.jury.prizes import public_winners
from tests.jury.stage import JURORS, MARATHON, NOBODY, Stage, juror

RENT: dict[str, Any] = {
    "kind": "rent",
    "title": "Six mois de loyer",
    "quantity": 6,
    "donor": "CC Fumel",
}


def _ended(stage: Stage) -> None:
    stage.ended({key: {"bakery": 8, "garden": 6, "wool": 4} for key in JURORS})


def _add(stage: Stage, **prize: Any) -> str:
    return str(stage.call("add_prize", marathon=MARATHON, **{**RENT, **prize})["id"])


def _holders(stage: Stage, actor: Any = None) -> dict[str, list[str]]:
    more = {"actor": actor} if actor else {}
    lines = stage.call("list_prizes", marathon=MARATHON, **more)
    return {line["id"]: line["projects"] for line in lines}


def test_prize_is_kept_as_it_was_given(stage: Stage) -> None:
    stage.hear(stage.marathon_letter("announced"))
    more: dict[str, Any] = {
        "cap_eur": 3000,
        "premises": "offer-1",
        "condition": "Bail signé",
        "expires_at": "2026-09-01T00:00:00+00:00",
        "exclusive": True,
    }
    made = stage.call("add_prize", marathon=MARATHON, **RENT, **more)

    assert stage.call("list_prizes", NOBODY, marathon=MARATHON) == [made]
    assert {name: value for name, value in made.items() if name != "id"} == {
        "marathon": MARATHON,
        **RENT,
        **more,
        "projects": [],
    }


def test_prizes_are_listed_in_the_order_they_were_added(stage_on_sqlite: Stage) -> None:
    stage_on_sqlite.mobilised()
    added = [_add(stage_on_sqlite, title=title) for title in ("b", "a", "c")]
    assert list(_holders(stage_on_sqlite)) == added


@pytest.mark.parametrize(
    ("prize", "code"),
    [
        ({"kind": "car"}, "request_invalid"),
        ({"quantity": 0}, "request_invalid"),
        ({"cap_eur": -1}, "request_invalid"),
        ({"title": ""}, "request_invalid"),
        ({"marathon": "other"}, "marathon_not_found"),
    ],
)
def test_refused_prizes(refusing: Stage, prize: dict[str, Any], code: str) -> None:
    request = {"marathon": MARATHON, **RENT, **prize}
    assert refusing.refused("add_prize", **request) == code


def test_award_stays_with_the_organisers_until_it_is_published(stage: Stage) -> None:
    _ended(stage)
    rent, public = _add(stage), _add(stage, kind="public")
    stage.counted("wool", wool=5, bakery=3, garden=0)
    stage.call("award_prize", prize=rent, project="wool")
    stage.call("award_prize", prize=rent, project="bakery")

    assert _holders(stage) == {rent: ["bakery"], public: []}
    assert _holders(stage, NOBODY) == {rent: [], public: []}
    assert _holders(stage, juror("anne")) == {rent: [], public: []}
    stage.call("publish_palmares", marathon=MARATHON)
    assert _holders(stage, NOBODY) == {rent: ["bakery"], public: ["wool"]}

    stage.call("award_prize", prize=rent, project=None)
    assert _holders(stage) == {rent: [], public: ["wool"]}
    assert _holders(stage, NOBODY) == {rent: ["bakery"], public: ["wool"]}


def test_public_prize_can_not_be_awarded(stage_on_sqlite: Stage) -> None:
    _ended(stage_on_sqlite)
    prize = _add(stage_on_sqlite, kind="public")
    code = stage_on_sqlite.refused("award_prize", prize=prize, project="wool")
    assert code == "public_prize_by_count"


def test_exclusive_prize_excludes_any_other_of_the_jury_both_ways(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    _ended(stage)
    only, first, second = _add(stage, exclusive=True), _add(stage), _add(stage)
    stage.call("award_prize", prize=first, project="wool")
    stage.call("award_prize", prize=second, project="wool")
    assert stage.refused("award_prize", prize=only, project="wool") == "prize_exclusive"
    stage.call("award_prize", prize=only, project="bakery")
    assert stage.refused("award_prize", prize=first, project="bakery") == "prize_exclusive"


def test_awards_open_with_the_end_and_go_to_projects_of_the_marathon(
    stage_on_sqlite: Stage,
) -> None:
    stage = stage_on_sqlite
    stage.running()
    prize = _add(stage)
    assert stage.refused("award_prize", prize=prize, project="wool") == "awards_not_open"
    stage.hear(stage.marathon_letter("ended"))
    assert stage.refused("award_prize", prize=prize, project="other") == "project_not_scored"
    assert stage.refused("award_prize", prize="other", project="wool") == "prize_not_found"
    code = stage.refused("award_prize", juror("anne"), prize=prize, project="wool")
    assert code == "forbidden"


RANKS = {"a": (2, False), "b": (1, False), "c": (2, False)}


@pytest.mark.parametrize(
    ("winners", "rule", "standing", "expected"),
    [
        (["a"], "shared", "abc", ["a"]),
        (["c", "a"], "shared", "abc", ["a", "c"]),
        (["a", "b"], "jury_order", "abc", ["b"]),
        (["a", "c"], "jury_order", "abc", ["a", "c"]),
        (["a", "d"], "jury_order", "abcd", ["a"]),
        (["a", "b"], "lots", "bc", ["b"]),
        (["a"], "shared", "bc", ["b"]),
        (["a"], "shared", "cd", []),
        ([], "shared", "abc", []),
    ],
)
def test_public_winners_are_by_the_count_alone(
    winners: list[str], rule: str, standing: str, expected: list[str]
) -> None:
    tally = {"winners": winners, "counted": {"a": 9, "b": 4, "c": 0, "d": 0}}
    assert public_winners(tally, rule, standing, RANKS) == expected


def test_without_a_count_there_is_no_public_winner() -> None:
    assert public_winners(None, "shared", "abc", RANKS) == []
