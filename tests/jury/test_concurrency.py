"""Everything runs concurrently with itself: real transactions, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from services.chassis.errors import Refusal
from services.jury.tables import Recusal, Scorecard
from tests.jury.stage import JURORS, MARATHON, START, Stage, juror


def at_once(*runs: Callable[[], Any]) -> list[Any]:
    """Runs functions in a thread each, at once; answers what each answered or refused."""
    gate = threading.Barrier(len(runs))

    def wait_and_run(run: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return run()
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(wait_and_run, runs))


def test_one_jurors_cards_at_once_are_versions_one_after_the_other(stage: Stage) -> None:
    stage.running()
    made = at_once(*[lambda: stage.score("anne", "wool", overall=5)] * 4)
    assert sorted(card["version"] for card in made) == [1, 2, 3, 4]
    assert stage.last("scorecard_submitted")["cards_in"] == 1


def test_all_jurors_at_once_are_all_in_and_all_said(stage: Stage) -> None:
    stage.running()
    at_once(*[_scoring(stage, key) for key in JURORS])
    told = [event["data"]["cards_in"] for event in stage.jury.said("scorecard_submitted")]
    assert told == [1, 2, 3, 4]


def _scoring(stage: Stage, key: str) -> Callable[[], Any]:
    return lambda: stage.score(key, "wool", overall=5)


def test_first_card_and_new_grid_at_once_never_mix(stage: Stage) -> None:
    stage.running()
    other = [{"id": "other", "label": "Autre"}]
    card, grid = at_once(
        _scoring(stage, "anne"),
        lambda: stage.call("set_grid", marathon=MARATHON, criteria=other),
    )
    names = [line["id"] for line in stage.call("get_grid", marathon=MARATHON)["criteria"]]
    assert (card, names) == ("criterion_unknown", ["other"]) or (grid, names) == (
        "grid_locked",
        ["overall"],
    )


def test_exclusive_prizes_awarded_at_once_never_both_go_to_one_team(stage: Stage) -> None:
    stage.ended({key: {"wool": 5} for key in JURORS})
    prize: dict[str, Any] = {"kind": "money", "title": "Prix", "exclusive": True}
    made = [stage.call("add_prize", marathon=MARATHON, **prize)["id"] for _ in range(2)]
    answers = at_once(*[_awarding(stage, each) for each in made])
    assert answers.count("prize_exclusive") == 1
    assert len(stage.rows()["awards"]) == 1


def _awarding(stage: Stage, prize: str) -> Callable[[], Any]:
    return lambda: stage.call("award_prize", prize=prize, project="wool")


def test_palmares_published_at_once_is_one_edition(stage: Stage) -> None:
    stage.ended({key: {"wool": 5} for key in JURORS})
    answers = at_once(*[lambda: stage.call("publish_palmares", marathon=MARATHON)] * 3)
    assert answers.count("reason_missing") == 2
    assert stage.said().count("palmares_published") == 1


def test_card_and_palmares_at_once_the_card_is_in_it_or_refused(stage: Stage) -> None:
    stage.ended({key: {"wool": 5} for key in JURORS[:3]})
    card, made = at_once(
        lambda: stage.call(
            "submit_scorecard",
            juror("anne"),
            marathon=MARATHON,
            project="wool",
            values={"overall": 8},
        ),
        lambda: stage.call("publish_palmares", marathon=MARATHON),
    )
    assert made["number"] == 1
    stage.hear(stage.marathon_letter("closed"))
    shown = stage.call("get_ranking", marathon=MARATHON)["ranking"][0]["score"]
    assert shown == ("5.00" if card == "palmares_published" else "6.00")


def test_panels_drafted_by_events_at_once_are_one(stage: Stage) -> None:
    letters = [stage.marathon_letter("mobilised"), stage.marathon_letter("running")]
    letters += [stage.project_letter("wool", "confirmed"), stage.role_letter("anne")]
    at_once(*[_hearing(stage, letters[number : number + 1]) for number in range(4)])
    assert len(stage.rows()["panels"]) == 1
    assert stage.call("get_panel", marathon=MARATHON)["eligible"] == {"wool": 1}


def _hearing(stage: Stage, letters: Sequence[dict[str, Any]]) -> Callable[[], Any]:
    return lambda: stage.hear(*letters)


def test_constraints_not_checks_keep_versions_and_open_recusals_unique(stage: Stage) -> None:
    panel = stage.running()
    card = {
        "panel": panel,
        "juror_key": "anne",
        "project": "wool",
        "version": 1,
        "abstained": False,
        "values": {},
        "comment": "",
        "submitted_at": START,
    }
    recusal = {
        "panel": panel,
        "juror_key": "anne",
        "project": "wool",
        "cause": "declared",
        "reason": "",
        "since": START,
    }
    for table, row in ((Scorecard, card), (Recusal, recusal)):
        with stage.jury.session() as session:
            session.execute(insert(table), [row | {"id": "1"}])
        with pytest.raises(IntegrityError), stage.jury.session() as session:
            session.execute(insert(table), [row | {"id": "2"}])
    ended = recusal | {"id": "3", "ended_at": START}
    with stage.jury.session() as session:
        session.execute(insert(Recusal), [ended])
        assert len(session.scalars(select(Recusal)).all()) == 2
