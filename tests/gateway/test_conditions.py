"""Entity tags: an edit that would overwrite somebody's is refused, an old answer is not resent.

The table holds every route that edits what somebody else may edit too; the rules of who wins
are the services' (``tests/registration/test_edits.py``), the jury's own cases are in
``tests/jury/test_edits.py``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.routes import CLOCK, MAILS, ROUTES, Route
from services.chassis.representation import etag_of
from tests.gateway.stage import StandIn, TroupeCaller, bearer, json_of, person
from tests.harness import Troupe
from tests.journeys.tour import HOUR, LEGS, LENGTH, STARTS, Tour, cycle_file

LEG = LEGS[0]
EDITS = {route.endpoint: route for route in ROUTES if route.messages.edits}
GETS = {route.endpoint: route for route in (*ROUTES, *CLOCK, *MAILS) if route.reads}
OLD = f'"{"0" * 32}"'

Body = Callable[[int], dict[str, Any]]

# What each edit is sent, as a function of a number.
CHANGES: dict[str, Body] = {
    "change_marathon": lambda n: {"title": f"Marathon {n}"},
    "change_project": lambda n: {"title": f"Nouveau {n}"},
    "change_premises": lambda n: {"title": f"Local {n}"},
    "set_grid": lambda n: {"criteria": [{"id": "idee", "label": f"Idée {n}"}]},
    "prepare_poll": lambda n: {"closes_at": (STARTS[0] + LENGTH - n * HOUR).isoformat()},
}
MOVES: dict[str, Body] = {
    "move_marathon": lambda _n: {"to": "running"},
    "set_host": lambda _n: {"insee": "47022"},
    "reveal_host": lambda _n: {},
    "submit_project": lambda _n: {},
    "decide_project": lambda _n: {"decision": "refused"},
    "confirm_project": lambda _n: {},
    "withdraw_project": lambda _n: {"reason": "Inventé."},
    "check_in": lambda _n: {},
    "no_show": lambda _n: {},
    "disqualify_project": lambda _n: {"reason": "Inventé."},
    "decide_offer": lambda _n: {"approve": False, "reason": "Inventé."},
    "withdraw_offer": lambda _n: {"reason": "Inventé."},
    "convene_panel": lambda _n: {},
    "confirm_allocation": lambda _n: {},
    "decline_allocation": lambda _n: {"reason": "Inventé."},
    "cancel_allocation": lambda _n: {"reason": "Inventé."},
    "hand_over": lambda _n: {},
    "return_keys": lambda _n: {},
    "award_prize": lambda _n: {"project": None},
}
ELSEWHERE = {
    "deliberate": "the ranking is shown only after the end: tests/jury/test_edits.py",
    "submit_scorecard": "a juror's, while the marathon runs: tests/jury/test_edits.py",
}


class Desk:
    """A gateway over four real services in which a marathon is being prepared."""

    def __init__(self, troupe: Troupe) -> None:
        self.troupe = troupe
        self.tour = Tour(troupe)
        self.app = create_app(troupe.settings, TroupeCaller(troupe))
        made = self.tour.call("registration", "create_token", label="essai", role="organiser")
        self.token = bearer(made["token"])

    def prepare(self) -> None:
        """A marathon with all that a start needs."""
        file = cycle_file()
        del file["legs"][1]["host"]  # which is still to be chosen
        self.tour.call("registration", "open_cycle", file=file)
        self.tour.until("mobilised", partial(self.tour.is_in, LEG, "mobilised"))
        self.tour.mobilise(LEG, STARTS[0])

    def client(self) -> FlaskClient:
        """Somebody's browser or program."""
        return self.app.test_client()

    def get(self, path: str, **headers: str) -> TestResponse:
        """A GET as organiser."""
        return self.client().get(f"/api/v1{path}", headers={**self.token, **headers})

    def send(self, method: str, path: str, body: Any, **headers: str) -> TestResponse:
        """A command as organiser."""
        given = {**self.token, **headers}
        return self.client().open(f"/api/v1{path}", method=method, json=body, headers=given)

    def edit(self, name: str, number: int, **headers: str) -> TestResponse:
        """The edit of this name, with the body of this number."""
        route = EDITS[name]
        body = {**CHANGES, **MOVES}[name](number)
        return self.send(route.method, self.path(route, name), body, **headers)

    def shown(self, name: str, **headers: str) -> TestResponse:
        """What the edit of this name edits."""
        door = f"{EDITS[name].service}.{EDITS[name].messages.edits[0]}"
        parts = set(EDITS[name].path_fields)
        route = next(
            each for each in GETS.values() if each.door == door and parts >= {*each.path_fields}
        )
        return self.get(self.path(route, name), **headers)

    def path(self, route: Route, name: str) -> str:
        """Where a route is, for what the edit of this name edits."""
        return re.sub(r"<(\w+)>", lambda part: self._id(part[1], name), route.path)

    def _id(self, part: str, name: str) -> str:
        lists = {
            "project": "projects",
            "offer": "premises",
            "allocation": "allocations",
            "prize": "prizes",
        }
        if part == "marathon":
            return LEGS[1] if name in ("set_host", "reveal_host") else LEG
        return str(json_of(self.get(f"/marathons/{LEG}/{lists[part]}"))[0]["id"])

    def said(self) -> int:
        """How many events all services have said."""
        return sum(len(player.said()) for player in self.troupe.players.values())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = Desk(Troupe(tmp_path_factory.mktemp("desk")))
    made.prepare()
    return made


