"""Answers that were lost are given again to the page that lost them, and to nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.chassis.errors import Unavailable
from tests.gateway.crawl import Watched
from tests.gateway.evening import LEG, Evening, hidden_in, main_of, receipt_in, told

WHERE = pytest.mark.parametrize("where", ["code", "borne"])
USED = (409, ["Voter avec un code imprimé", "Ce code a déjà servi."])


@WHERE
def test_a_used_code_does_not_tell_whom_it_voted_for(evening: Evening, where: str) -> None:
    (code,) = evening.codes(1)
    path = f"/votes/{evening.poll_id}/{where}"
    form = evening.paper(code, "Poterie", where)
    receipt = receipt_in(evening.client.post(path, data=form).text)

    def tried(title: str) -> list[TestResponse]:
        """From a fresh page, from one with a number of one's own, and without any."""
        fresh = evening.paper(code, title, where)
        tries = [fresh, {**fresh, "attempt": "mine"}, {**fresh, "attempt": ""}]
        return [evening.client.post(path, data=each) for each in tries]

    for title in evening.titles:
        assert [told(each) for each in tried(title)] == [USED] * 3
    assert evening.counted() == {"Poterie": 1}
    after = {str(told(each)) for title in evening.titles for each in tried(title)}
    assert len(after) == 1 and "Le vote est clos." in after.pop()
    # The page that lost its answer has it, however the code is written this time.
    written = {**form, "code": code.lower().replace("-", " ")}
    assert receipt_in(evening.client.post(path, data=written).text) == receipt


@WHERE
def test_a_paper_ballot_whose_answer_was_lost_has_one_receipt(
    evening: Evening, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (code,) = evening.codes(1)
    path = f"/votes/{evening.poll_id}/{where}"
    form = evening.paper("AAAA-AAAA-AAAA", "Poterie", where)
    refused = evening.client.post(path, data=form)
    assert hidden_in(refused)["attempt"] == form["attempt"]
    exchange, given = Watched.exchange, []

    def lost(self: Watched, service: str, door: str, request: Any = None, **how: Any) -> Any:
        answer = exchange(self, service, door, request, **how)
        if door == "cast":
            given.append(answer["ok"]["receipt"])
            raise Unavailable(service)
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Watched, "exchange", lost)
        page = evening.client.post(path, data={**form, "code": code})
    assert (page.status_code, evening.poll(LEG)["voters"]) == (503, 1)
    again = evening.client.post(path, data=hidden_in(page))
    assert [receipt_in(again.text)] == given
    assert evening.counted() == {"Poterie": 1}


def test_a_used_link_is_good_for_nobody_else(evening: Evening) -> None:
    form = evening.link_for("anne@example.org", "Poterie")
    receipt_in(evening.client.post("/vote/confirm", data=form).text)
    without = {name: form[name] for name in ("poll", "token", "project")}
    for minutes in (0, 31):
        evening.troupe.clock.move_by(timedelta(minutes=minutes))
        for each in ({**form, "attempt": "mine"}, {**form, "attempt": ""}, without):
            answer = evening.client.post("/vote/confirm", data=each)
            assert (answer.status_code, "a déjà servi" in main_of(answer)) == (422, True)
            assert 'name="pass"' not in answer.text
    # The page that lost its answer has it again.
    receipt_in(evening.client.post("/vote/confirm", data=form).text)
    assert evening.counted() == {"Poterie": 1}


def test_an_expired_link_does_not_vote(evening: Evening) -> None:
    form = evening.link_for("anne@example.org", "Poterie")
    evening.troupe.clock.move_by(timedelta(minutes=30))
    for attempt in (form["attempt"], "mine"):
        answer = evening.client.post("/vote/confirm", data={**form, "attempt": attempt})
        assert (answer.status_code, "a expiré" in main_of(answer)) == (422, True)
    assert evening.poll(LEG)["voters"] == 0


def test_the_page_of_the_mailed_code_outlives_an_absence(evening: Evening) -> None:
    form = evening.code_form("anne@example.org", "Poterie")
    evening.away.update(("voting", "registration"))
    gone = evening.client.post("/vote/code", data=form)
    kept = hidden_in(gone)
    assert gone.status_code == 503
    assert kept == {name: form[name] for name in ("attempt", "poll", "project", "email")}
    evening.away.clear()
    receipt_in(evening.client.post("/vote/code", data={**kept, "code": form["code"]}).text)
    assert evening.counted() == {"Poterie": 1}


def test_the_page_of_the_mailed_link_outlives_an_absence(evening: Evening) -> None:
    form = evening.link_for("anne@example.org", "Poterie")
    evening.away.add("voting")
    gone = evening.client.post("/vote/confirm", data=form)
    assert (gone.status_code, hidden_in(gone)) == (503, form)
    evening.away.clear()
    receipt_in(evening.client.post("/vote/confirm", data=hidden_in(gone)).text)
