"""The voter's pages where something goes wrong, and the tablet that many use."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from services.chassis.errors import Unavailable
from services.chassis.people_tables import mails
from tests.gateway.crawl import gateway_of
from tests.gateway.stage import Browser, StandIn
from tests.gateway.test_non_interference import Story
from tests.harness import Troupe
from tests.journeys.tour import LEGS, LENGTH, STARTS

LEG = LEGS[0]


class Evening(Story):
    """A poll is open, and nobody has voted yet."""

    def __init__(self, where: Path) -> None:
        super().__init__(Troupe(where), [], "47004")
        self.play_to_the_vote()
        app = gateway_of(self.troupe, [])
        app.test_client_class = Browser
        self.client = app.test_client()
        self.poll_id = str(self.poll(LEG)["id"])
        self.titles = self.projects(LEG)

    def ballots(self, leg: str, projects: dict[str, str]) -> None:
        """None."""

    def link_for(self, email: str, title: str) -> dict[str, str]:
        """What the mailed link holds, for who asked on a project's page."""
        typed = {"email": email, "commune": "Villeneuve-sur-Lot"}
        page = self.client.post(f"/projets/{self.titles[title]}/voter", data=typed)
        assert page.status_code == 200, page.text
        (text,) = self.letters_to(email)[-1:]
        found = re.search(r"poll=(\w+)&token=([\w-]+)", text)
        assert found is not None
        link = {"poll": found[1], "token": found[2]}
        shown = self.client.get("/vote/confirm", query_string=link).text
        (project,) = re.findall(r'name="project" value="(\w+)"', shown)
        return {**link, "project": project}

    def letters_to(self, email: str) -> list[str]:
        """The texts of the mails to an address, oldest first."""
        with self.troupe.players["voting"].session() as session:
            query = select(mails.c.text).where(mails.c.to == email).order_by(mails.c.created_at)
            return list(session.scalars(query))

    def codes(self, count: int) -> list[str]:
        """So many paper codes."""
        made = self.call("voting", "issue_codes", poll=self.poll_id, place="Mairie", count=count)
        return list(made["codes"])

    def counted(self) -> dict[str, int]:
        """The votes by title, once the marathon is over."""
        self.at(STARTS[0] + LENGTH)
        self.until("it has ended", lambda: self.is_in(LEG, "ended"))
        self.until("it is counted", lambda: self.poll(LEG)["state"] == "counted")
        results = self.ask("voting", "get_results", marathon=LEG)["results"]
        return {line["title"]: line["counted"] for line in results if line["counted"]}


@pytest.fixture
def evening(tmp_path: Path) -> Evening:
    return Evening(tmp_path)


def receipt_in(text: str) -> str:
    found = re.search(r'class="receipt">([0-9a-f]{32})<', text)
    assert found is not None, text
    return found[1]


