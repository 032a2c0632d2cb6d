"""Coaches, paired with teams: RULES R4."""

from __future__ import annotations

from tests.registration.crew import FIRST, NOBODY, Crew


def test_a_coach_has_teams_that_those_who_may_see_them_see(crew: Crew) -> None:
    coach = crew.grant("coach", "coline", organisation="Atelier")["id"]
    public, draft = crew.confirmed("anne"), crew.project("bruno")
    for project in (public, draft, public):
        crew.call("pair_coach", project=project, role_id=coach)
    [seen] = crew.call("list_coaches", NOBODY, marathon=FIRST)
    assert (seen["display_name"], seen["projects"]) == ("Coline", [public])
    [by_organiser] = crew.call("list_coaches", marathon=FIRST)
    assert set(by_organiser["projects"]) == {public, draft}


def test_only_a_coach_of_this_marathon_is_paired(crew: Crew) -> None:
    project = crew.project("anne")
    juror = crew.juror("jules")["id"]
    assert crew.refused("pair_coach", project=project, role_id=juror) == "coach_not_found"
    coach = crew.grant("coach", "coline")["id"]
    asked = {"project": project, "role_id": coach}
    assert crew.refused("pair_coach", crew.actor("anne"), **asked) == "forbidden"
    crew.call("pair_coach", **asked)
    crew.call("revoke_role", role_id=coach)
    assert crew.call("list_coaches", marathon=FIRST) == []
    assert crew.refused("pair_coach", **asked) == "coach_not_found"
