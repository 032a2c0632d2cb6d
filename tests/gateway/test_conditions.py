"""Entity tags: an edit that would overwrite somebody's is refused, an old answer is not resent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.routes import ROUTES
from services.chassis.representation import etag_of
from tests.gateway.stage import TroupeCaller, bearer, json_of
from tests.harness import Troupe
from tests.journeys.tour import LEGS, STARTS, Tour, cycle_file

LEG = LEGS[0]
EDITS = [route for route in ROUTES if route.service != "gateway" and route.messages.edits]


class Desk:
    """A gateway over four real services in which a marathon is being prepared."""

    def __init__(self, where: Path | str) -> None:
        self.troupe = Troupe(where)
        self.tour = Tour(self.troupe)
        self.app = create_app(self.troupe.settings, TroupeCaller(self.troupe))
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


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = Desk(tmp_path_factory.mktemp("desk"))
    made.prepare()
    return made


Case = tuple[str, str, Callable[[Desk], str], Callable[[int], dict[str, Any]]]


def _project(desk: Desk) -> str:
    return f"/projects/{json_of(desk.get(f'/marathons/{LEG}/projects'))[0]['id']}"


def _offer(desk: Desk) -> str:
    return f"/offers/{json_of(desk.get(f'/marathons/{LEG}/premises'))[0]['id']}"


# What is edited: the route's name, its method, where it is shown and edited, a body by number.
CASES: dict[str, tuple[str, Callable[[Desk], tuple[str, str]], Callable[[int], dict[str, Any]]]] = {
    "change_project": (
        "PATCH", lambda desk: (_project(desk),) * 2, lambda n: {"title": f"Nouveau {n}"},
    ),
    "change_marathon": (
        "PATCH", lambda desk: (f"/marathons/{LEG}",) * 2, lambda n: {"title": f"Marathon {n}"},
    ),
    "set_grid": (
        "PUT", lambda desk: (f"/marathons/{LEG}/grid",) * 2,
        lambda n: {"criteria": [{"id": "idee", "label": f"Idée {n}"}]},
    ),
    "change_premises": (
        "PATCH", lambda desk: (_offer(desk),) * 2, lambda n: {"title": f"Local {n}"},
    ),
}  # fmt: skip
ELSEWHERE = {
    "set_host": "a revealed host is for good: tests/registration has it before the reveal",
    "decide_offer": "shown as an offer, as change_premises is",
    "deliberate": "only after the end: shown as the ranking",
}


def test_every_edit_is_in_this_table() -> None:
    assert {route.endpoint for route in EDITS} == CASES.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("name", CASES)
def test_who_saw_what_is_there_may_change_it(desk: Desk, name: str) -> None:
    method, where, body = CASES[name]
    shown, edited = where(desk)
    tag = desk.get(shown).headers["ETag"]
    changed = desk.send(method, edited, body(1), **{"If-Match": tag})
    assert changed.status_code == 200, changed.json
    # Now something else is there, and the old tag is of no use.
    refused = desk.send(method, edited, body(2), **{"If-Match": tag})
    assert (refused.status_code, json_of(refused)["code"]) == (412, "changed_meanwhile")
    after = desk.get(shown)
    assert "2" not in str(body(1)) and f"{body(2)}" not in str(after.json)
    # One of several tags is enough; a star asks for anything that is there.
    several = f'"{"0" * 32}", {after.headers["ETag"]}'
    assert desk.send(method, edited, body(3), **{"If-Match": several}).status_code == 200
    assert desk.send(method, edited, body(4), **{"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("given", ["nothing", '"open', "W/abc", '""x', '"a" "b"'])
def test_what_is_no_tag_is_refused(desk: Desk, given: str) -> None:
    answer = desk.send("PATCH", f"/marathons/{LEG}", {"title": "x"}, **{"If-Match": given})
    assert (answer.status_code, json_of(answer)["code"]) == (400, "if_match_malformed")


def test_a_weak_tag_matches_nothing(desk: Desk) -> None:
    tag = desk.get(f"/marathons/{LEG}").headers["ETag"]
    answer = desk.send("PATCH", f"/marathons/{LEG}", {"title": "x"}, **{"If-Match": f"W/{tag}"})
    assert answer.status_code == 412


def test_a_tag_where_nothing_is_edited_is_refused(desk: Desk) -> None:
    answer = desk.send("POST", f"/marathons/{LEG}/panel", {}, **{"If-Match": '"0"'})
    assert (answer.status_code, json_of(answer)["code"]) == (400, "if_match_unsupported")


def test_of_two_who_saw_the_same_one_wins(storage: Any, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.prepare()
    caller = desk.app.extensions["gateway"].caller
    caller.deliver = False
    path = _project(desk)
    tag = desk.get(path).headers["ETag"]
    ready = threading.Barrier(4)

    def edit(number: int) -> int:
        ready.wait(10)
        return desk.send("PATCH", path, {"title": f"De {number}"}, **{"If-Match": tag}).status_code

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(edit, range(4)))
    assert found == [200, 412, 412, 412]


@pytest.mark.parametrize(
    "path", [f"/marathons/{LEG}", f"/marathons/{LEG}/projects", "/cycles", f"/marathons/{LEG}/desk"]
)
def test_who_has_an_answer_is_not_sent_it_again(desk: Desk, path: str) -> None:
    first = desk.get(path)
    assert first.headers["ETag"] == f'"{etag_of(first.json)}"'
    again = desk.get(path, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert desk.get(path, **{"If-None-Match": '"another"'}).status_code == 200
    assert first.headers["Cache-Control"] == "private, no-cache"


def test_a_tag_tells_strangers_nothing_of_a_secret_host(desk: Desk) -> None:
    second = f"/marathons/{LEGS[1]}"
    public = desk.client().get(f"/api/v1{second}").headers["ETag"]
    own = desk.get(f"{second}/desk").headers["ETag"]
    host = {"insee": "47022"}
    assert desk.send("PUT", f"{second}/host", host, **{"If-Match": own}).status_code == 200
    assert desk.client().get(f"/api/v1{second}").headers["ETag"] == public
    assert desk.get(f"{second}/desk").headers["ETag"] != own
    # And two organisers who choose a host at once do not overwrite each other.
    assert desk.send("PUT", f"{second}/host", host, **{"If-Match": own}).status_code == 412
