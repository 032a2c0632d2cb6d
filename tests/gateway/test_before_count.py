"""The desk before a count: cases with reasons, an invalidation signed by two, the next step."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.desk.next_step import next_step
from tests.gateway.crawl import Visitor, gateway_of
from tests.gateway.stage import Browser, bearer
from tests.gateway.test_non_interference import LEG, ONE, VOTES, Suspected
from tests.harness import Troupe

NOW = datetime(2026, 3, 2, tzinfo=UTC)
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
PEOPLE = [
    Visitor("one", ONE.key, ONE.roles),
    Visitor("two", "second-key", frozenset({("organiser", LEG)})),
]


class Desk:
    """The vote is closed, cases are open, one decision has one signature."""

    def __init__(self, where: Path) -> None:
        self.story = Suspected(Troupe(where), VOTES, "47004")
        self.story.play_to_the_vote()
        app = gateway_of(self.story.troupe, PEOPLE)
        app.test_client_class = Browser
        self.client = app.test_client()
        self.page = f"/bureau/marathons/{LEG}/vote"

    def get(self, who: str, path: str) -> str:
        answer = self.client.get(path, headers=bearer(who))
        assert answer.status_code == 200, answer.text
        return html.unescape(answer.text)

    def post(self, who: str, path: str, status: int, **form: Any) -> str:
        answer = self.client.post(path, data=form, headers=bearer(who))
        assert answer.status_code == status, answer.text
        return html.unescape(answer.text)


@pytest.mark.timeout(400)
def test_a_case_is_invalidated_on_the_pages_by_two(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    shown = desk.get("one", desk.page)
    assert "Beaucoup de votes depuis un même réseau" in shown
    assert "Adresses en trash.example" in shown
    assert "Vous avez signé ; une autre personne doit signer aussi." in shown
    (given,) = set(re.findall(r'href="(/faire/retirer-une-decision[^"]*)"', shown))
    desk.post("one", given, 303)

    form = f"{desk.page}/annulation"
    assert "Beaucoup de votes" in desk.get("one", form)
    refused = desk.post("one", form, 422)
    assert "donnez un cas, un domaine ou from_at" in refused
    preview = desk.post("one", form, 200, domain="trash.example")
    seen = dict(HIDDEN.findall(preview))
    assert (seen["ballots"], seen["voters"], seen["pending"]) == ("4", "4", "0")
    again = desk.post("one", form, 422, **seen, reason="")
    assert dict(HIDDEN.findall(again)) == seen
    desk.post("one", form, 303, **seen, reason="Adresses jetables.")

    waits = desk.get("two", desk.page)
    (given,) = set(re.findall(r'href="(/faire/contresigner[^"]*)"', waits))
    fields = dict(HIDDEN.findall(desk.get("two", given)))
    desk.post("one", "/faire/contresigner", 403, **fields)
    desk.post("two", "/faire/contresigner", 303, **fields)
    assert "exécutée" in desk.get("two", desk.page)
    (case,) = set(re.findall(r'href="(/faire/compter-un-cas[^"]*)"', desk.get("one", desk.page)))
    desk.post("one", case, 303, reason="La mairie a appelé.")
    story = desk.story
    story.until("it is counted", lambda: story.poll(LEG)["state"] == "counted")
    record = story.ask("voting", "get_record", poll=story.poll(LEG)["id"])["record"]
    assert (record["invalidated"], record["counted_ballots"]) == (4, 3)


def desk_of(state: str, quarantined: int | None, marathon: str = "ended") -> dict[str, Any]:
    poll = {"state": state, "quarantined": quarantined}
    return {"marathon": {"id": "m", "state": marathon, "ends_at": None}, "relays": [], "poll": poll}


def test_next_step_leads_to_the_cases_while_they_hold_the_count() -> None:
    assert next_step(desk_of("closed", 4), NOW).page == "vote"
    assert next_step(desk_of("closed", 0), NOW).page == "jury"
    assert next_step(desk_of("counted", 0), NOW).page == "jury"
    assert next_step({**desk_of("closed", 4), "poll": None}, NOW).page == "jury"
