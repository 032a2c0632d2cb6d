"""The matrix route × visitor, every cell; and the table of routes against the doors there are.

``WHO`` says a second time, by hand, who may use each route: a new or changed row of the gateway's
table fails here until it is said here too.
"""

from __future__ import annotations

import importlib
import re

import pytest
from flask import Flask

from gateway.routes import CLOCK, INTERNAL, MAILS, ROUTES, Route
from services.chassis.config import SERVICES
from tests.gateway.stage import StandIn, bearer, person

ALL_ROUTES = (*ROUTES, *CLOCK, *MAILS)

VISITORS = {
    "person": person(key="person"),
    "juror": person(("juror", "m1"), key="juror"),
    "juror of another": person(("juror", "m2"), key="juror2"),
    "coach": person(("coach", "m1"), key="coach"),
    "scrutineer": person(("scrutineer", "m1"), key="scrutineer"),
    "scrutineer of another": person(("scrutineer", "m2"), key="scrutineer2"),
    "organiser": person(("organiser", "m1"), key="organiser"),
    "organiser of another": person(("organiser", "m2"), key="organiser2"),
    "organiser of all": person(("organiser", None), key="boss"),
    "operator": person(("operator", None), key="operator"),
    "mit_token": person(key=None),
    "mit_organiser": person(("organiser", "m1"), key=None),
    "mit_organiser of all": person(("organiser", None), key=None),
}
PEOPLE = {name for name, answer in VISITORS.items() if answer["key"]}
OF_ALL = {"organiser of all", "mit_organiser of all"}
OF_THIS = OF_ALL | {"organiser", "mit_organiser"}
MAY = {
    "anyone": {*VISITORS, "nobody"},
    "signed in": {*VISITORS},
    "person": PEOPLE,
    "juror": {"juror"},
    "panel": OF_THIS | {"juror"},
    "organiser": OF_THIS,
    "any organiser": OF_THIS | {"organiser of another"},
    "any scrutineer": OF_THIS | {"organiser of another", "scrutineer", "scrutineer of another"},
    "organiser of all": OF_ALL,
}
WHO = {
    "anyone": """
        GET /cycles
        GET /cycles/<cycle>
        GET /marathons/<marathon>
        POST /sign-in/requests
        POST /sign-in
        GET /marathons/<marathon>/projects
        GET /projects/<project>
        GET /marathons/<marathon>/coaches
        GET /marathons/<marathon>/premises
        GET /marathons/<marathon>/allocations
        GET /allocations/<allocation>
        GET /marathons/<marathon>/poll
        GET /marathons/<marathon>/poll/results
        GET /polls/<poll>
        POST /polls/<poll>/requests
        POST /polls/<poll>/passes
        POST /polls/<poll>/ballots
        GET /polls/<poll>/receipts
        GET /polls/<poll>/receipts/<receipt>
        GET /polls/<poll>/record
        GET /marathons/<marathon>/grid
        GET /marathons/<marathon>/prizes
        GET /prizes/<prize>
        GET /marathons/<marathon>/palmares
        GET /clock
        GET /mails
    """,
    "signed in": """
        GET /me
        POST /marathons/<marathon>/projects
        PATCH /projects/<project>
        POST /projects/<project>/submission
        POST /projects/<project>/confirmation
        POST /projects/<project>/withdrawal
        GET /projects/<project>/team
        POST /projects/<project>/join-code
        POST /teams/joins
        POST /projects/<project>/join-requests
        POST /join-requests/<request>/answer
        POST /projects/<project>/departures
        POST /marathons/<marathon>/premises
        GET /offers/<offer>
        PATCH /offers/<offer>
        POST /offers/<offer>/withdrawal
        POST /allocations/<allocation>/confirmation
        POST /allocations/<allocation>/refusal
        POST /allocations/<allocation>/cancellation
        POST /allocations/<allocation>/hand-over
        POST /allocations/<allocation>/return
    """,
    "person": """
        POST /sign-out
        GET /me/data
        GET /me/consents
        PATCH /me/consents
        PUT /me/language
        DELETE /me
    """,
    "juror": """
        PUT /marathons/<marathon>/scorecards/<project>
        GET /marathons/<marathon>/scorecards/<project>
        GET /marathons/<marathon>/scorecards/mine
    """,
    "panel": """
        GET /marathons/<marathon>/panel
        POST /marathons/<marathon>/recusals
        GET /marathons/<marathon>/progress
    """,
    "organiser": """
        PATCH /marathons/<marathon>
        GET /marathons/<marathon>/desk
        PUT /marathons/<marathon>/host
        POST /marathons/<marathon>/host/reveal
        POST /marathons/<marathon>/moves
        GET /marathons/<marathon>/moves
        GET /marathons/<marathon>/missing
        POST /marathons/<marathon>/roles
        POST /marathons/<marathon>/tokens
        GET /marathons/<marathon>/roles
        POST /marathons/<marathon>/decisions
        POST /marathons/<marathon>/allocations/proposal
        POST /marathons/<marathon>/allocations
        POST /marathons/<marathon>/allocations/confirmation
        POST /marathons/<marathon>/poll
        PUT /marathons/<marathon>/grid
        POST /marathons/<marathon>/panel
        GET /marathons/<marathon>/ranking
        POST /marathons/<marathon>/deliberation
        POST /marathons/<marathon>/prizes
        POST /marathons/<marathon>/palmares
    """,
    "any organiser": """
        GET /cycles/<cycle>/relays
        GET /cycles/<cycle>/relay
        POST /cycles/<cycle>/offers
        GET /partners
        DELETE /relays/<relay>
        POST /relays/<relay>/answer
        DELETE /roles/<role_id>
        GET /tokens
        DELETE /tokens/<id>
        POST /projects/<project>/decision
        POST /projects/<project>/check-in
        POST /projects/<project>/no-show
        POST /projects/<project>/disqualification
        POST /projects/<project>/coaches
        POST /offers/<offer>/decision
        POST /polls/<poll>/codes
        GET /polls/<poll>/codes
        DELETE /polls/<poll>/codes/<batch>
        GET /polls/<poll>/cases
        POST /polls/<poll>/cases/<case>/release
        POST /polls/<poll>/invalidations/preview
        POST /polls/<poll>/invalidations
        POST /polls/<poll>/releases
        GET /polls/<poll>/decisions
        POST /polls/<poll>/decisions/<decision>/signature
        DELETE /polls/<poll>/decisions/<decision>
        GET /outboxes/registration
        GET /outboxes/voting
        POST /prizes/<prize>/award
    """,
    "any scrutineer": """
        GET /polls/<poll>/box
    """,
    "organiser of all": """
        POST /cycles
        POST /cycles/<cycle>/relays
        POST /roles
        POST /tokens
        DELETE /people/<key>
        POST /marathons/<marathon>/hold
        DELETE /marathons/<marathon>/hold
        GET /holds
        GET /outboxes/registration/parked
        POST /outboxes/registration/retries
        DELETE /outboxes/registration/parked/<mail>
        GET /outboxes/voting/parked
        POST /outboxes/voting/retries
        DELETE /outboxes/voting/parked/<mail>
        PUT /clock
    """,
}
SAID = {
    line.strip(): who for who, lines in WHO.items() for line in lines.splitlines() if line.strip()
}