def test_a_link_that_is_pressed_again_votes_once(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Poterie")
    for method in ("GET", "HEAD", "GET"):
        page = evening.client.open("/vote/confirm", method=method, query_string=link)
        assert page.status_code == 200
    assert evening.poll(LEG)["voters"] == 0
    first = evening.client.post("/vote/confirm", data=link)
    # The answer was lost on its way: she presses again, and is not told that she was late.
    again = evening.client.post("/vote/confirm", data=link)
    assert receipt_in(first.text) != receipt_in(again.text)
    assert evening.poll(LEG)["voters"] == 1
    assert evening.counted() == {"Poterie": 1}


def test_who_changes_and_changes_back_is_counted_as_last_said(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Poterie")
    page = html.unescape(evening.client.post("/vote/confirm", data=link).text)
    (given,) = re.findall(r'name="pass" value="([^"]+)"', page)
    for title in ("Jardin", "Poterie", "Jardin"):
        form = {"poll": link["poll"], "pass": given, "project": evening.titles[title]}
        assert evening.client.post("/vote/changer", data=form).status_code == 200
    assert evening.counted() == {"Jardin": 1}


def test_a_project_that_left_meanwhile_lets_one_choose_another(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Laine")
    gone = evening.titles["Laine"]
    evening.call("registration", "disqualify_project", project=gone, reason="Inventé.")
    evening.settle()
    page = evening.client.get("/vote/confirm", query_string=link)
    assert "ne participe plus" in page.text
    refused = evening.client.post("/vote/confirm", data=link)
    assert refused.status_code == 409
    (given,) = re.findall(r'name="pass" value="([^"]+)"', html.unescape(refused.text))
    form = {"poll": link["poll"], "pass": given, "project": evening.titles["Jardin"]}
    receipt_in(evening.client.post("/vote/changer", data=form).text)
    assert evening.counted() == {"Jardin": 1}


def test_a_vote_that_is_not_confirmed_can_be_sent_again(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers["voting.exchange_proof"] = {"pass": "pp"}
    caller.answers["voting.cast"] = caller.answers["voting.get_poll"] = Unavailable("voting")
    page = client.post("/vote/confirm", data={"poll": "poll1", "token": "t", "project": "p1"})
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert "Votez de nouveau : un seul vote compte" in page.text
    assert 'name="pass" value="pp"' in page.text


def test_a_commune_that_is_on_no_list_keeps_what_was_typed(evening: Evening) -> None:
    typed = {"email": "anne@example.org", "commune": "Vilneuve sur Lot"}
    page = evening.client.post(f"/projets/{evening.titles['Laine']}/voter", data=typed)
    assert page.status_code == 422
    text = html.unescape(page.text)
    assert 'value="anne@example.org"' in text
    assert "Villeneuve-sur-Lot" in text
    assert evening.letters_to("anne@example.org") == []


def code_form(evening: Evening, email: str, title: str) -> dict[str, str]:
    """The form that asks for the mailed code, as the page of who asks has it, filled in."""
    typed = {"email": email, "commune": "Villeneuve-sur-Lot"}
    page = evening.client.post(f"/projets/{evening.titles[title]}/voter", data=typed).text
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html.unescape(page)))
    code = re.search(r"\b(\d{6})\b", evening.letters_to(email)[-1])
    assert code is not None
    return {**form, "code": code[1]}


def test_who_guesses_a_used_code_gets_no_pass(evening: Evening) -> None:
    form = code_form(evening, "anne@example.org", "Poterie")
    receipt_in(evening.client.post("/vote/code", data=form).text)
    # Her answer was lost: the same page, once more.
    receipt_in(evening.client.post("/vote/code", data=form).text)
    guesses: list[dict[str, str]] = [{**form, "attempt": "another"}, {**form, "attempt": ""}]
    guesses += [{name: form[name] for name in form if name != "attempt"}]
    for guess in guesses:
        refused = evening.client.post("/vote/code", data=guess)
        assert refused.status_code == 422, refused.text
        assert 'name="pass"' not in refused.text
        # Who does not see the page hears at the field what is wrong with it.
        assert 'aria-describedby="refused" aria-invalid="true"' in refused.text
        assert 'role="alert" tabindex="-1" id="refused"' in refused.text


def test_a_paper_ballot_that_is_not_confirmed_can_be_cast_again(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers["voting.cast"] = caller.answers["voting.get_poll"] = Unavailable("voting")
    for path in ("/votes/poll1/code", "/votes/poll1/borne"):
        page = client.post(path, data={"code": "ABCD-EFGH-JKLM", "project": "p1"})
        assert page.status_code == 503
        assert page.headers["Retry-After"]
        assert "Votez de nouveau : un seul vote compte" in page.text
        assert f'action="{path}"' in page.text
        for kept in ('name="code" value="ABCD-EFGH-JKLM"', 'name="project" value="p1"'):
            assert kept in page.text


def test_the_tablet_forgets_a_voter_who_was_refused_and_walked_away(evening: Evening) -> None:
    path = f"/votes/{evening.poll_id}/borne"
    form = {"code": "AAAA-AAAA-AAAA", "project": evening.titles["Poterie"]}
    refused = evening.client.post(path, data=form)
    assert refused.status_code >= 400
    assert refused.headers["Refresh"] == f"60; url={path}"
    at_home = evening.client.post(f"/votes/{evening.poll_id}/code", data=form)
    assert "Refresh" not in at_home.headers


def test_the_tablet_keeps_nothing_of_a_voter(evening: Evening) -> None:
    codes = evening.codes(2)
    path = f"/votes/{evening.poll_id}/borne"
    form = {"code": codes[0], "project": evening.titles["Poterie"]}
    voted = evening.client.post(path, data=form)
    assert voted.headers["Refresh"] == f"20; url={path}"
    assert voted.headers["Cache-Control"] == "no-store"
    assert voted.headers.getlist("Set-Cookie") == []
    receipt = receipt_in(voted.text)
    assert receipt_in(evening.client.post(path, data=form).text) == receipt
    fresh = evening.client.get(path).text
    assert codes[0] not in fresh and " checked" not in fresh
    # Not the same project first for everybody who votes here.
    pages = [evening.client.get(path).text for _ in range(20)]
    orders = {tuple(re.findall(r'id="project-(\w+)"', page)) for page in pages}
    assert len(orders) > 1


def test_a_code_in_an_address_is_filled_in_and_not_used(evening: Evening) -> None:
    (code,) = evening.codes(1)
    path = f"/votes/{evening.poll_id}/code"
    for method in ("HEAD", "GET", "GET"):
        page = evening.client.open(path, method=method, query_string={"code": code})
        assert page.status_code == 200
    assert f'value="{code}"' in page.text
    assert evening.poll(LEG)["voters"] == 0


def test_a_receipt_is_checked_after_the_count_alone(evening: Evening) -> None:
    link = evening.link_for("anne@example.org", "Poterie")
    receipt = receipt_in(evening.client.post("/vote/confirm", data=link).text)
    path = f"/votes/{evening.poll_id}/recu"
    early = evening.client.post(path, data={"receipt": receipt})
    assert early.status_code == 409
    assert evening.counted() == {"Poterie": 1}
    assert (
        "Oui : ce reçu a été compté."
        in evening.client.post(
            path, data={"receipt": f" {receipt[:16].upper()} {receipt[16:]} "}
        ).text
    )
    assert "Non : ce reçu" in evening.client.post(path, data={"receipt": "0" * 32}).text


def test_before_and_after_the_vote_pages_say_so(evening: Evening) -> None:
    project = evening.titles["Poterie"]
    evening.counted()
    for path in (f"/projets/{project}/voter", f"/votes/{evening.poll_id}/code"):
        page = evening.client.get(path)
        assert page.status_code == 200
        assert "Le vote est clos." in page.text
        assert "<form" not in page.text.partition("<main")[2].partition("</main")[0]
