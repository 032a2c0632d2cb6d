"""My data: all services' answers together, consents, signing out everywhere, erasure (D2, D3)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from jinja2 import StrictUndefined
from sqlalchemy import select

from gateway.app import create_app
from gateway.site import held_words
from services.chassis.config import SERVICES
from services.chassis.people_tables import mails
from services.registration.messages_personal_data import CONSENTS
from tests.gateway.stage import StandIn, TroupeCaller, bearer, json_of, person
from tests.harness import Troupe
from tests.journeys.tour import cycle_file
from tests.venues.stage import premises

HERE = {"Origin": "http://localhost"}
INES = "ines@example.org"
PAGE = "/moi/donnees"


class Visit:
    """A gateway over the four services, and somebody who signs in there."""

    def __init__(self, troupe: Troupe) -> None:
        self.troupe = troupe
        self.caller = TroupeCaller(troupe)
        self.app = create_app(troupe.settings, self.caller)
        # A page that names a field which no answer has shall fail here.
        self.app.jinja_env.undefined = StrictUndefined
        self.client = self.signed_in()

    def signed_in(self, email: str = INES) -> FlaskClient:
        """A browser in which somebody is signed in."""
        client = self.app.test_client()
        asked = {"email": email}
        self.troupe.clock.move_by(timedelta(seconds=1))  # so that mails have an order
        self.troupe.registration.call("request_sign_in", asked, actor=None)
        token = self.troupe.registration.within(_newest_token)
        answer = client.post("/connexion/lien", data={"token": token}, headers=HERE)
        assert answer.status_code == 303, answer.text
        return client

    def get(self, path: str = PAGE) -> str:
        """A page that must be there."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, **data: str) -> Any:
        """Sends a form."""
        return self.client.post(path, data=data, headers=HERE)

    def consents(self) -> dict[str, bool]:
        """What registration keeps."""
        lines = json_of(self.client.get("/api/v1/me/consents"))
        return {line["kind"]: line["given"] for line in lines}


def _newest_token(work: Any) -> str:
    text = work.session.scalars(select(mails.c.text).order_by(mails.c.created_at.desc())).first()
    found = re.search(r"lien\?token=(\S+)", text)
    assert found
    return found[1]


@pytest.fixture
def visit(troupe_on_sqlite: Troupe) -> Visit:
    return Visit(troupe_on_sqlite)


def ticked(page: str) -> list[str]:
    """The boxes that are ticked."""
    return re.findall(r'type="checkbox" id="[^"]*" name="(\w+)" value="true" checked', page)


# --- all that is held ---------------------------------------------------------------------


def test_the_api_has_every_service_s_answer(visit: Visit) -> None:
    found = json_of(visit.client.get("/api/v1/me/data"))
    assert found["missing"] == []
    assert found["registration"]["person"]["email"] == INES
    assert [found[name]["answers"] for name in ("venues", "voting", "jury")] == [[], [], []]
    assert found["voting"]["polls"] == []


def test_a_service_that_is_away_is_named(visit: Visit) -> None:
    visit.caller.away = {"voting"}
    found = json_of(visit.client.get("/api/v1/me/data"))
    assert (found["missing"], found["voting"]) == (["voting"], None)
    page = visit.get()
    assert "Tout n’est pas affiché" in page
    assert "<li>Vote du public</li>" in page
    file = json.loads(visit.get("/moi/mes-donnees.json"))
    assert file["missing"] == ["voting"]


def test_who_is_not_signed_in_sees_nothing(visit: Visit) -> None:
    stranger = visit.app.test_client()
    for path in (PAGE, "/moi/mes-donnees.json"):
        # Who is unknown signs in first.
        assert stranger.get(path).headers["Location"].startswith("/connexion")
    for path in ("consentements", "deconnexion", "effacement"):
        answer = stranger.post(f"/moi/{path}", data={"word": "EFFACER"}, headers=HERE)
        assert answer.status_code == 401


