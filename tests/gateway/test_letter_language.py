"""In which language somebody is written to: that of the page, or what their program asks for."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.chassis.errors import Unavailable
from tests.gateway.stage import StandIn, person

ANNE = {"email": "anne@example.org"}
ROUTES = {
    "/api/v1/sign-in/requests": ANNE,
    "/api/v1/polls/p1/requests": {**ANNE, "commune": "47106", "project": "x1"},
}


def asked(caller: StandIn) -> Any:
    """The language in what was asked last."""
    return caller.asked[-1][1].get("language")


def speaking(client: FlaskClient, language: str) -> None:
    with client.session_transaction() as session:
        session["language"] = language


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("", "fr"),
        ("en", "en"),
        ("en-GB,en;q=0.9,fr;q=0.5", "en"),
        ("de-DE,fr;q=0.3,en;q=0.2", "fr"),
        ("de", "fr"),
        ("*;q=;;,\x01", "fr"),
    ],
)
def test_program_is_written_to_as_its_header_asks(
    client: FlaskClient, caller: StandIn, path: str, wanted: str, language: str
) -> None:
    client.post(path, json=ROUTES[path], headers={"Accept-Language": wanted})
    assert asked(caller) == language


@pytest.mark.parametrize("path", ROUTES)
def test_program_may_say_it_itself(client: FlaskClient, caller: StandIn, path: str) -> None:
    body = {**ROUTES[path], "language": "fr"}
    client.post(path, json=body, headers={"Accept-Language": "en"})
    assert asked(caller) == "fr"


def test_page_writes_in_its_own_language(client: FlaskClient, caller: StandIn) -> None:
    english = {"Accept-Language": "en"}
    # The page was in French, whatever the browser would have liked.
    client.post("/connexion", data=ANNE, headers=english)
    assert asked(caller) == "fr"
    speaking(client, "en")
    client.post("/connexion", data=ANNE)
    assert asked(caller) == "en"


def test_language_chosen_here_goes_before_the_header(client: FlaskClient, caller: StandIn) -> None:
    speaking(client, "fr")
    client.post("/api/v1/sign-in/requests", json=ANNE, headers={"Accept-Language": "en"})
    assert asked(caller) == "fr"


def test_language_in_a_forged_or_old_cookie_is_none(client: FlaskClient, caller: StandIn) -> None:
    speaking(client, "x")
    client.post("/api/v1/sign-in/requests", json=ANNE)
    assert asked(caller) == "fr"


def test_letters_follow_when_somebody_changes_the_language(
    client: FlaskClient, caller: StandIn
) -> None:
    client.post("/langue", data={"language": "en"})
    assert caller.asked == []  # nobody is signed in
    caller.people["s1"] = person()
    with client.session_transaction() as session:
        session["session"] = "s1"
    client.post("/langue", data={"language": "xx"})
    assert caller.asked == []
    client.post("/langue", data={"language": "fr"})
    assert caller.asked[-1][:2] == ("registration.set_language", {"language": "fr"})


def test_language_changes_while_registration_is_away(client: FlaskClient, caller: StandIn) -> None:
    caller.people["s1"] = person()
    caller.answers["registration.set_language"] = Unavailable("registration")
    with client.session_transaction() as session:
        session["session"] = "s1"
    assert client.post("/langue", data={"language": "en"}).status_code == 303
    with client.session_transaction() as session:
        assert session["language"] == "en"