# --- edits --------------------------------------------------------------------------------


def test_every_edit_is_in_this_table() -> None:
    assert EDITS.keys() == CHANGES.keys() | MOVES.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("name", [*CHANGES, *MOVES])
def test_who_saw_something_else_changes_nothing(desk: Desk, name: str) -> None:
    before, said = desk.shown(name), desk.said()
    refused = desk.edit(name, 9, **{"If-Match": OLD, "Idempotency-Key": f"old-{name}"})
    assert (refused.status_code, json_of(refused)["code"]) == (412, "changed_meanwhile")
    assert (desk.shown(name).json, desk.said()) == (before.json, said)
    assert "ETag" not in refused.headers


@pytest.mark.parametrize("name", CHANGES)
def test_who_saw_what_is_there_may_change_it(desk: Desk, name: str) -> None:
    tag = desk.shown(name).headers["ETag"]
    changed = desk.edit(name, 1, **{"If-Match": tag})
    assert changed.status_code == 200, changed.json
    # The answer has the tag of what is there now: another edit needs no look in between.
    assert changed.headers["ETag"] == desk.shown(name).headers["ETag"] != tag
    assert desk.edit(name, 2, **{"If-Match": tag}).status_code == 412
    again = desk.edit(name, 3, **{"If-Match": changed.headers["ETag"]})
    assert again.status_code == 200, again.json
    # One of several tags is enough; a star asks for anything that is there.
    several = f"{OLD}, {again.headers['ETag']}"
    assert desk.edit(name, 4, **{"If-Match": several}).status_code == 200
    assert desk.edit(name, 5, **{"If-Match": "*"}).status_code == 200
    assert desk.edit(name, 6).status_code == 200


def test_an_edit_that_is_repeated_is_answered_as_before_whatever_was_seen(desk: Desk) -> None:
    seen = {"If-Match": desk.shown("change_project").headers["ETag"], "Idempotency-Key": "k-1"}
    first = desk.edit("change_project", 11, **seen)
    # It is the answer that was lost on its way: what was changed since does not matter.
    assert desk.edit("change_project", 12).status_code == 200
    again = desk.edit("change_project", 11, **seen)
    assert (again.status_code, again.json) == (first.status_code, first.json)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert json_of(desk.shown("change_project"))["title"] == "Nouveau 12"
    other = desk.edit("change_project", 13, **seen)
    assert (other.status_code, json_of(other)["code"]) == (409, "idempotency_mismatch")


def test_a_status_is_repeated_with_its_answer(desk: Desk) -> None:
    path = f"/marathons/{LEG}/prizes"
    body = {"kind": "rent", "title": "Loyer inventé"}
    made = [desk.send("POST", path, body, **{"Idempotency-Key": "prize"}) for _ in range(2)]
    assert [each.status_code for each in made] == [201, 201]
    assert made[0].json == made[1].json
    titles = [each["title"] for each in json_of(desk.get(path))]
    assert titles.count("Loyer inventé") == 1


