"""Mails at the organisers' desk: the API over the real services, the partial, what one can do."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from flask import Flask, g, render_template_string
from flask.testing import FlaskClient
from jinja2 import StrictUndefined
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.asking import parts
from gateway.desk import mail_state
from gateway.identity import Credential
from gateway.routes.mails import WRITERS
from services.chassis import mail
from services.chassis.letters import Letter
from services.chassis.mail_queue import Outbox
from services.chassis.smtp import NotTaken, Refused
from tests.chassis.test_mail import Carrier
from tests.gateway.stage import Browser, StandIn, TroupeCaller, bearer, json_of
from tests.gateway.test_embedded import Embedded
from tests.harness import START, Troupe
from tests.instance import MARATHON

Flask.test_client_class = Browser
PARTIAL = (
    '{% import "parts/mail_state.html" as mails with context %}'
    '{{ mails.mail_state(boxes, "/bureau/marathons/m1") }}'
)
HIDDEN = ("anne", "bruno", "voter", "secret")


class Desk:
    """A gateway over the four services, with organisers and mails that fail."""

    def __init__(self, troupe: Troupe) -> None:
        self.troupe = troupe
        self.app = create_app(troupe.settings, TroupeCaller(troupe))
        # A page that names a field which no answer has shall fail here.
        self.app.jinja_env.undefined = StrictUndefined
        self.client = self.app.test_client()
        create = {"label": "Essai", "role": "organiser"}
        made = troupe.registration.call("create_token", {**create, "marathon": None})
        self.boss = str(made["token"])

    def write(self, service: str, to: str, good_for: timedelta | None = None) -> None:
        """Writes a letter; one that is good for a while holds a link."""
        letter = Letter("Votre lien pour voter", "secret", "<p>secret</p>")
        ends = None if good_for is None else self.troupe.clock.now() + good_for
        self.troupe.players[service].within(lambda work: work.mail(to, letter, ends))
        self.troupe.clock.move_by(timedelta(seconds=1))

    def fail(self, service: str, error: Exception) -> None:
        """One pass of a sender that can send nothing."""

        def refuse() -> None:
            raise error

        outbox = Outbox(service, self.troupe.players[service].database)
        mail.send_due(outbox, Carrier(refuse), self.troupe.clock.now)

    def ask(self, method: str, path: str, **body: Any) -> TestResponse:
        """Asks the API as an organiser of all marathons."""
        given = None if method == "GET" else body
        address = f"/api/v1/outboxes/{path}"
        return self.client.open(address, method=method, headers=bearer(self.boss), json=given)

    def page(self) -> str:
        """The partial, as that organiser sees it."""
        with self.app.test_request_context("/"):
            g.visitor = parts().identity.of(Credential.of_bearer(self.boss), "test")
            g.correlation = "test"
            return render_template_string(PARTIAL, boxes=mail_state.boxes())


@pytest.fixture
def desk(troupe: Troupe) -> Desk:
    return Desk(troupe)


@pytest.mark.parametrize("service", WRITERS)
def test_every_service_that_writes_shows_how_its_mails_do(desk: Desk, service: str) -> None:
    desk.write(service, "anne@example.org")
    desk.fail(service, NotTaken("SMTPRecipientsRefused 451", "451 4.7.1 greylisted"))
    desk.write(service, "bruno@example.org", timedelta(minutes=30))
    assert json_of(desk.ask("GET", service)) == {
        "waiting": 2,
        "put_off": 1,
        "oldest_at": START.isoformat(),
        "last_error": "451 4.7.1 greylisted",
        "failed_at": (START + timedelta(seconds=1)).isoformat(),
        "parked": {"refused": 0, "undelivered": 0, "unwritable": 0},
        "expired": 0,
        "dropped": 0,
    }
    other = next(name for name in WRITERS if name != service)
    assert json_of(desk.ask("GET", other))["waiting"] == 0


@pytest.mark.parametrize("service", WRITERS)
def test_parked_mail_is_seen_sent_again_and_dropped(desk: Desk, service: str) -> None:
    desk.write(service, "anne@example.org")
    desk.fail(service, Refused("SMTPRecipientsRefused 550", "550 relaying denied"))
    answer = desk.ask("GET", f"{service}/parked")
    (parked,) = json_of(answer)
    assert (parked["to"], parked["error"]) == ("a…@example.org", "550 relaying denied")
    assert not [word for word in HIDDEN if word in answer.text]
    assert json_of(desk.ask("POST", f"{service}/retries", mail=parked["id"])) == {"mails": 1}
    assert json_of(desk.ask("GET", f"{service}/parked")) == []
    assert desk.ask("DELETE", f"{service}/parked/{parked['id']}").status_code == 404
    desk.fail(service, Refused("SMTPRecipientsRefused 550", "550 relaying denied"))
    assert json_of(desk.ask("DELETE", f"{service}/parked/{parked['id']}")) == {"mails": 1}
    state = json_of(desk.ask("GET", service))
    assert (state["waiting"], state["parked"]["refused"], state["dropped"]) == (0, 0, 1)


def test_partial_is_quiet_while_all_is_well(desk: Desk) -> None:
    page = desk.page()
    assert page.count("Aucun courriel n’attend d’être envoyé.") == len(WRITERS)
    assert "<table" not in page
    assert "/faire/" not in page


def test_partial_shows_what_is_wrong_and_what_can_be_done(desk: Desk) -> None:
    desk.write("registration", "anne@example.org")
    desk.write("registration", "<b>x@example.org".replace("<b>", "b"), timedelta(minutes=30))
    desk.fail("registration", Refused("550", "550 <script>no</script>"))
    desk.write("voting", "bruno@example.org")
    desk.fail("voting", NotTaken("451", "451 later"))
    page = desk.page()
    for told in ("2 ont été refusés définitivement", "1 courriel attend d’être envoyé",
                 "a…@example.org", "550 &lt;script&gt;no&lt;/script&gt;", "451 later",
                 "2 mars 2026"):  # fmt: skip
        assert told in page
    assert "<script" not in page
    assert not [word for word in HIDDEN if word in page]
    assert page.count("/faire/renvoyer-les-courriels-inscriptions?") == 2  # all, and anne's
    assert page.count("/faire/abandonner-un-courriel-inscriptions?mail=") == 2
    assert page.count("/faire/renvoyer-les-courriels-vote?") == 1


def test_partial_says_that_a_service_is_away(desk: Desk) -> None:
    with desk.app.test_request_context("/"):
        g.visitor = parts().identity.of(Credential.of_bearer(desk.boss), "test")
        g.correlation = "test"
        caller = parts().caller
        assert isinstance(caller, TroupeCaller)
        caller.away = {"voting"}
        page = render_template_string(PARTIAL, boxes=mail_state.boxes())
    assert page.count("ne peuvent pas être consultés") == 1
    assert page.count("Aucun courriel n’attend") == 1


def test_organiser_of_one_marathon_sees_figures_and_no_mail(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.people["o1"] = {
        "key": "o",
        "name": "O",
        "roles": [{"role": "organiser", "marathon": "m"}],
    }
    with client.application.test_request_context("/"):
        g.visitor = parts().identity.of(Credential.of_bearer("o1"), "test")
        g.correlation = "test"
        caller.answers["registration.get_mail_state"] = None
        found = mail_state.boxes()
    assert [box.may_act for box in found] == [False, False]
    assert {door for door, *_rest in caller.asked} == {
        "registration.get_mail_state",
        "voting.get_mail_state",
    }


@pytest.mark.parametrize(
    ("action", "path", "door", "request_"),
    [
        ("renvoyer-les-courriels-vote", "", "voting.retry_mails", {}),
        ("renvoyer-les-courriels-vote", "mail=x1", "voting.retry_mails", {"mail": "x1"}),
        (
            "abandonner-un-courriel-inscriptions",
            "mail=x1",
            "registration.drop_mail",
            {"mail": "x1"},
        ),
    ],
)
def test_action_of_the_desk_does_it(
    client: FlaskClient, caller: StandIn, action: str, path: str, door: str, request_: Any
) -> None:
    boss = [{"role": "organiser", "marathon": None}]
    caller.people["s1"] = {"key": "b", "name": "B", "roles": boss}
    with client.session_transaction() as session:
        session["session"] = "s1"
    address = f"/faire/{action}?retour=/moi&{path}"
    page = client.get(address)
    assert page.status_code == 200
    form = {"retour": "/moi", **request_}
    answer = client.post(f"/faire/{action}", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/moi?fait={action}#done")
    assert caller.asked[-1][:2] == (door, request_)


def test_doors_that_services_inherit_are_open_in_a_real_instance(tmp_path: Path) -> None:
    """nameko finds them too, in both services of one process."""
    instance = Embedded(tmp_path)
    try:
        instance.start()
        made = ("token", "create", "--label", "Essai", "--role", "organiser")
        done = subprocess.run(
            [*MARATHON, *made], env=instance.env, capture_output=True, text=True, check=True
        )
        for service in WRITERS:
            address = f"{instance.url}/api/v1/outboxes/{service}"
            request = Request(address, headers=bearer(done.stdout.strip()))
            with urlopen(request, timeout=10) as answer:
                assert json.load(answer)["waiting"] == 0
    finally:
        instance.close()
