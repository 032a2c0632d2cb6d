"""The routes of which the service says whose they are: every one against everybody (RULES R3).

``tests/gateway/test_access.py`` has the roles of all routes. Here are those that depend on the
thing itself: one's own project or another's, one's own premises, an organiser of this marathon
or of another. A route without a row fails.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.access import Who
from gateway.routes import ROUTES, Route
from services.chassis.actor import Actor
from tests.gateway.crawl import Visitor, gateway_of, ids_of
from tests.gateway.test_non_interference import ALL, HOST, VOTES, Story, visitors
from tests.harness import Troupe
from tests.journeys.tour import LEGS

RELATED = [
    route for route in ROUTES if route.who in (Who.SIGNED_IN, Who.ORGANISER_ANY, Who.SCRUTINEER_ANY)
]
LEG = LEGS[0]

OTHERS = [
    Visitor("other organiser", "other-organiser", frozenset({("organiser", LEGS[1])})),
    Visitor("other juror", "other-juror", frozenset({("juror", LEGS[1])})),
    Visitor("other scrutineer", "other-scrutineer", frozenset({("scrutineer", LEGS[1])})),
]

BODIES: dict[str, dict[str, Any]] = {
    "answer_relay": {"answer": "refused", "reason": "Non."},
    "register_project": {"title": "T", "pitch": "P", "activity": "A"},
    "change_project": {"pitch": "Autre."},
    "decide_project": {"decision": "refused"},
    "withdraw_project": {"reason": "Non."},
    "disqualify_project": {"reason": "Non."},
    "join_team": {"code": "nothing"},
    "answer_request": {"accept": False},
    "offer_premises": {
        "title": "L",
        "owner": {"name": "O", "email": "o@example.org"},
        "address": {"street": "Rue", "postal_code": "47500", "insee": "47179"},
        "surface_m2": 10,
        "capacity": 1,
        "step_free": "no",
        "power": True,
        "water": True,
        "available": [{"from_at": "2030-01-01T00:00:00Z", "to_at": "2030-01-02T00:00:00Z"}],
    },
    "change_premises": {"surface_m2": 81},
    "decide_offer": {"approve": True},
    "withdraw_offer": {"reason": "Non."},
    "decline_allocation": {"reason": "Non."},
    "cancel_allocation": {"reason": "Non."},
    "issue_codes": {"place": "Mairie", "count": 1},
    "award_prize": {"project": None},
    "offer_relay": {"to_marathon": LEGS[1]},
    "preview_invalidation": {"domain": "example.org"},
    "sign_invalidation": {"domain": "example.org", "reason": "Non.", "digest": "0" * 64},
    "sign_release": {"reason": "Non."},
}
ORGANISERS = {"organiser", "mit_token", "everywhere"}
EVERYBODY = {
    "stranger", "holder", "other holder", "member", "owner", "juror", "coach", "operator",
    "other organiser", "other juror", "scrutineer", "other scrutineer", *ORGANISERS,
}  # fmt: skip

# Who gets past "whose is it": what the rules then say (409, 422) is another matter.
RUNS_TEAM = {"holder", *ORGANISERS}
LENDS = {"owner", *ORGANISERS}
# Who has signed in here before: the others' keys are of nobody on file.
ON_FILE = {"coach", "holder", "other holder", "member", "juror", "mit_token"}
MAY: dict[str, set[str]] = {
    "who_am_i": EVERYBODY,
    "list_relays": ORGANISERS | {"other organiser"},
    "list_tokens": ORGANISERS | {"other organiser"},
    "get_mail_state_of_registration": ORGANISERS | {"other organiser"},
    "get_mail_state_of_voting": ORGANISERS | {"other organiser"},
    "revoke_role": ORGANISERS,
    "revoke_token": ORGANISERS,
    "register_project": ON_FILE,
    "request_to_join": ON_FILE,
    "join_team": EVERYBODY,  # by its code, which none of them has
    "change_project": RUNS_TEAM,
    "submit_project": RUNS_TEAM,
    "confirm_project": RUNS_TEAM,
    "withdraw_project": RUNS_TEAM,
    "renew_join_code": RUNS_TEAM,
    "answer_request": RUNS_TEAM,
    "pair_coach": ORGANISERS,
    "get_team": RUNS_TEAM | {"member"},
    "leave_team": {"holder", "member"},
    "decide_project": ORGANISERS,
    "check_in": ORGANISERS,
    "no_show": ORGANISERS,
    "disqualify_project": ORGANISERS,
    "offer_premises": ORGANISERS,  # in somebody else's name, as here
    "get_premises": EVERYBODY,  # it is approved
    "change_premises": LENDS,
    "withdraw_offer": LENDS,
    "decide_offer": ORGANISERS,
    "confirm_allocation": LENDS,
    "decline_allocation": LENDS,
    "cancel_allocation": LENDS,
    "hand_over": LENDS,
    "return_keys": LENDS,
    "issue_codes": ORGANISERS,
    "list_codes": ORGANISERS,
    "revoke_codes": ORGANISERS,
    "get_box": ORGANISERS | {"scrutineer"},
    "award_prize": ORGANISERS,
    "list_partners": ORGANISERS | {"other organiser"},
    "relay_status": ORGANISERS | {"other organiser"},
    "offer_relay": ORGANISERS,
    "list_cases": ORGANISERS,
    "list_decisions": ORGANISERS,
    "preview_invalidation": ORGANISERS,
    "sign_invalidation": {"organiser", "everywhere"},  # in one's own name: no token signs
    "sign_release": {"organiser", "everywhere"},
}
# Once the marathon is closed and its relay offered to the next one.
AFTER = {"answer_relay": {"other organiser", "everywhere"}, "withdraw_relay": ORGANISERS}
# About a case or a decision, of which there is none here.
BEFORE_A_COUNT = {"release_case", "sign_decision", "withdraw_decision"}
"""``tests/voting/test_quarantine.py`` and ``test_invalidation.py`` have who may."""


class Asked(Story):
    """Somebody asks to join a team before its marathon starts."""

    def mobilise(self, leg: str, starts_at: datetime) -> None:
        """As the story's own."""
        super().mobilise(leg, starts_at)
        team = self.projects(leg)["Jardin"]
        curious = Actor(self.key("coline"), "Coline")
        self.call("registration", "request_to_join", actor=curious, project=team)


