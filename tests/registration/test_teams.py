"""Teams: joined by code or by request, never more than fit: RULES R2, R5, R6."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.registration.crew import FIRST, NOBODY, START, Crew, named
from tests.registration.season import STARTS
from tests.registration.test_roles import at_once

on_both = pytest.mark.parametrize("season", ["sqlite", "postgresql"], indirect=True)


def code_of(crew: Crew, project: str) -> str:
    """A team's join code, as its holder sees it."""
    return str(crew.call("get_team", crew.actor("anne"), project=project)["join_code"])


def test_joining_by_code(crew: Crew) -> None:
    project = crew.project("anne")
    code = code_of(crew, project)
    team = crew.call("join_team", crew.known("bruno"), code=code.lower())
    assert {member["name"] for member in team["members"]} == {"Anne", "Bruno"}
    assert "join_code" not in team
    again = crew.refused("join_team", crew.actor("bruno"), code=code)
    assert again == "already_in_a_team"
    assert crew.refused("join_team", crew.known("chloe"), code="nonsense") == "join_code_invalid"


def test_a_renewed_code_voids_the_old_one(crew: Crew) -> None:
    project = crew.project("anne")
    old = code_of(crew, project)
    new = crew.call("renew_join_code", crew.actor("anne"), project=project)["join_code"]
    assert crew.refused("join_team", crew.known("bruno"), code=old) == "join_code_invalid"
    crew.call("join_team", crew.actor("bruno"), code=new)
    assert crew.refused("renew_join_code", crew.actor("bruno"), project=project) == "forbidden"


def test_a_change_of_the_team_is_said_once_everybody_has_heard_of_it(crew: Crew) -> None:
    project = crew.confirmed("anne")
    crew.call("join_team", crew.known("bruno"), code=code_of(crew, project))
    name, state = crew.said("project")[-1]
    assert (name, state["size"], state["member_keys"]) == (
        "project_changed",
        2,
        [crew.key("bruno")],
    )


@on_both
def test_of_two_at_the_last_place_one_gets_it(crew: Crew) -> None:
    project = crew.project("anne", max_size=2)
    code = code_of(crew, project)
    outcomes = at_once(
        *(
            lambda name=name: crew.call("join_team", code=code, person=named(name))
            for name in ("bruno", "chloe")
        )
    )
    assert sorted(outcomes) == ["done", "team_full"]
    assert crew.call("get_team", project=project)["size"] == 2


@on_both
def test_the_same_person_joins_one_of_two_teams(crew: Crew) -> None:
    codes = [code_of(crew, crew.project("anne"))]
    other = crew.project("david")
    codes.append(crew.call("get_team", project=other)["join_code"])
    outcomes = at_once(
        *(
            lambda code=code: crew.call("join_team", code=code, person=named("bruno"))
            for code in codes
        )
    )
    assert sorted(outcomes) == ["already_in_a_team", "done"]


def test_teams_form_until_their_own_deadline_or_the_start(crew: Crew) -> None:
    project = crew.project("anne")
    code = code_of(crew, project)
    by = START + timedelta(days=3)
    crew.call("change_marathon", marathon=FIRST, settings={"teams_formed_by": by.isoformat()})
    crew.troupe.clock.move_to(by - timedelta(seconds=1))
    crew.call("join_team", crew.known("bruno"), code=code)
    crew.troupe.clock.move_to(by)
    assert crew.refused("join_team", crew.known("chloe"), code=code) == "team_formation_over"
    crew.call("change_marathon", marathon=FIRST, settings={"teams_formed_by": None})
    crew.call("join_team", crew.actor("chloe"), code=code)
    crew.troupe.clock.move_to(STARTS)
    assert crew.refused("join_team", crew.known("david"), code=code) == "team_formation_over"


def test_a_minor_joins_with_a_guardians_consent(crew: Crew) -> None:
    code = code_of(crew, crew.project("anne"))
    lea = crew.known("lea")
    without = crew.refused("join_team", lea, code=code, under_18=True)
    assert without == "guardian_consent_missing"
    team = crew.call("join_team", lea, code=code, under_18=True, guardian_consent=True)
    assert {m["name"]: m["under_18"] for m in team["members"]} == {"Anne": False, "Lea": True}


def test_asking_to_be_taken_in(crew: Crew) -> None:
    project = crew.confirmed("anne")
    crew.forget_mails()
    bruno = crew.known("bruno")
    asked = crew.call("request_to_join", bruno, project=project)
    assert crew.call("request_to_join", bruno, project=project)["id"] == asked["id"]
    assert len(crew.mails("anne")) == 1
    assert crew.refused("answer_request", bruno, request=asked["id"], accept=True) == (
        "request_not_found"
    )
    [waiting] = crew.call("get_team", crew.actor("anne"), project=project)["requests"]
    assert waiting["person"]["name"] == "Bruno"
    crew.call("answer_request", crew.actor("anne"), request=asked["id"], accept=True)
    assert crew.mails("bruno")
    assert crew.call("get_team", bruno, project=project)["size"] == 2
    again = {"request": asked["id"], "accept": True}
    assert crew.refused("answer_request", crew.actor("anne"), **again) == "request_closed"


def test_being_taken_in_ends_ones_other_requests(crew: Crew) -> None:
    ours, theirs = crew.decided("accepted", "anne"), crew.decided("accepted", "david")
    crew.call("publish_decisions", marathon=FIRST)
    for holder, project in (("anne", ours), ("david", theirs)):
        crew.call("confirm_project", crew.actor(holder), project=project)
    bruno = crew.known("bruno")
    first = crew.call("request_to_join", bruno, project=ours)
    second = crew.call("request_to_join", bruno, project=theirs)
    crew.call("answer_request", crew.actor("anne"), request=first["id"], accept=True)
    late = {"request": second["id"], "accept": True}
    assert crew.refused("answer_request", crew.actor("david"), **late) == "request_closed"


def test_leaving_a_team(crew: Crew) -> None:
    project = crew.confirmed("anne")
    bruno = crew.known("bruno")
    crew.call("join_team", bruno, code=code_of(crew, project))
    assert crew.refused("leave_team", crew.actor("anne"), project=project) == "holder_stays"
    other = {"project": project, "key": crew.key("anne")}
    assert crew.refused("leave_team", bruno, **other) == "forbidden"
    left = crew.call("leave_team", bruno, project=project)
    assert (left["size"], "members" in left) == (1, False)
    assert crew.said("project")[-1][1]["member_keys"] == []
    assert crew.refused("leave_team", bruno, project=project) == "member_not_found"


@pytest.mark.parametrize("actor", ["nobody", "stranger"])
def test_strangers_see_no_members(crew: Crew, actor: str) -> None:
    draft, public = crew.project("anne"), crew.confirmed("david")
    who: Any = NOBODY if actor == "nobody" else crew.known("chloe")
    assert crew.refused("get_team", who, project=draft) == "project_not_found"
    assert crew.refused("get_team", who, project=public) == "forbidden"
