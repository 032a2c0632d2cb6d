"""All that is held on somebody, and its erasure: RULES D2."""

from __future__ import annotations

from sqlalchemy import select

from services.chassis import people_tables, tables
from services.registration.tables import Base, Person
from tests.registration.crew import DAY, FIRST, ORGANISER, START, Crew, email, named


def kept(crew: Crew) -> str:
    """Everything that registration's database holds, as text."""
    metadata = (Base.metadata, people_tables.mails.metadata, tables.metadata)
    with crew.season.registration.session() as session:
        return repr(
            [
                session.execute(select(table)).all()
                for one in metadata
                for table in one.sorted_tables
            ]
        )


def test_my_data_is_all_that_is_held(crew: Crew) -> None:
    project = crew.submitted("anne")
    crew.grant("coach", "anne", organisation="Atelier")
    other = crew.confirmed("david")
    crew.call("request_to_join", crew.known("bruno"), project=other)
    mine = crew.call("my_data", crew.actor("anne"))
    assert mine["person"]["email"] == email("anne")
    assert [one["id"] for one in mine["projects"]] == [project]
    assert [one["role"] for one in mine["roles"]] == ["coach"]
    assert [one["project"] for one in mine["teams"]] == [project]
    theirs = crew.call("my_data", crew.actor("bruno"))
    assert [one["project"] for one in theirs["requests"]] == [other]


def test_an_erased_person_is_nowhere_by_name_or_address(crew: Crew) -> None:
    asked = {"marathon": FIRST, "role": "coach", "person": named("zenobie")}
    asked["organisation"] = "Filature Zenobie"
    # Its answer is kept under the key for whoever asks again: that too is forgotten.
    crew.season.registration.call("grant_role", asked, key="asked-once")
    project = crew.submitted("zenobie", title="La filature")
    crew.sign_in("zenobie")
    assert "zenobie" in kept(crew).lower()
    crew.call("erase_person", crew.actor("zenobie"))
    left = kept(crew).lower()
    assert email("zenobie") not in left
    assert "'zenobie'" not in left
    assert "filature zenobie" not in left
    assert crew.status(project) == "withdrawn"
    [(name, state)] = crew.said("person")
    assert (name, state["id"], state["at"]) == (
        "person_erased",
        crew.key("zenobie"),
        START.isoformat(),
    )


def test_roles_and_teams_end_and_everybody_hears(crew: Crew) -> None:
    project = crew.confirmed("anne")
    code = crew.call("get_team", project=project)["join_code"]
    crew.call("join_team", crew.known("bruno"), code=code)
    crew.grant("coach", "bruno")
    crew.call("erase_person", crew.actor("bruno"))
    assert crew.said("project")[-1][1]["member_keys"] == []
    assert crew.said("role")[-1][0] == "role_revoked"
    assert crew.said("role")[-1][1]["display_name"] == ""


def test_what_has_ended_stays_as_it_is_without_a_name(crew: Crew) -> None:
    project = crew.confirmed("anne")
    crew.move("running", "ended")
    said = len(crew.said("project"))
    crew.call("erase_person", crew.actor("anne"))
    assert crew.status(project) == "confirmed"
    assert len(crew.said("project")) == said
    assert crew.call("get_team", project=project)["members"][0]["name"] == ""


def test_erasing_again_changes_nothing_and_who_comes_back_starts_anew(crew: Crew) -> None:
    crew.known("anne")
    key = crew.key("anne")
    first = crew.call("erase_person", ORGANISER, key=key)
    crew.troupe.clock.move_by(DAY)
    assert crew.call("erase_person", ORGANISER, key=key) == first
    assert len(crew.said("person")) == 1
    crew.grant("coach", "anne")
    back = crew.row(Person, key)
    assert (back.email, back.erased_at) == (email("anne"), None)


def test_who_may_erase_whom(crew: Crew) -> None:
    crew.known("anne")
    other = crew.known("bruno")
    assert crew.refused("erase_person", other, key=crew.key("anne")) == "forbidden"
    assert crew.refused("erase_person", key="nobody") == "person_not_found"
    # The organiser of one marathon is not the keeper of everybody's data.
    crew.grant("organiser", "olga")
    olga = crew.actor("olga", ("organiser", FIRST))
    assert crew.refused("erase_person", olga, key=crew.key("anne")) == "forbidden"
    assert named("anne")["email"] == email("anne")
