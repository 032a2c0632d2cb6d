"""Cards: versions, what is refused, and what nobody else sees (RULES J1, J3, J5, J7)."""

from __future__ import annotations

import json

import pytest

from services.chassis.actor import Actor
from tests.jury.stage import JURORS, MARATHON, NOBODY, PROJECTS, Stage, juror

TWO = [
    {"id": "idea", "label": "Idée", "weight": 2},
    {"id": "plan", "label": "Plan", "scale_max": 5},
    {"id": "window", "label": "Vitrine", "required": False},
]


def test_card_is_scored_exactly_and_shown_with_two_decimals(stage: Stage) -> None:
    stage.running(criteria=TWO)
    card = stage.score("anne", "wool", idea=7.5, plan=4)
    assert {name: value for name, value in card.items() if name != "submitted_at"} == {
        "project": "wool",
        "version": 1,
        "values": {"idea": 7.5, "plan": 4},
        "abstained": False,
        "comment": "",
        "counted": True,
        "missing": [],
        "score": "7.67",
    }


def test_submitting_says_how_many_are_in_and_neither_juror_nor_value(
    stage_on_sqlite: Stage,
) -> None:
    stage = stage_on_sqlite
    stage.running()
    stage.score("anne", "wool", overall=7)
    assert stage.last("scorecard_submitted") == {
        "id": "wool",
        "marathon": MARATHON,
        "project": "wool",
        "cards_in": 1,
        "cards_expected": 4,
    }
    stage.score("anne", "wool", overall=8)
    assert stage.last("scorecard_submitted")["cards_in"] == 1
    stage.score("bruno", "wool", overall=8)
    assert stage.last("scorecard_submitted")["cards_in"] == 2
    said = json.dumps(stage.jury.said("scorecard_submitted"))
    assert "anne" not in said and "bruno" not in said


def test_every_change_is_a_new_version_and_earlier_ones_can_be_shown(stage: Stage) -> None:
    stage.running()
    for value in (3, 9):
        stage.score("anne", "wool", overall=value)
    stage.score("bruno", "wool", overall=1)

    lines = {line["project"]: line for line in _mine(stage, "anne")}

    assert [card["score"] for card in lines["wool"]["versions"]] == ["3.00", "9.00"]
    assert lines["wool"]["card"]["version"] == 2
    assert lines["bakery"]["card"] is None and lines["bakery"]["versions"] == []
    assert sorted(lines) == sorted(PROJECTS)


