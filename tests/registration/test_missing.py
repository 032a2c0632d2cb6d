"""What is missing before a move: all of it (RULES C2)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from services.chassis.errors import Refusal
from services.registration.tables import Marathon, Move
from tests.registration.season import FIRST, NOBODY, SECOND, STARTS, Season, on_both, organiser_of


def codes(season: Season, to: str = "running", marathon: str = FIRST) -> list[str]:
    """The codes of what is missing."""
    return [item["code"] for item in season.call("list_missing", marathon=marathon, to=to)]


@on_both
def test_everything_is_listed_at_once(season: Season) -> None:
    season.open()
    season.confirm_teams(FIRST, 2)
    assert season.call("list_missing", marathon=FIRST, to="running") == [
        {
            "code": "teams_too_few",
            "message": "Équipes confirmées : 2 ; il en faut au moins 6.",
            "hint": "Relancez les équipes retenues, ou faites monter la liste d’attente.",
            "overridable": True,
            "details": {"teams": 2, "least": 6, "most": 12},
        },
        {
            "code": "premises_missing",
            "message": "Équipes sans local confirmé : « Projet 0 », « Projet 1 ».",
            "hint": "Attribuez un local à chacune et confirmez l’attribution.",
            "overridable": True,
            "details": {
                "projects": ["saison-1-team-0", "saison-1-team-1"],
                "seats": 0,
                "seats_missing": 2,
            },
        },
        {
            "code": "panel_missing",
            "message": "Le jury n’est pas réuni.",
            "hint": "Nommez les jurés et réunissez le jury.",
            "overridable": True,
            "details": {},
        },
        {
            "code": "poll_missing",
            "message": "Le vote du public n’est pas préparé.",
            "hint": "Préparez le vote.",
            "overridable": True,
            "details": {},
        },
    ]


def test_nothing_is_missing_when_all_is_ready(season: Season) -> None:
    season.open()
    season.make_ready()
    assert codes(season) == []


@pytest.mark.parametrize(
    ("teams", "expected"),
    [(5, ["teams_too_few"]), (6, []), (12, []), (13, ["teams_too_many"])],
)
def test_six_to_twelve_teams(season: Season, teams: int, expected: list[str]) -> None:
    season.open()
    season.make_ready(teams=teams)
    assert codes(season) == expected


def test_a_released_place_is_missing_again(season: Season) -> None:
    season.open()
    projects = season.make_ready()
    season.hear_allocation(FIRST, projects[3], "released")
    assert codes(season) == ["premises_missing"]


def test_a_panel_without_quorum_is_missing_jurors(season: Season) -> None:
    season.open()
    season.make_ready()
    season.hear_panel(FIRST, quorum=False)
    assert codes(season) == ["quorum_unreachable"]


def test_a_poll_on_other_projects_is_told_with_the_difference(season: Season) -> None:
    season.open()
    projects = season.make_ready()
    season.hear_poll(FIRST, [*projects[1:], "autre"])
    missing = season.call("list_missing", marathon=FIRST, to="running")
    assert [item["code"] for item in missing] == ["poll_differs"]
    assert missing[0]["details"] == {"not_in_poll": [projects[0]], "only_in_poll": ["autre"]}


def test_seats_of_approved_premises_are_counted(season: Season) -> None:
    season.open()
    season.confirm_teams(FIRST, 6)
    for offer, state in (("a", "approved"), ("b", "offered"), ("c", "approved")):
        premises = {"id": offer, "marathon": FIRST, "state": state, "capacity": 2}
        season.hear("venues", "premises_offered", offer, premises)
    details = season.call("list_missing", marathon=FIRST, to="running")[0]["details"]
    assert (details["seats"], details["seats_missing"]) == (4, 2)


def test_what_is_missing_before_a_move_that_is_not_the_next_is_refused(
    season: Season,
) -> None:
    season.open()
    with pytest.raises(Refusal) as refused:
        codes(season, to="closed")
    assert refused.value.code == "move_impossible"
    assert refused.value.details["allowed"] == ["running", "cancelled"]


@pytest.mark.parametrize("actor", [NOBODY, organiser_of(SECOND)])
def test_only_its_organisers_see_what_is_missing(season: Season, actor: Any) -> None:
    season.open()
    for door, request in (
        ("list_missing", {"to": "running"}),
        ("get_desk", {}),
        ("move_marathon", {"to": "running"}),
        ("change_marathon", {"title": "x"}),
    ):
        with pytest.raises(Refusal) as refused:
            season.call(door, actor=actor, marathon=FIRST, **request)
        assert refused.value.code == "forbidden"


# --- moving on ----------------------------------------------------------------------------


def stored(season: Season) -> tuple[Any, ...]:
    """Everything of the first marathon that a move could change."""
    said = len(season.registration.said())
    with season.registration.session() as session:
        moves = len(list(session.scalars(select(Move.id))))
        row = session.get(Marathon, FIRST)
        assert row is not None
        return row.state, row.starts_at, row.projects, moves, said


@on_both
def test_a_move_with_something_missing_is_refused_and_stores_nothing(season: Season) -> None:
    season.open()
    season.confirm_teams(FIRST, 2)
    before = stored(season)
    with pytest.raises(Refusal) as refused:
        season.call("move_marathon", marathon=FIRST, to="running")
    assert refused.value.code == "move_not_ready"
    assert [item["code"] for item in refused.value.details["missing"]] == [
        "teams_too_few",
        "premises_missing",
        "panel_missing",
        "poll_missing",
    ]
    assert stored(season) == before


@pytest.mark.parametrize("reason", [None, " ", "\n\t"])
def test_overriding_needs_a_written_reason(season: Season, reason: Any) -> None:
    season.open()
    before = stored(season)
    with pytest.raises(Refusal) as refused:
        season.call("move_marathon", marathon=FIRST, to="running", override=True, reason=reason)
    assert refused.value.code == "reason_missing"
    assert stored(season) == before


@on_both
def test_an_override_is_logged_with_what_it_overrode(season: Season) -> None:
    season.open()
    actor = organiser_of(FIRST)
    season.call(
        "move_marathon",
        actor=actor,
        marathon=FIRST,
        to="running",
        override=True,
        reason="Les équipes sont dans la rue.",
    )
    line = season.call("get_desk", marathon=FIRST)["log"][-1]
    assert line == {
        "number": 3,
        "from": "mobilised",
        "to": "running",
        "at": season.troupe.clock.now().isoformat(),
        "actor": "Organisatrice de saison-1",
        "reason": "Les équipes sont dans la rue.",
        "overridden": [
            {
                "code": "teams_too_few",
                "message": "Équipes confirmées : 0 ; il en faut au moins 6.",
            },
            {"code": "panel_missing", "message": "Le jury n’est pas réuni."},
            {"code": "poll_missing", "message": "Le vote du public n’est pas préparé."},
        ],
    }


def test_closing_needs_a_palmares_whatever_the_reason(season: Season) -> None:
    season.open()
    season.move(FIRST, "running", override=True, reason="essai")
    season.move(FIRST, "ended")
    assert codes(season, "deliberated") == ["palmares_missing"]
    before = stored(season)
    with pytest.raises(Refusal) as refused:
        season.call("move_marathon", marathon=FIRST, to="deliberated", override=True, reason="x")
    assert refused.value.code == "move_not_ready"
    assert refused.value.hint == "Complétez ce qui manque."
    assert stored(season) == before


def test_closing_waits_for_the_count_unless_overridden(season: Season) -> None:
    season.open()
    projects = season.make_ready()
    season.move(FIRST, "running")
    season.move(FIRST, "ended")
    season.hear_poll(FIRST, projects, "closed")
    season.hear_palmares(FIRST)
    assert codes(season, "closed") == ["poll_not_counted"]
    season.hear_poll(FIRST, projects, "counted")
    assert codes(season, "closed") == []


@on_both
def test_the_start_freezes_the_projects(season: Season) -> None:
    season.open()
    projects = season.make_ready()
    season.at(STARTS)
    assert season.state() == "running"
    started = season.registration.said("marathon_started")
    assert [entry["id"] for entry in started[0]["data"]["projects"]] == projects
    season.confirm_teams(FIRST, 8)
    shown = season.call("get_marathon", marathon=FIRST)["projects"]
    assert [entry["id"] for entry in shown] == projects


@on_both
def test_the_desk_shows_everything_needed(season: Season) -> None:
    season.open()
    projects = season.make_ready()
    progress = {"marathon": FIRST, "project": projects[0], "cards_in": 1, "cards_expected": 4}
    season.hear("jury", "scorecard_submitted", projects[0], progress)
    desk = season.call("get_desk", actor=organiser_of(FIRST), marathon=FIRST)
    assert desk["teams"] == {"confirmed": 6, "with_premises": 6, "seats": 0}
    assert desk["next"] == [
        {"to": "running", "missing": []},
        {"to": "cancelled", "missing": []},
    ]
    assert desk["host"]["name"] == "Monsempron-Libos"
    assert desk["holds_baton"] is True
    assert desk["poll"]["state"] == "prepared"
    assert desk["panel"]["quorum_reachable"] is True
    assert desk["progress"] == [progress]
    assert desk["settings"]["close_by_itself"] is False
    assert desk["warnings"] == []
    assert [line["to"] for line in desk["log"]] == ["announced", "mobilised"]
