"""The evening of a vote, before its pages; and how to read them."""

from __future__ import annotations

import html
import re
from pathlib import Path

from sqlalchemy import select
from werkzeug.test import TestResponse

from services.chassis.people_tables import mails
from tests.gateway.crawl import Watched, gateway_of
from tests.gateway.stage import Browser, parts_of
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
        caller = parts_of(app).caller
        assert isinstance(caller, Watched)
        self.away = caller.away
        self.poll_id = str(self.poll(LEG)["id"])
        self.titles = self.projects(LEG)

    def ballots(self, leg: str, projects: dict[str, str]) -> None:
        """None."""

    def link_for(self, email: str, title: str) -> dict[str, str]:
        """The form of the page that the mailed link opens, for who asked on a project's page."""
        typed = {"email": email, "commune": "Villeneuve-sur-Lot"}
        page = self.client.post(f"/projets/{self.titles[title]}/voter", data=typed)
        assert page.status_code == 200, page.text
        (text,) = self.letters_to(email)[-1:]
        found = re.search(r"poll=(\w+)&token=([\w-]+)", text)
        assert found is not None
        link = {"poll": found[1], "token": found[2]}
        return hidden_in(self.client.get("/vote/confirm", query_string=link))

    def code_form(self, email: str, title: str) -> dict[str, str]:
        """The form that asks for the mailed code, as the page of who asks has it, filled in."""
        typed = {"email": email, "commune": "Villeneuve-sur-Lot"}
        page = self.client.post(f"/projets/{self.titles[title]}/voter", data=typed)
        code = re.search(r"\b(\d{6})\b", self.letters_to(email)[-1])
        assert code is not None
        return {**hidden_in(page), "code": code[1]}

    def paper(self, code: str, title: str, where: str = "code") -> dict[str, str]:
        """The form of a fresh page for paper codes, filled in."""
        page = self.client.get(f"/votes/{self.poll_id}/{where}")
        return {**hidden_in(page), "code": code, "project": self.titles[title]}

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


def receipt_in(text: str) -> str:
    """The receipt that a page shows."""
    found = re.search(r'class="receipt">((<span>[0-9a-f]{4}</span>){8})</p>', text)
    assert found is not None, text
    return re.sub("<.*?>", "", found[1])


def hidden_in(page: TestResponse) -> dict[str, str]:
    """What the first form on a page carries along."""
    form = main_of(page).partition("</form>")[0]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def pass_in(page: TestResponse) -> str:
    """The pass that a page has."""
    (given,) = re.findall(r'name="pass" value="([^"]+)"', main_of(page))
    return str(given)


def main_of(page: TestResponse) -> str:
    """A page's own part."""
    return html.unescape(page.text).partition("<main")[2].partition("</main")[0]


def told(page: TestResponse) -> tuple[int, list[str]]:
    """What an answer tells: all but what each page draws for itself."""
    return page.status_code, re.findall(r"<(?:h1|strong)>(.*?)<", main_of(page))
