"""Projects: registered, submitted, changed, withdrawn; who sees what (RULES R1, R3, R5, R6, R8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.registration import stages
from services.registration.tables import Member, Person, Project, Standing
from tests.registration.crew import FIRST, NOBODY, ORGANISER, START, Crew
from tests.registration.season import ENDS, SECOND, STARTS, on_both, organiser_of

WHOLE: dict[str, Any] = {
    "siren": "123456789",
    "commune": "47179",
    "needs": {"step_free": True, "water": False, "power": True, "surface_m2": 40},
    "max_size": 4,
    "open_roles": ["Graphiste"],
}
PUBLIC = {
    "id",
    "marathon",
    "status",
    "title",
    "pitch",
    "activity",
    "commune",
    "team_number",
    "size",
    "max_size",
    "open_roles",
}
CLOSE = PUBLIC | {"holder", "siren", "needs", "confirm_by", "reason", "created_at"}


@on_both
def test_registered_project_is_a_draft_that_its_holder_sees(crew: Crew) -> None:
    project = crew.project("anne", "L’épicerie", **WHOLE)
    seen = crew.call("get_project", crew.actor("anne"), project=project)
    assert seen == {
        "id": project,
        "marathon": FIRST,
        "status": "draft",
        "title": "L’épicerie",
        "pitch": "Une épicerie qui roule.",
        "activity": "Commerce",
        "team_number": None,
        "size": 1,
        "holder": {"key": crew.key("anne"), "name": "Anne"},
        "confirm_by": None,
        "reason": None,
        "created_at": START.isoformat(),
        **WHOLE,
    }
    assert crew.said("project") == []
    standing = crew.row(Standing, (FIRST, crew.key("anne")))
    assert (standing.side, standing.project) == ("competitor", project)


def test_organiser_registers_for_somebody(crew: Crew) -> None:
    request = {
        "marathon": FIRST,
        "title": "L’atelier",
        "pitch": "Bois.",
        "activity": "Artisanat",
        "holder": {"name": "Bruno\nBcc: x", "email": "Bruno@Example.org"},
    }
    machine = type(ORGANISER)(None, "jeton", frozenset({("organiser", FIRST)}))
    made = crew.call("register_project", machine, **request)
    assert made["holder"] == {"key": crew.key("bruno"), "name": "Bruno Bcc: x"}
    assert crew.refused("register_project", crew.known("zoe"), **request) == "forbidden"
    assert crew.refused("register_project", organiser_of(SECOND), **request) == "forbidden"
    del request["holder"]
    assert crew.refused("register_project", machine, **request) == "person_missing"


def test_name_given_once_is_not_overwritten_by_others(crew: Crew) -> None:
    crew.known("anne")
    holder = {"name": "Somebody else", "email": "anne@example.org"}
    request = {"marathon": FIRST, "title": "T", "pitch": "P", "activity": "A", "holder": holder}
    assert crew.call("register_project", **request)["holder"]["name"] == "Anne"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"siren": "12345678"}, "request_invalid"),
        ({"commune": "Fumel"}, "request_invalid"),
        ({"title": ""}, "request_invalid"),
        ({"pitch": "x" * 5001}, "request_invalid"),
        ({"max_size": 0}, "request_invalid"),
        ({"date_of_birth": "2010-01-01"}, "request_invalid"),
        ({"under_18": True}, "guardian_consent_missing"),
        ({"marathon": "nowhere"}, "marathon_not_found"),
    ],
)
def test_wrong_projects_are_refused(crew: Crew, wrong: Any, code: str) -> None:
    request = {"marathon": FIRST, "title": "T", "pitch": "P", "activity": "A", **wrong}
    assert crew.refused("register_project", crew.known("anne"), **request) == code


def test_minor_with_consent_is_kept_as_such_and_nothing_more(crew: Crew) -> None:
    project = crew.project("anne", under_18=True, guardian_consent=True)
    member = crew.row(Member, (project, crew.key("anne")))
    assert (member.under_18, member.guardian_consent) == (True, True)
    assert {column.name for column in Member.__table__.columns} == {
        "project",
        "person_key",
        "under_18",
        "guardian_consent",
        "joined_at",
    }


@on_both
def test_same_project_is_in_one_marathon_at_a_time(crew: Crew) -> None:
    project = crew.project("anne", "L’épicerie")
    other = {"marathon": SECOND, "pitch": "P", "activity": "A"}
    title = " l’ÉPICERIE "
    anne = crew.actor("anne")
    assert crew.refused("register_project", anne, title=title, **other) == (
        "project_in_another_marathon"
    )
    another = crew.call("register_project", anne, title="L’atelier", **other)["id"]
    assert crew.refused("change_project", anne, project=another, title=title) == (
        "project_in_another_marathon"
    )
    crew.call("register_project", crew.known("bruno"), title=title, **other)
    crew.call("withdraw_project", anne, project=project, reason="Plus tard.")
    crew.call("change_project", anne, project=another, title="L’épicerie")


def test_project_is_free_again_when_its_marathon_is_over(crew: Crew) -> None:
    project = crew.confirmed("anne")
    crew.move("running", "ended", "deliberated")
    assert crew.row(Project, project).claim is not None
    crew.season.call("move_marathon", marathon=FIRST, to="closed")
    assert crew.row(Project, project).claim is not None  # until it is heard, as every arrow
    crew.troupe.deliver()
    assert crew.row(Project, project).claim is None
    assert crew.status(project) == "confirmed"


def test_holder_has_one_team_in_a_marathon(crew: Crew) -> None:
    crew.project("anne")
    request = {"marathon": FIRST, "title": "Autre", "pitch": "P", "activity": "A"}
    assert crew.refused("register_project", crew.actor("anne"), **request) == "already_in_a_team"


def test_juror_registers_no_project(crew: Crew) -> None:
    crew.juror("jules")
    request = {"marathon": FIRST, "title": "T", "pitch": "P", "activity": "A"}
    assert crew.refused("register_project", crew.actor("jules"), **request) == (
        "juror_or_competitor"
    )
    crew.call("register_project", crew.actor("jules"), **{**request, "marathon": SECOND})


def test_applications_close_with_the_start(crew: Crew) -> None:
    draft = crew.project("anne")
    crew.move("running")
    request = {"marathon": FIRST, "title": "T", "pitch": "P", "activity": "A"}
    assert crew.refused("register_project", crew.known("bruno"), **request) == "not_at_this_stage"
    assert crew.refused("submit_project", crew.actor("anne"), project=draft) == "not_at_this_stage"


def test_draft_is_submitted_once_by_those_who_run_it(crew: Crew) -> None:
    project = crew.project("anne")
    assert crew.refused("submit_project", crew.known("bruno"), project=project) == (
        "project_not_found"
    )
    crew.call("submit_project", crew.actor("anne"), project=project)
    assert crew.status(project) == "submitted"
    assert crew.refused("submit_project", crew.actor("anne"), project=project) == (
        "project_move_impossible"
    )


def test_strangers_see_what_is_public_and_no_more(crew: Crew) -> None:
    hidden = [crew.project("anne"), crew.submitted("bruno"), crew.decided("refused", "chloe")]
    shown = crew.confirmed("david", siren="123456789")
    for project in hidden:
        assert crew.refused("get_project", NOBODY, project=project) == "project_not_found"
        assert crew.refused("get_project", crew.actor("david"), project=project) == (
            "project_not_found"
        )
    assert set(crew.call("get_project", NOBODY, project=shown)) == PUBLIC
    assert set(crew.call("get_project", crew.actor("david"), project=shown)) == CLOSE
    assert set(crew.call("get_project", project=shown)) == CLOSE | {"decision", "waiting"}
    listed = crew.call("list_projects", NOBODY, marathon=FIRST)
    assert [one["id"] for one in listed] == [shown]
    assert [
        len(crew.call("list_projects", crew.actor(name), marathon=FIRST))
        for name in ("anne", "chloe", "david")
    ] == [2, 2, 1]
    assert len(crew.call("list_projects", marathon=FIRST)) == 4


def test_change_is_said_once_everybody_has_heard_of_the_project(crew: Crew) -> None:
    project = crew.accepted("anne")
    anne = crew.actor("anne")
    crew.call("change_project", anne, project=project, pitch="Mieux.")
    assert crew.said("project") == []
    crew.call("confirm_project", anne, project=project)
    changed = crew.call(
        "change_project", anne, project=project, title="Nouveau", needs=WHOLE["needs"]
    )
    assert (changed["title"], changed["needs"]) == ("Nouveau", WHOLE["needs"])
    assert [
        (name, state["version"], state["title"], state["pitch"], state["needs"]["power"])
        for name, state in crew.said("project")
    ] == [
        ("project_confirmed", 1, "Projet de anne", "Mieux.", False),
        ("project_changed", 2, "Nouveau", "Mieux.", True),
    ]
    crew.call("change_project", anne, project=project, title="Nouveau")
    assert len(crew.said("project")) == 2


def test_change_that_does_not_fit_is_refused(crew: Crew) -> None:
    project = crew.confirmed("anne", max_size=3)
    code = crew.call("get_team", crew.actor("anne"), project=project)["join_code"]
    crew.call("join_team", crew.known("bruno"), code=code)
    anne = crew.actor("anne")
    assert crew.refused("change_project", anne, project=project, max_size=1) == "team_larger"
    bruno = crew.actor("bruno")
    assert crew.refused("change_project", bruno, project=project, title="X") == "forbidden"
    crew.move("running")
    assert crew.refused("change_project", anne, project=project, title="X") == "not_at_this_stage"
    crew.call("change_project", project=project, title="Corrigé par l’organisatrice")
    crew.move("ended")
    assert crew.refused("change_project", project=project, title="X") == "not_at_this_stage"


@pytest.mark.parametrize(
    ("reach", "said"),
    [("project", False), ("submitted", False), ("accepted", False), ("confirmed", True)],
)
def test_withdrawal_at_any_time_before_the_end(crew: Crew, reach: str, said: bool) -> None:
    project = getattr(crew, reach)("anne")
    crew.troupe.clock.move_by(timedelta(hours=1))
    anne = crew.actor("anne")
    gone = crew.call("withdraw_project", anne, project=project, reason="Un bébé.")
    assert (gone["status"], gone["reason"]) == ("withdrawn", "Un bébé.")
    events = [
        (name, state["status"], state["reason"], state["at"])
        for name, state in crew.said("project")
    ]
    at = (START + timedelta(hours=1)).isoformat()
    withdrawn = ("project_withdrawn", "withdrawn", "Un bébé.", at)
    assert events == ([("project_confirmed", "confirmed", None, None), withdrawn] if said else [])
    assert crew.refused("withdraw_project", anne, project=project, reason="x") == (
        "project_move_impossible"
    )
    # Who left may be a juror now.
    crew.juror("anne")


def test_no_withdrawal_after_the_end(crew: Crew) -> None:
    project = crew.confirmed("anne")
    crew.season.at(STARTS)
    crew.move("running")
    crew.season.at(ENDS)
    assert crew.season.state() == "ended"
    request = {"project": project, "reason": "Trop tard."}
    assert crew.refused("withdraw_project", crew.actor("anne"), **request) == "not_at_this_stage"
    assert crew.status(project) == "confirmed"


def test_project_that_left_after_it_was_public_stays_seen(crew: Crew) -> None:
    one, other = crew.confirmed("anne"), crew.accepted("bruno")
    for project, name in ((one, "anne"), (other, "bruno")):
        crew.call("withdraw_project", crew.actor(name), project=project, reason="x")
    listed = crew.call("list_projects", NOBODY, marathon=FIRST)
    assert [(row["id"], row["status"]) for row in listed] == [(one, "withdrawn")]


def test_on_the_spot(crew: Crew) -> None:
    here, absent, out = (crew.confirmed(name) for name in ("anne", "bruno", "chloe"))
    for door, more in (("check_in", {}), ("no_show", {}), ("disqualify_project", {"reason": "x"})):
        assert crew.refused(door, crew.actor("anne"), project=here, **more) == "forbidden"
        assert crew.refused(door, organiser_of(SECOND), project=here, **more) == "forbidden"
    crew.call("check_in", project=here)
    crew.call("no_show", project=absent)
    crew.move("running")
    crew.call("disqualify_project", project=out, reason="Plagiat.")
    last = {
        state["id"]: (name, state["status"], state["reason"])
        for name, state in crew.said("project")
    }
    assert last == {
        here: ("project_changed", "checked_in", None),
        absent: ("project_withdrawn", "no_show", None),
        out: ("project_withdrawn", "disqualified", "Plagiat."),
    }
    assert crew.refused("check_in", project=absent) == "project_move_impossible"
    # They were competitors: still none of them judges here.
    assert (
        crew.refused(
            "grant_role",
            marathon=FIRST,
            role="juror",
            person={"name": "B", "email": "bruno@example.org"},
        )
        == "juror_or_competitor"
    )
    crew.move("ended")
    assert crew.refused("no_show", project=here) == "not_at_this_stage"


def test_every_status_has_its_moves_and_its_word() -> None:
    assert set(stages.MOVES) == set(stages.FRENCH)
    assert {to for moves in stages.MOVES.values() for to in moves} <= set(stages.MOVES)
    assert all(stages.MOVES[status] == () for status in stages.OUT)


def test_actor_who_was_erased_a_moment_ago_is_refused(crew: Crew) -> None:
    anne = crew.known("anne")
    crew.call("erase_person", anne)
    request = {"marathon": FIRST, "title": "T", "pitch": "P", "activity": "A"}
    assert crew.refused("register_project", anne, **request) == "session_unknown"
    assert crew.row(Person, crew.key("anne")).erased_at == START
