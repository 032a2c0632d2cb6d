"""Recusals, declared and found (RULES J3, J4)."""

from __future__ import annotations

from typing import Any

import pytest

from services.jury.conflicts import Conflict, Juror, found
from tests.jury.stage import JURORS, MARATHON, Stage, juror

WOOL: dict[str, Any] = {
    "id": "wool",
    "holder_key": "holder",
    "member_keys": ["member"],
    "siren": "111111111",
}


def placed(status: str = "confirmed", **owner: Any) -> dict[str, Any]:
    return {
        "project": "wool",
        "status": status,
        "owner_key": "owner",
        "owner_siren": None,
        **owner,
    }


@pytest.mark.parametrize(
    ("one", "allocations", "causes"),
    [
        (Juror("anne"), [placed()], set()),
        (Juror("holder"), [], {"member"}),
        (Juror("member"), [], {"member"}),
        (Juror("anne", frozenset({"111111111"})), [], {"employer"}),
        (Juror("owner"), [placed()], {"owner"}),
        (Juror("owner"), [placed("released")], {"owner"}),
        (Juror("owner"), [placed("cancelled")], set()),
        (Juror("owner"), [placed("declined")], set()),
        (Juror("owner"), [placed() | {"project": "bakery"}], set()),
        (Juror("anne", frozenset({"222222222"})), [placed(owner_siren="222222222")], {"owner"}),
        (Juror("owner", frozenset({"111111111"})), [placed()], {"owner", "employer"}),
    ],
)
def test_conflicts_found(one: Juror, allocations: list[dict[str, Any]], causes: set[str]) -> None:
    expected = {Conflict(one.key, "wool", cause) for cause in causes}
    assert found([one], [WOOL], allocations) == expected


def test_juror_who_owns_the_premises_is_recused_by_itself_and_their_card_is_void(
    stage: Stage,
) -> None:
    stage.ended({key: {"wool": 4} for key in JURORS} | {"anne": {"wool": 8}})
    assert _score(stage) == ("5.00", 4)
    stage.hear(stage.allocation_letter("wool", "confirmed", owner_key="anne"))

    assert _score(stage) == ("4.00", 3)
    assert stage.last("panel_convened")["eligible"] == {"wool": 3}
    assert stage.last("scorecard_submitted")["cards_in"] == 3
    assert stage.last("scorecard_submitted")["cards_expected"] == 3
    assert _recusals(stage) == [("anne", "wool", "owner")]


def test_recusal_that_was_found_ends_with_its_cause_and_stays_in_the_log(stage: Stage) -> None:
    stage.mobilised()
    stage.hear(stage.role_letter("anne", siren="333333333"))
    stage.hear(
        stage.allocation_letter("wool", "confirmed", owner_siren="333333333"),
        stage.allocation_letter("wool", "cancelled"),
    )
    assert _recusals(stage) == []
    assert len(stage.rows()["recusals"]) == 1
    stage.hear(stage.allocation_letter("wool", "confirmed"))
    assert _recusals(stage) == [("anne", "wool", "owner")]
    assert len(stage.rows()["recusals"]) == 2


def test_declared_recusal_after_scoring_shrinks_the_quorum_and_ranks_again(
    stage_on_sqlite: Stage,
) -> None:
    stage = stage_on_sqlite
    cards = {
        "anne": {"bakery": 9.0, "wool": 1.0},
        "bruno": {"bakery": 5.0, "wool": 6.0},
        "chloe": {"bakery": 5.0, "wool": 6.0},
        "didier": {"bakery": 5.0, "wool": 6.0},
    }
    stage.ended(cards)
    assert stage.ranks() == {"bakery": (1, False), "wool": (2, False)}
    made = stage.call(
        "recuse", juror("anne"), marathon=MARATHON, project="wool", reason=" Cliente "
    )
    assert made == {
        "juror_key": "anne",
        "project": "wool",
        "cause": "declared",
        "reason": "Cliente",
    }
    # Both have 6: wool's three cards, and bakery's four.
    assert stage.ranks() == {"bakery": (1, True), "wool": (1, True)}


def test_recused_juror_can_not_score_and_sees_it(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.running()
    stage.call("recuse", marathon=MARATHON, project="wool", juror_key="anne", reason="Voisine")
    request = {"marathon": MARATHON, "project": "wool", "values": {"overall": 5}}
    assert stage.refused("submit_scorecard", juror("anne"), **request) == "recused"
    mine = stage.call("my_scorecards", juror("anne"), marathon=MARATHON)
    assert {line["project"]: line["recused"] for line in mine} == {
        "bakery": False,
        "garden": False,
        "wool": True,
    }


@pytest.mark.parametrize(
    ("actor", "request_", "code"),
    [
        ("anne", {"project": "wool", "reason": "x", "juror_key": "bruno"}, "forbidden"),
        ("stranger", {"project": "wool", "reason": "x"}, "forbidden"),
        ("anne", {"project": "wool", "reason": "  "}, "reason_missing"),
        ("anne", {"project": "wool", "reason": ""}, "request_invalid"),
        ("anne", {"project": "nothing", "reason": "x"}, "project_not_found"),
        ("anne", {"project": "bakery", "reason": "x"}, "already_recused"),
    ],
)
def test_refused_recusals(refusing: Stage, actor: str, request_: dict[str, str], code: str) -> None:
    assert refusing.refused("recuse", juror(actor), marathon=MARATHON, **request_) == code


def test_erased_jurors_recusal_stays_with_their_card(stage_on_sqlite: Stage) -> None:
    stage = stage_on_sqlite
    stage.ended({key: {"wool": 4} for key in JURORS} | {"anne": {"wool": 8}})
    stage.hear(
        stage.allocation_letter("wool", "confirmed", owner_key="anne"),
        stage.role_letter("anne", "revoked"),
        stage.erasure_letter("anne"),
    )
    assert _score(stage) == ("4.00", 3)


def _score(stage: Stage) -> tuple[str, int]:
    line = stage.call("get_ranking", marathon=MARATHON)["ranking"][0]
    return line["score"], line["cards"]


def _recusals(stage: Stage) -> list[tuple[str, str, str]]:
    lines = stage.call("get_panel", marathon=MARATHON)["recusals"]
    return [(line["juror_key"], line["project"], line["cause"]) for line in lines]