def test_incomplete_card_is_kept_and_not_counted(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.running(criteria=TWO)
    card = stage.score("anne", "wool", idea=9, window=9)
    assert (card["counted"], card["missing"], card["score"]) == (False, ["plan"], None)
    assert stage.last("scorecard_submitted")["cards_in"] == 0


def test_abstention_answers_without_scoring(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.running()
    stage.call("submit_scorecard", juror("anne"), marathon=MARATHON, project="wool", abstain=True)
    for key in JURORS[1:]:
        stage.score(key, "wool", overall=6)
    stage.hear(stage.marathon_letter("ended"))

    line = _progress(stage)["wool"]
    assert (line["cards_in"], line["counted"], line["mean"]) == (4, 3, "6.00")
    assert stage.last("scorecard_submitted")["cards_in"] == 4


@pytest.mark.parametrize(
    ("values", "more", "code"),
    [
        ({"overall": 10.5}, {}, "value_beyond_scale"),
        ({"other": 5}, {}, "criterion_unknown"),
        ({}, {}, "values_or_abstention"),
        ({"overall": 5}, {"abstain": True}, "values_or_abstention"),
        ({"overall": -1}, {}, "request_invalid"),
        ({"overall": 5.125}, {}, "request_invalid"),
        ({"overall": True}, {}, "request_invalid"),
        ({"overall": "5"}, {}, "request_invalid"),
        ({"overall": None}, {}, "request_invalid"),
        ({"overall": float("inf")}, {}, "request_invalid"),
        ({"overall": 5}, {"project": "nothing"}, "project_not_scored"),
        ({"overall": 5}, {"juror_key": "bruno"}, "forbidden"),
    ],
)
def test_refused_cards(
    refusing: Stage, values: dict[str, object], more: dict[str, object], code: str
) -> None:
    request = {"marathon": MARATHON, "project": "wool", "values": values, **more}
    assert refusing.refused("submit_scorecard", juror("anne"), **request) == code


@pytest.mark.parametrize(
    "actor", [NOBODY, juror("stranger"), Actor(None, "jeton", frozenset({("juror", None)}))]
)
def test_only_the_panel_scores(refusing: Stage, actor: Actor) -> None:
    request = {"marathon": MARATHON, "project": "wool", "values": {"overall": 5}}
    assert refusing.refused("submit_scorecard", actor, **request) == "forbidden"


def test_scoring_opens_with_the_start_and_ends_with_the_palmares(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.mobilised()
    request = {"marathon": MARATHON, "project": "wool", "values": {"pitch": 5}}
    assert stage.refused("submit_scorecard", juror("anne"), **request) == "scoring_closed"
    stage.hear(stage.marathon_letter("running"))
    stage.call("submit_scorecard", juror("anne"), **request)
    stage.hear(stage.marathon_letter("ended"))
    stage.call("submit_scorecard", juror("bruno"), **request)
    stage.call("publish_palmares", marathon=MARATHON)
    assert stage.refused("submit_scorecard", juror("anne"), **request) == "palmares_published"
    stage.hear(stage.marathon_letter("deliberated"))
    assert stage.refused("submit_scorecard", juror("anne"), **request) == "scoring_closed"


def test_project_that_left_is_scored_no_more_and_its_cards_are_void(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.ended({key: {"bakery": 5, "wool": 9} for key in JURORS})
    assert stage.ranks() == {"wool": (1, False), "bakery": (2, False)}
    stage.hear(stage.project_letter("wool", "disqualified"))

    assert stage.ranks() == {"bakery": (1, False)}
    request = {"marathon": MARATHON, "project": "wool", "values": {"overall": 5}}
    assert stage.refused("submit_scorecard", juror("anne"), **request) == "project_not_scored"
    assert len(stage.rows()["scorecards"]) == 8


def test_revoked_jurors_cards_count_no_more_an_erased_jurors_do(stage: Stage) -> None:
    values = {"anne": 8, "bruno": 6, "chloe": 4, "didier": 4}
    stage.ended({key: {"wool": value} for key, value in values.items()})
    stage.hear(stage.role_letter("bruno", "revoked"))
    assert _score(stage) == ("5.33", 3)
    stage.hear(stage.role_letter("anne", "revoked"))
    assert _score(stage) == ("4.00", 2)
    stage.hear(stage.erasure_letter("anne"))
    assert _score(stage) == ("5.33", 3)


def test_jurors_see_only_their_own_cards_and_counts(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.running()
    stage.score("anne", "wool", overall=2)
    stage.score("bruno", "wool", overall=9)

    lines = _mine(stage, "chloe")

    assert all(line["card"] is None and line["versions"] == [] for line in lines)
    stage.hear(stage.marathon_letter("ended"))
    line = _progress(stage, juror("chloe"))["wool"]
    assert (line["cards_in"], line["counted"]) == (2, 2)
    assert (line["mean"], line["median"], line["spread"]) == (None, None, None)
    assert line["disagreement"] is False


def test_nothing_anybody_can_ask_before_the_end_depends_on_the_scores(
    stage_on_sqlite: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two panels, the same cards but for their values: every surface is identical (J5)."""
    other = Stage(f"sqlite:///{tmp_path_factory.mktemp('other')}/{{service}}.sqlite")
    surfaces = []
    for stage, values in ((stage_on_sqlite, (1, 9, 5)), (other, (8, 2, 10))):
        stage.running()
        for key, value in zip(JURORS, values, strict=False):
            stage.score(key, "wool", overall=value)
        surfaces.append(_surface(stage))
    other.troupe.close()
    assert surfaces[0] == surfaces[1]


def test_organisers_get_mean_median_and_spread_together_after_the_end(
    stage_on_sqlite: Stage,
) -> None:
    stage = stage_on_sqlite
    cards = {"anne": 2, "bruno": 9, "chloe": 8, "didier": 8}
    stage.running()
    stage.score_all({key: {"wool": value} for key, value in cards.items()})
    before = _progress(stage)["wool"]
    stage.hear(stage.marathon_letter("ended"))
    after = _progress(stage)["wool"]

    assert (before["mean"], before["median"], before["spread"]) == (None, None, None)
    assert after == {
        "project": "wool",
        "cards_in": 4,
        "cards_expected": 4,
        "counted": 4,
        "quorum": 3,
        "has_quorum": True,
        "mean": "6.75",
        "median": "8.00",
        "spread": "7.00",
        "disagreement": True,
    }


def _mine(stage: Stage, key: str) -> list[dict]:
    return list(stage.call("my_scorecards", juror(key), marathon=MARATHON))


def _progress(stage: Stage, actor: Actor | None = None) -> dict[str, dict]:
    more = {"actor": actor} if actor else {}
    lines = stage.call("get_progress", marathon=MARATHON, **more)
    return {line["project"]: line for line in lines}


def _score(stage: Stage) -> tuple[str, int]:
    line = stage.call("get_ranking", marathon=MARATHON)["ranking"][0]
    return line["score"], line["cards"]


def _surface(stage: Stage) -> list[object]:
    doors = ("get_grid", "get_panel", "get_progress", "list_prizes")
    asked = [stage.call(door, marathon=MARATHON) for door in doors]
    chloe = juror("didier")
    asked += [
        stage.call(door, chloe, marathon=MARATHON) for door in ("get_progress", "my_scorecards")
    ]
    asked.append(stage.refused("get_ranking", marathon=MARATHON))
    asked.append([event["data"] for event in stage.jury.said()])
    return asked
