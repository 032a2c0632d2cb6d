"""The purge by itself, and what holds it (RULES D1, D2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from services.registration.periods import ACCOUNTS, TEAMS
from services.registration.tables import (
    JoinRequest,
    Marathon,
    Member,
    Person,
    Project,
    Role,
    Session,
    Standing,
)
from tests.registration.crew import DAY, FIRST, ORGANISER, Crew, email
from tests.registration.season import on_both
from tests.registration.test_erasure import kept

SECOND = timedelta(seconds=1)


def rows(crew: Crew, table: Any) -> int:
    with crew.season.registration.session() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def closed(crew: Crew) -> str:
    """The first marathon, closed, with a team of two, a request and a juror; its project."""
    project = crew.confirmed("anne", pitch="Le fournil de Zenobie.", siren="123456782")
    code = crew.call("get_team", project=project)["join_code"]
    crew.call("join_team", crew.known("bruno"), code=code)
    crew.call("request_to_join", crew.known("carla"), project=project)
    crew.grant("juror", "jules", organisation="Mairie")
    crew.move("running", "ended", "deliberated", "closed")
    return project


def until(crew: Crew, wait: timedelta) -> None:
    """Lets time pass, and everything fall due, one step each second."""
    crew.troupe.clock.move_by(wait)
    for _step in range(12):
        crew.season.registration.tick()


@on_both
def test_teams_are_forgotten_24_months_after_and_not_before(crew: Crew) -> None:
    project = closed(crew)
    until(crew, TEAMS - DAY)
    assert rows(crew, Member) == 2
    assert crew.row(Marathon, FIRST).purged_at is None
    until(crew, DAY)
    assert [rows(crew, table) for table in (Member, JoinRequest, Standing)] == [0, 0, 0]
    left = crew.row(Project, project)
    assert (left.title, left.team_number, left.status) == ("Projet de anne", 1, "confirmed")
    assert (left.pitch, left.siren) == ("", None)
    assert crew.row(Marathon, FIRST).purged_at == crew.troupe.clock.now()


def test_names_of_roles_end_with_their_marathon_and_everybody_hears(crew: Crew) -> None:
    closed(crew)
    until(crew, TEAMS)
    last = crew.said("role")[-1]
    assert (last[0], last[1]["display_name"], last[1]["organisation"]) == ("role_revoked", "", None)
    with crew.season.registration.session() as session:
        assert set(session.scalars(select(Role.status))) == {"revoked"}
    assert "'display_name': 'Jules'" not in kept(crew)
    assert "fournil" not in kept(crew)


def test_a_marathon_that_is_not_over_keeps_its_teams(crew: Crew) -> None:
    crew.confirmed("anne")
    crew.move("running", "ended")
    until(crew, TEAMS * 2)
    assert rows(crew, Member) == 1


@on_both
def test_accounts_that_nobody_uses_are_erased_by_themselves(crew: Crew) -> None:
    closed(crew)
    crew.sign_in("anne")
    until(crew, ACCOUNTS)
    left = kept(crew)
    assert [email(name) in left for name in ("anne", "bruno", "carla", "jules")] == [False] * 4
    erased = {state["id"] for _type, state in crew.said("person")}
    assert erased == {crew.key(name) for name in ("anne", "bruno", "carla", "jules")}


def test_who_signed_in_since_keeps_the_account(crew: Crew) -> None:
    crew.known("anne")
    until(crew, ACCOUNTS - DAY)
    crew.sign_in("anne")
    until(crew, DAY)
    assert crew.row(Person, crew.key("anne")).email == email("anne")
    until(crew, ACCOUNTS - DAY)
    assert crew.row(Person, crew.key("anne")).email is None


def test_who_has_a_role_or_a_team_keeps_the_account(crew: Crew) -> None:
    crew.confirmed("anne")
    crew.grant("organiser", "olga", None)
    until(crew, ACCOUNTS)
    assert crew.said("person") == []


def test_an_owner_of_premises_of_today_keeps_the_account(crew: Crew) -> None:
    crew.known("odile")
    until(crew, ACCOUNTS - DAY)
    offer = {
        "id": "o1", "premises": "x1", "marathon": FIRST, "state": "offered",
        "owner_key": crew.key("odile"), "owner_siren": None, "insee": "47179", "capacity": 1,
        "step_free": "yes",
    }  # fmt: skip
    crew.troupe.say("venues", "premises_offered", "o1", offer)
    until(crew, DAY)
    assert crew.said("person") == []
    until(crew, ACCOUNTS)
    assert [state["id"] for _type, state in crew.said("person")] == [crew.key("odile")]


def test_ended_sessions_go_without_anybody_signing_in(crew: Crew) -> None:
    crew.sign_in("anne")
    until(crew, timedelta(days=14) - SECOND)
    assert rows(crew, Session) == 1
    until(crew, SECOND)
    assert rows(crew, Session) == 0


# --- held ---------------------------------------------------------------------------------


@on_both
def test_a_dispute_holds_the_purge_until_it_is_lifted(crew: Crew) -> None:
    closed(crew)
    made = crew.call("hold_purge", marathon=FIRST, reason="Recours de l’équipe 1")
    assert (made["marathon"], made["lifted_at"]) == (FIRST, None)
    until(crew, TEAMS * 2)
    assert rows(crew, Member) == 2
    assert crew.row(Person, crew.key("anne")).email == email("anne")
    crew.call("lift_hold", marathon=FIRST)
    until(crew, SECOND)
    assert rows(crew, Member) == 0
    assert [one["reason"] for one in crew.call("list_holds")] == ["Recours de l’équipe 1"]


def test_everybody_hears_of_a_hold_and_nobody_of_its_reason(crew: Crew) -> None:
    closed(crew)
    crew.call("hold_purge", marathon=FIRST, reason="Recours de Zenobie")
    assert crew.said("marathon")[-1][1]["purge_held"] is True
    crew.call("lift_hold", marathon=FIRST)
    assert crew.said("marathon")[-1][1]["purge_held"] is False
    assert "Zenobie" not in repr(crew.said("marathon"))


def test_a_hold_keeps_nobody_from_erasing_themselves(crew: Crew) -> None:
    closed(crew)
    crew.call("hold_purge", marathon=FIRST, reason="Recours")
    crew.call("erase_person", crew.actor("anne"))
    assert crew.row(Person, crew.key("anne")).email is None


def test_who_may_hold_and_when(crew: Crew) -> None:
    olga = crew.actor("olga", ("organiser", FIRST))
    asked = {"marathon": FIRST, "reason": "Recours"}
    assert crew.refused("hold_purge", olga, **asked) == "forbidden"
    assert crew.refused("lift_hold", marathon=FIRST) == "hold_not_found"
    assert crew.refused("hold_purge", marathon="nowhere", reason="x") == "marathon_not_found"
    crew.call("hold_purge", ORGANISER, **asked)
    assert crew.refused("hold_purge", **asked) == "purge_held_already"
    assert crew.refused("list_holds", olga) == "forbidden"


@pytest.mark.parametrize("period", [TEAMS, ACCOUNTS])
def test_the_promise_is_24_months_at_most(period: timedelta) -> None:
    assert period <= timedelta(days=730)