def test_the_page_says_it_in_words_and_the_file_is_one_to_keep(visit: Visit) -> None:
    page = visit.get()
    assert INES in page
    assert "Adresse électronique" in page
    answer = visit.client.get("/moi/mes-donnees.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mes-donnees.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert json_of(answer)["registration"]["person"]["email"] == INES


def test_everything_that_can_be_held_has_words(visit: Visit) -> None:
    """Somebody who holds, lends and judges: each field on the page is called by a name."""
    busy(visit)
    found = json_of(visit.client.get("/api/v1/me/data"))
    texts = [
        (held.name, section.title, label)
        for held in _in_words(visit, found)
        for section in held.sections
        for thing in section.things
        for label, _value in thing
    ]
    unnamed = [line for line in texts if re.search(r"[a-z]_[a-z]|^[a-z]", line[2])]
    assert unnamed == []
    assert {title for _name, title, _label in texts} >= {"Mes projets", "Mes locaux", "Mes rôles"}
    assert "Le fournil" in visit.get()


def _in_words(visit: Visit, found: dict[str, Any]) -> list[held_words.Held]:
    with visit.app.test_request_context("/"):
        return held_words.services(found)


def busy(visit: Visit) -> None:
    """Inès registers a project, offers premises, and is a coach."""
    registration = visit.troupe.registration
    registration.call("open_cycle", {"file": cycle_file()})
    visit.troupe.tick()
    marathon = registration.call("list_cycles")[0]["id"]
    leg = registration.call("get_cycle", {"cycle": marathon})["marathons"][0]["id"]
    named = {"name": "Inès", "email": INES}
    project = {"title": "Le fournil", "pitch": "Du pain.", "activity": "Commerce"}
    registration.call("register_project", {"marathon": leg, "holder": named, **project})
    registration.call("grant_role", {"marathon": leg, "role": "coach", "person": named})
    visit.troupe.deliver()
    offer = premises(owner={"name": "Inès", "email": INES}, activities=["Commerce"])
    visit.troupe.venues.call("offer_premises", {"marathon": leg, **offer})
    visit.troupe.deliver()
    visit.client = visit.signed_in()


# --- consents -----------------------------------------------------------------------------


def test_no_box_is_ticked_beforehand(visit: Visit) -> None:
    page = visit.get()
    assert page.count('type="checkbox"') == len(CONSENTS)
    assert ticked(page) == []


def test_a_consent_is_given_and_withdrawn_on_the_same_form(visit: Visit) -> None:
    answer = visit.post("/moi/consentements", newsletter="true", image="true")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}?fait=consentements")
    assert "enregistrés" in visit.get(f"{PAGE}?fait=consentements")
    assert ticked(visit.get()) == ["newsletter", "image"]
    visit.post("/moi/consentements", image="true")
    assert ticked(visit.get()) == ["image"]
    assert "Retiré le" in visit.get()
    given = dict.fromkeys(CONSENTS, False) | {"image": True}
    assert visit.consents() == given


def test_every_consent_of_registration_has_words(visit: Visit) -> None:
    with visit.app.test_request_context("/"):
        assert tuple(held_words.consents()) == CONSENTS


# --- signing out everywhere, erasing ------------------------------------------------------


def test_signing_out_everywhere_ends_the_other_device_too(visit: Visit) -> None:
    other = visit.signed_in()
    assert other.get(PAGE).status_code == 200
    assert visit.post("/moi/deconnexion").headers["Location"] == "/"
    # At once, though the gateway had remembered who that was.
    assert other.get(PAGE).status_code == 303
    assert visit.client.get(PAGE).status_code == 303
    with visit.client.session_transaction() as session:
        assert "session" not in session


@pytest.mark.parametrize("word", ["", "EFFACE", "oui", "ERASE"])
def test_nothing_is_erased_without_the_word(visit: Visit, word: str) -> None:
    answer = visit.post("/moi/effacement", word=word)
    assert answer.status_code == 422
    assert "Rien n’a été effacé" in answer.text
    assert 'aria-describedby="word-error"' in answer.text
    assert INES in visit.get()


def test_erasing_signs_out_everywhere_and_leaves_no_name(visit: Visit) -> None:
    busy(visit)
    other = visit.signed_in()
    other.get(PAGE)
    answer = visit.post("/moi/effacement", word=" effacer ")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/moi/efface")
    assert "Vos données sont effacées" in visit.get("/moi/efface")
    assert [each.get(PAGE).status_code for each in (visit.client, other)] == [303, 303]
    visit.client = visit.signed_in()
    found = json_of(visit.client.get("/api/v1/me/data"))
    assert found["registration"]["consents"] == []
    assert [one["display_name"] for one in found["registration"]["roles"]] == [""]
    assert [one.get("contact") for one in found["venues"]["premises"]] == [None]


def test_the_word_follows_the_language(visit: Visit) -> None:
    visit.post("/langue", language="en", next=PAGE)
    assert "Type ERASE to confirm" in visit.get()
    assert visit.post("/moi/effacement", word="erase").status_code == 303
    # The language was chosen here, not by the account: it stays.
    assert "Your data are erased" in visit.get("/moi/efface")


def test_another_site_s_page_erases_nobody(visit: Visit) -> None:
    evil = {"Origin": "https://evil.example"}
    for path in ("consentements", "deconnexion", "effacement"):
        answer = visit.client.post(f"/moi/{path}", data={"word": "EFFACER"}, headers=evil)
        assert answer.status_code == 403
    assert INES in visit.get()


@pytest.mark.parametrize("service", SERVICES)
def test_a_machine_has_no_data(client: FlaskClient, caller: StandIn, service: str) -> None:
    caller.people["mit_1"] = person(("organiser", None), key=None)
    assert client.get("/api/v1/me/data", headers=bearer("mit_1")).status_code == 403
    assert not [door for door, *_ in caller.asked if door.startswith(service)]