@pytest.mark.parametrize("given", ["nothing", '"open', "W/abc", '""x', '"a" "b"', '*, "a"', ""])
@pytest.mark.parametrize("method", ["PATCH", "GET"])
def test_what_is_no_tag_is_refused(desk: Desk, method: str, given: str) -> None:
    body = None if method == "GET" else {"title": "x"}
    answer = desk.send(method, f"/marathons/{LEG}", body, **{"If-Match": given})
    assert (answer.status_code, json_of(answer)["code"]) == (400, "if_match_malformed")


def test_a_weak_tag_matches_nothing(desk: Desk) -> None:
    weak = {"If-Match": f"W/{desk.shown('change_marathon').headers['ETag']}"}
    assert desk.edit("change_marathon", 7, **weak).status_code == 412
    assert desk.shown("change_marathon", **weak).status_code == 412


def test_a_tag_where_nothing_is_edited_is_refused(desk: Desk) -> None:
    for path in ("decisions", "allocations/proposal"):
        answer = desk.send("POST", f"/marathons/{LEG}/{path}", {}, **{"If-Match": OLD})
        assert (answer.status_code, json_of(answer)["code"]) == (400, "if_match_unsupported")


def test_what_is_not_there_is_not_found_rather_than_changed(desk: Desk) -> None:
    for given in (OLD, "*"):
        answer = desk.send("PATCH", "/projects/nowhere", {"title": "x"}, **{"If-Match": given})
        assert (answer.status_code, json_of(answer)["code"]) == (404, "project_not_found")


def test_of_two_who_saw_the_same_one_wins(troupe: Troupe) -> None:
    desk = Desk(troupe)
    desk.prepare()
    desk.app.extensions["gateway"].caller.deliver = False
    seen = {"If-Match": desk.shown("change_project").headers["ETag"]}
    ready = threading.Barrier(4)

    def edit(number: int) -> int:
        ready.wait(10)
        return desk.edit("change_project", number, **seen).status_code

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(edit, range(4)))
    assert sorted(found) == [200, 412, 412, 412]
    assert json_of(desk.shown("change_project"))["title"] == f"Nouveau {found.index(200)}"


def test_a_tag_tells_strangers_nothing_of_a_secret_host(desk: Desk) -> None:
    second = f"/marathons/{LEGS[1]}"
    public = desk.client().get(f"/api/v1{second}").headers["ETag"]
    own = desk.get(f"{second}/desk").headers["ETag"]
    host = {"insee": "47022"}
    chosen = desk.send("PUT", f"{second}/host", host, **{"If-Match": own})
    assert chosen.status_code == 200
    assert desk.client().get(f"/api/v1{second}").headers["ETag"] == public
    assert desk.get(f"{second}/desk").headers["ETag"] == chosen.headers["ETag"] != own
    # And two organisers who choose a host at once do not overwrite each other.
    assert desk.send("PUT", f"{second}/host", host, **{"If-Match": own}).status_code == 412


