"""Decisions: secret, published together, confirmed in time: RULES R1."""

from __future__ import annotations

from datetime import timedelta

from tests.registration.crew import DAY, FIRST, NOBODY, START, Crew


def publish(crew: Crew) -> dict[str, object]:
    """Publishes what is decided."""
    return dict(crew.call("publish_decisions", marathon=FIRST))


def test_until_published_a_decision_looks_like_none(crew: Crew) -> None:
    accepted, refused = crew.submitted("anne"), crew.submitted("bruno")
    before = [crew.call("get_project", crew.actor("anne"), project=accepted)]
    before.append(crew.call("my_data", crew.actor("bruno"))["projects"][0])
    crew.forget_mails()
    crew.call("decide_project", project=accepted, decision="accepted")
    crew.call("decide_project", project=refused, decision="refused")
    after = [crew.call("get_project", crew.actor("anne"), project=accepted)]
    after.append(crew.call("my_data", crew.actor("bruno"))["projects"][0])
    assert after == before
    assert crew.call("list_projects", NOBODY, marathon=FIRST) == []
    assert (crew.said("project"), crew.mails()) == ([], [])
    # The organisers see it, and may still change it.
    assert crew.call("get_project", project=refused)["decision"] == "refused"
    crew.call("decide_project", project=refused, decision="waitlisted")


def test_all_are_published_together_and_every_holder_is_written_to(crew: Crew) -> None:
    ids = {
        decision: crew.decided(decision, holder)
        for decision, holder in (
            ("accepted", "anne"),
            ("waitlisted", "bruno"),
            ("refused", "chloe"),
        )
    }
    crew.submitted("david")
    crew.forget_mails()
    assert publish(crew) == {
        "marathon": FIRST,
        "undecided": 1,
        **{decision: [project] for decision, project in ids.items()},
    }
    assert sorted(who for who, _ in crew.mails()) == ["anne", "bruno", "chloe"]
    assert [crew.status(project, NOBODY) for project in (ids["accepted"],)] == ["accepted"]
    assert crew.refused("publish_decisions", marathon=FIRST) == "nothing_to_publish"


def test_more_than_fit_are_not_published_at_all(crew: Crew) -> None:
    ids = [crew.decided("accepted", f"holder{number}") for number in range(13)]
    assert crew.refused("publish_decisions", marathon=FIRST) == "places_exceeded"
    crew.call("decide_project", project=ids[-1], decision="waitlisted")
    publish(crew)
    assert crew.status(ids[-1]) == "waitlisted"


def test_confirmed_in_time_the_team_has_a_number_and_everybody_hears(crew: Crew) -> None:
    anne = crew.confirmed("anne")
    bruno = crew.confirmed("bruno")
    heard = [(n, s["id"], s["team_number"]) for n, s in crew.said("project")]
    assert heard == [("project_confirmed", anne, 1), ("project_confirmed", bruno, 2)]
    assert crew.refused("confirm_project", crew.actor("anne"), project=anne) == (
        "project_move_impossible"
    )


def test_a_place_nobody_confirms_goes_to_the_next_on_the_list(crew: Crew) -> None:
    for number in range(11):
        crew.decided("accepted", f"holder{number}")
    late = crew.decided("accepted", "anne")
    first, second = crew.decided("waitlisted", "bruno"), crew.decided("waitlisted", "chloe")
    publish(crew)
    for number in range(11):
        mine = crew.call("list_projects", crew.actor(f"holder{number}"), marathon=FIRST)
        own = next(p["id"] for p in mine if p["title"] == f"Projet de holder{number}")
        crew.call("confirm_project", crew.actor(f"holder{number}"), project=own)
    crew.forget_mails()
    crew.season.at(START + 5 * DAY)
    crew.season.at(START + 6 * DAY)
    assert [who for who, _ in crew.mails()] == ["anne"], "one reminder, two days before"
    crew.season.at(START + 7 * DAY - timedelta(seconds=1))
    assert crew.status(late) == "accepted"
    crew.season.at(START + 7 * DAY)
    assert [crew.status(project) for project in (late, first, second)] == [
        "expired",
        "accepted",
        "waitlisted",
    ]
    assert (
        crew.refused("confirm_project", crew.actor("anne"), project=late)
        == ("confirmation_too_late")
        or crew.status(late) == "expired"
    )
    assert {who for who, _ in crew.mails()} == {"anne", "bruno"}


def test_a_withdrawal_frees_a_place_too(crew: Crew) -> None:
    ids = [crew.decided("accepted", f"holder{number}") for number in range(12)]
    waiting = crew.decided("waitlisted", "anne")
    publish(crew)
    actor = crew.actor("holder3")
    crew.call("withdraw_project", actor, project=ids[3], reason="Un bébé.")
    assert crew.status(waiting) == "accepted"


def test_who_decides_and_when(crew: Crew) -> None:
    project = crew.submitted("anne")
    asked = {"project": project, "decision": "accepted"}
    assert crew.refused("decide_project", crew.actor("anne"), **asked) == "forbidden"
    assert crew.refused("publish_decisions", crew.actor("anne"), marathon=FIRST) == "forbidden"
    draft = crew.project("bruno")
    assert crew.refused("decide_project", project=draft, decision="refused") == (
        "project_move_impossible"
    )
    crew.move("running")
    assert crew.refused("decide_project", **asked) == "not_at_this_stage"
