"""Roles: who may do what, and never on both sides: RULES R3."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from services.chassis.errors import Refusal
from services.registration.tables import Standing
from tests.registration.crew import FIRST, NOBODY, Crew, named
from tests.registration.season import SECOND, organiser_of

on_both = pytest.mark.parametrize("season", ["sqlite", "postgresql"], indirect=True)


def test_a_role_is_granted_and_said_with_what_conflicts_are_found_by(crew: Crew) -> None:
    made = crew.juror("jules", organisation="Mairie", siren="200068930", elected_in="47179")
    assert (made["email"], made["status"]) == ("jules@example.org", "granted")
    [(name, state)] = crew.said("role")
    assert (name, state["person_key"]) == ("role_granted", crew.key("jules"))
    assert (state["siren"], state["elected_in"]) == ("200068930", "47179")
    assert "email" not in state


def test_granting_again_only_brings_up_to_date(crew: Crew) -> None:
    first = crew.juror("jules")
    assert crew.juror("jules")["id"] == first["id"]
    assert len(crew.said("role")) == 1
    assert crew.juror("jules", president=True)["id"] == first["id"]
    assert [state["president"] for _, state in crew.said("role")] == [False, True]
    listed = crew.call("list_roles", marathon=FIRST)
    assert [role["id"] for role in listed if role["role"] == "juror"] == [first["id"]]


def test_revoking_is_said_once_and_the_role_can_be_granted_anew(crew: Crew) -> None:
    role = crew.juror("jules")["id"]
    crew.call("revoke_role", role_id=role)
    crew.call("revoke_role", role_id=role)
    assert [name for name, _ in crew.said("role")] == ["role_granted", "role_revoked"]
    assert crew.juror("jules")["id"] != role


def test_only_organisers_of_the_marathon_grant(crew: Crew) -> None:
    asked = {"marathon": FIRST, "role": "coach", "person": named("coline")}
    for actor in (NOBODY, organiser_of(SECOND), crew.actor("anne")):
        assert crew.refused("grant_role", actor, **asked) == "forbidden"
        assert crew.refused("list_roles", actor, marathon=FIRST) == "forbidden"
    everywhere = {"role": "organiser", "person": named("coline")}
    assert crew.refused("grant_role", organiser_of(FIRST), **everywhere) == "forbidden"


def test_a_juror_is_one_of_a_marathon(crew: Crew) -> None:
    asked = {"role": "juror", "person": named("jules")}
    assert crew.refused("grant_role", **asked) == "marathon_missing"
    assert crew.refused("grant_role", marathon="nowhere", **asked) == "marathon_not_found"


def test_a_marathon_has_as_many_scrutineers_as_it_names(crew: Crew) -> None:
    for name in ("sonia", "samir", "sacha"):
        made = crew.call("grant_role", marathon=FIRST, role="scrutineer", person=named(name))
        assert (made["role"], made["marathon"]) == ("scrutineer", FIRST)
    listed = crew.call("list_roles", marathon=FIRST)
    assert [role["role"] for role in listed].count("scrutineer") == 3
    asked = {"role": "scrutineer", "person": named("sonia")}
    assert crew.refused("grant_role", **asked) == "marathon_missing"


def test_nobody_is_juror_and_competitor_in_one_marathon(crew: Crew) -> None:
    crew.submitted("anne")
    asked = {"marathon": FIRST, "role": "juror", "person": named("anne")}
    assert crew.refused("grant_role", **asked) == "juror_or_competitor"
    # The same address written otherwise is the same person (RULES V2).
    shouted = {"name": "Anne", "email": "Anne@EXAMPLE.org"}
    assert crew.refused("grant_role", **asked | {"person": shouted}) == "juror_or_competitor"
    crew.juror("anne", SECOND)


def test_a_juror_whose_role_is_taken_away_may_compete(crew: Crew) -> None:
    role = crew.juror("jules")["id"]
    code = crew.call("get_team", project=crew.project("anne"))["join_code"]
    join = {"code": code, "person": named("jules")}
    assert crew.refused("join_team", **join) == "juror_or_competitor"
    crew.call("revoke_role", role_id=role)
    assert crew.call("join_team", **join)["size"] == 2


@on_both
def test_of_both_sides_at_once_only_one_wins(crew: Crew) -> None:
    code = crew.call("get_team", project=crew.project("anne"))["join_code"]
    outcomes = at_once(
        lambda: crew.call("join_team", code=code, person=named("jules")),
        lambda: crew.juror("jules"),
    )
    assert sorted(outcomes) == ["done", "juror_or_competitor"]
    assert crew.row(Standing, (FIRST, crew.key("jules"))).side in ("juror", "competitor")


def at_once(*runs: Any) -> list[str]:
    """What becomes of each, all started together."""
    gate = threading.Barrier(len(runs))
    outcomes: list[str] = []

    def one(run: Any) -> None:
        gate.wait()
        try:
            run()
        except Refusal as refusal:
            outcomes.append(refusal.code)
        else:
            outcomes.append("done")

    threads = [threading.Thread(target=one, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