def named(route: Route) -> str:
    """A row as it is written above."""
    return f"{route.method} {route.path}"


def test_every_route_is_said_here() -> None:
    assert sorted(SAID) == sorted(map(named, ALL_ROUTES))


@pytest.mark.parametrize("route", ALL_ROUTES, ids=named)
def test_matrix(app: Flask, caller: StandIn, route: Route) -> None:
    """Every visitor at this route: 401 for nobody, 403 for who may not, past the door else."""
    for name, answer in VISITORS.items():
        caller.people[name] = answer
    found = {}
    for name in ("nobody", *VISITORS):
        caller.asked.clear()
        status = knock(app, route, name)
        found[name] = "in" if status not in (401, 403) else status
        # Who may not has not even reached the service.
        assert not (found[name] != "in" and caller.asked), (name, caller.asked)
    expected: dict[str, object] = {
        name: "in" if name in MAY[SAID[named(route)]] else 403 for name in found
    }
    if expected["nobody"] != "in":
        expected["nobody"] = 401
    assert found == expected


def knock(app: Flask, route: Route, name: str) -> int:
    """The status that this visitor gets at this route of marathon m1."""
    path = re.sub(r"<(\w+)>", lambda part: "m1" if part[1] == "marathon" else "x1", route.path)
    headers = {} if name == "nobody" else bearer(name)
    body = None if route.reads else {"now": "2026-01-01T00:00:00Z"} if "clock" in path else {}
    answer = app.test_client().open(
        f"/api/v1{path}", method=route.method, json=body, headers=headers
    )
    status: int = answer.status_code
    return status


def test_session_can_sign_out(app: Flask, caller: StandIn) -> None:
    caller.people["s1"] = person()
    client = app.test_client()
    with client.session_transaction() as session:
        session["session"] = "s1"
    assert client.post("/api/v1/sign-out", json={}).status_code == 200
    assert caller.asked[-1][:2] == ("registration.sign_out", {"session": "s1"})


def test_every_route_has_its_door() -> None:
    missing = [named(route) for route in ALL_ROUTES if not has_door(route)]
    assert missing == []


def test_every_route_names_its_path_as_the_door_does() -> None:
    for route in ALL_ROUTES:
        assert set(route.path_fields) <= route.takes.keys(), named(route)


def test_every_door_has_a_route() -> None:
    routed = {route.door for route in ALL_ROUTES} | INTERNAL.keys()
    doors = {
        f"{service}.{name}"
        for service in SERVICES
        for name in importlib.import_module(f"services.{service}.messages").DOORS
    }
    assert sorted(doors - routed) == []
    assert all(INTERNAL.values())


def test_no_route_is_there_twice() -> None:
    assert len({named(route) for route in ALL_ROUTES}) == len(ALL_ROUTES)
    assert len({route.endpoint for route in ALL_ROUTES}) == len(ALL_ROUTES)


def has_door(route: Route) -> bool:
    """Whether the service has the door that the route leads to."""
    try:
        return route.messages is not None
    except (KeyError, ModuleNotFoundError):
        return False