class Stage:
    """A marathon in its 36 hours, and one of each kind of visitor."""

    def __init__(self, where: Path) -> None:
        self.troupe = Troupe(where)
        story = Asked(self.troupe, VOTES, HOST)
        story.play_to_the_vote()
        self.story = story
        self.ids = {**ids_of(self.troupe), "project": [story.projects(LEG)["Jardin"]]}
        coach = story.ask("registration", "list_coaches", marathon=LEG)[0]
        roles = story.ask("registration", "list_roles", marathon=LEG)
        # Not the coach's: taking it away must not change who may pair them.
        self.ids["role_id"] = [role["id"] for role in roles if role["role"] == "juror"]
        self.bodies = {**BODIES, "pair_coach": {"role_id": coach["role_id"]}}
        other = story.ask("registration", "get_team", project=story.projects(LEG)["Poterie"])
        offers = story.ask("venues", "list_premises", marathon=LEG)
        owner = story.troupe.players["venues"].within(
            lambda work: work.person_key(offers[0]["contact"]["email"])
        )
        holder = next(one["key"] for one in other["members"] if one["holder"])
        self.people = [
            *visitors(story),
            ALL,
            *OTHERS,
            Visitor("other holder", holder),
            Visitor("owner", owner),
        ]
        self.app = gateway_of(self.troupe, self.people)

    def passes(self, route: Route, visitor: Visitor) -> bool:
        """Whether a visitor gets past the question whose it is."""
        path = route.path
        for name in route.path_fields:
            path = path.replace(f"<{name}>", self.ids[name][0])
        body = None if route.reads else self.bodies.get(route.endpoint, {})
        answer = self.app.test_client().open(
            f"/api/v1{path}",
            method=route.method,
            json=body,
            headers={"Authorization": f"Bearer {visitor.name}"},
        )
        assert b"request_invalid" not in answer.data, answer.text
        return answer.status_code not in (401, 403, 404)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("whose"))


def test_every_related_route_is_in_the_table() -> None:
    assert {route.endpoint for route in RELATED} == MAY.keys() | AFTER.keys() | BEFORE_A_COUNT


def test_everybody_is_on_the_stage(stage: Stage) -> None:
    assert {each.name for each in stage.people} == EVERYBODY


ROWS = [route for route in RELATED if route.endpoint in MAY]


@pytest.mark.parametrize("route", ROWS, ids=lambda route: route.endpoint)
def test_who_has_nothing_to_do_with_it_is_refused(stage: Stage, route: Route) -> None:
    strangers = [each for each in stage.people if each.name not in MAY[route.endpoint]]
    assert {each.name for each in strangers if stage.passes(route, each)} == set()


@pytest.mark.parametrize("route", ROWS, ids=lambda route: route.endpoint)
def test_whose_it_is_gets_past(stage: Stage, route: Route) -> None:
    theirs = [each for each in stage.people if each.name in MAY[route.endpoint]]
    assert {each.name for each in theirs if stage.passes(route, each)} == MAY[route.endpoint]


@pytest.mark.parametrize("endpoint", AFTER)
def test_whose_it_is_after_the_end(tmp_path: Path, endpoint: str) -> None:
    stage = Stage(tmp_path)
    stage.story.play_to_the_end()
    stage.ids = ids_of(stage.troupe)
    (route,) = (each for each in RELATED if each.endpoint == endpoint)
    assert {each.name for each in stage.people if stage.passes(route, each)} == AFTER[endpoint]