# --- what is read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [f"/marathons/{LEG}", f"/marathons/{LEG}/projects", "/cycles", f"/marathons/{LEG}/desk"]
)
def test_who_has_an_answer_is_not_sent_it_again(desk: Desk, path: str) -> None:
    first = desk.get(path)
    assert first.headers["ETag"] == f'"{etag_of(first.json)}"'
    again = desk.get(path, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert desk.get(path, **{"If-None-Match": '"another"'}).status_code == 200


def visit(app: Flask, route: Route, **headers: str) -> TestResponse:
    """A GET as whoever may."""
    path = re.sub(r"<(\w+)>", lambda part: "m1" if part[1] == "marathon" else "x1", route.path)
    return app.test_client().get(f"/api/v1{path}", headers={**bearer("all"), **headers})


@pytest.mark.parametrize("name", GETS)
def test_every_get_answers_with_a_tag_and_knows_it_again(
    app: Flask, caller: StandIn, name: str
) -> None:
    caller.people["all"] = person(("organiser", None), ("juror", "m1"))
    if GETS[name].is_file:
        app.extensions["gateway"].storage.put("a/file", [b"content"])
        reference = {"key": "a/file", "name": "file.csv", "digest": "f" * 64}
        caller.answers[GETS[name].door] = reference
    first = visit(app, GETS[name])
    assert first.status_code == 200, first.json
    again = visit(app, GETS[name], **{"If-None-Match": f'"other", {first.headers["ETag"]}'})
    if name in ("my_data", "get_clock"):
        return  # what tells the time is another answer each time
    assert (again.status_code, again.data) == (304, b"")
    kept = ("ETag", "Cache-Control", "Vary")
    assert [again.headers[each] for each in kept] == [first.headers[each] for each in kept]
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Cookie"} <= {
        each.strip() for each in first.headers["Vary"].split(",")
    }
    assert visit(app, GETS[name], **{"If-Match": first.headers["ETag"]}).status_code == 200
    assert visit(app, GETS[name], **{"If-Match": "*"}).status_code == 200
    other = visit(app, GETS[name], **{"If-Match": OLD})
    assert (other.status_code, json_of(other)["code"]) == (412, "changed_meanwhile")


def test_the_document_of_the_api_is_sent_once(client: FlaskClient) -> None:
    first = client.get("/api/v1/openapi.json")
    again = client.get("/api/v1/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


# --- what is documented, and keys ---------------------------------------------------------


def operation(document: dict[str, Any], route: Route) -> dict[str, Any]:
    """The operation of a row."""
    path = "/api/v1" + re.sub("<(.+?)>", r"{\1}", route.path)
    found: dict[str, Any] = document["paths"][path][route.method.lower()]
    return found


def test_the_document_says_where_conditions_are_understood(client: FlaskClient) -> None:
    document = json_of(client.get("/api/v1/openapi.json"))
    for route in ROUTES:
        told = operation(document, route)
        named = {each.get("$ref", "").rpartition("/")[2] for each in told["parameters"]}
        answers = told["responses"]
        tagged = "ETag" in answers[str(route.status)].get("headers", {})
        edits = route.endpoint in EDITS
        assert ("IfNoneMatch" in named, "304" in answers) == (route.reads,) * 2, route
        assert ("IdempotencyKey" in named) == (not route.reads), route
        assert ("IfMatch" in named) == edits, route
        assert ("412" in answers, tagged) == (edits or route.reads,) * 2, route


@pytest.mark.parametrize("route", [each for each in ROUTES if not each.reads], ids=str)
def test_every_command_takes_a_key(app: Flask, caller: StandIn, route: Route) -> None:
    caller.people["all"] = person(("organiser", None), ("juror", "m1"))
    client = app.test_client()
    with client.session_transaction() as session:
        session["session"] = "all"
    path = re.sub(r"<(\w+)>", lambda part: "m1" if part[1] == "marathon" else "x1", route.path)
    headers = {"Idempotency-Key": "key-1"}
    answer = client.open(f"/api/v1{path}", method=route.method, json={}, headers=headers)
    assert answer.status_code == route.status
    (door, _request, _actor, key, _correlation) = caller.asked[-1]
    assert (door, key) == (route.door, "key-1")
    bad = client.open(
        f"/api/v1{path}", method=route.method, json={}, headers={"Idempotency-Key": "k " * 99}
    )
    assert (bad.status_code, json_of(bad)["code"]) == (400, "idempotency_key_invalid")


def test_what_strangers_are_answered_again_is_nothing_they_did_not_have() -> None:
    # They share the keys of "anonymous": who guesses a key and the request that went with it
    # is answered, or told that there is no answer any more.
    commands = [each for each in ROUTES if not each.reads and each.who.name == "ANYONE"]
    kept = {
        each.endpoint: sorted(each.messages.gives().fields)
        for each in commands
        if each.messages.memory == "answer" and each.messages.gives
    }
    assert kept == {
        "request_sign_in": ["minutes"],
        # A pass: for who holds the mailed link or code, which is the request itself.
        "exchange_proof": ["expires_at", "pass_"],
    }
