"""A poll from draft to open: prepared by its organiser, followed until it opens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.chassis.errors import Refusal
from services.voting.window import EARLY
from tests.voting.stage import CLOSES, MARATHON, NOBODY, OPENS, Stage, on_sqlite


@on_sqlite
def test_announced_marathon_has_no_poll(stage: Stage) -> None:
    stage.marathon("announced")
    assert stage.rows("polls") == {"polls": 0}


@on_sqlite
def test_mobilised_marathon_drafts_a_poll_and_says_nothing(stage: Stage) -> None:
    stage.mobilised("bakery", "wool")

    poll = stage.poll()
    assert (poll.state, poll.opens_at, poll.closes_at) == ("draft", OPENS, CLOSES)
    assert poll.projects == [{"id": "bakery", "version": 1}, {"id": "wool", "version": 1}]
    assert stage.said() == []


@on_sqlite
def test_prepare_says_projects_with_versions_window_and_rule(stage: Stage) -> None:
    poll = stage.mobilised("wool", "bakery")
    stage.project("wool", "checked_in")

    answer = stage.call("prepare_poll", marathon=MARATHON)

    assert answer["state"] == "prepared"
    said = stage.last("poll_prepared")
    assert said == {
        "epoch": 1,
        "version": 1,
        "id": poll,
        "marathon": MARATHON,
        "state": "prepared",
        "projects": [{"id": "bakery", "version": 1}, {"id": "wool", "version": 2}],
        "opens_at": OPENS.isoformat(),
        "closes_at": CLOSES.isoformat(),
        "rule": "shared",
        "received": None,
        "quarantined": None,
        "tally": None,
    }


@on_sqlite
def test_prepare_is_for_the_marathons_organiser(stage: Stage) -> None:
    stage.mobilised()
    with pytest.raises(Refusal) as refused:
        stage.call("prepare_poll", NOBODY, marathon=MARATHON)
    assert refused.value.code == "forbidden"


@on_sqlite
def test_prepare_lists_all_that_is_missing(stage: Stage) -> None:
    stage.marathon("mobilised", starts_at=None, ends_at=None)
    with pytest.raises(Refusal) as refused:
        stage.call("prepare_poll", marathon=MARATHON)
    assert refused.value.code == "poll_incomplete"
    assert refused.value.details["missing"] == ["projects", "window"]
    assert stage.poll().state == "draft"


@on_sqlite
def test_changed_project_prepares_again_until_the_poll_opens(stage: Stage) -> None:
    stage.mobilised("bakery", "wool")
    stage.call("prepare_poll", marathon=MARATHON)

    stage.project("garden")
    stage.project("wool", "withdrawn")

    assert stage.said() == ["poll_prepared"] * 3
    assert stage.last("poll_prepared")["projects"] == [
        {"id": "bakery", "version": 1},
        {"id": "garden", "version": 1},
    ]
    assert stage.last("poll_prepared")["version"] == 3


@on_sqlite
def test_marathon_that_says_nothing_new_prepares_nothing_again(stage: Stage) -> None:
    stage.mobilised()
    stage.call("prepare_poll", marathon=MARATHON)
    stage.marathon("mobilised", {"hold_days": 8})
    assert stage.said() == ["poll_prepared"]


@on_sqlite
def test_settings_move_the_window_of_a_prepared_poll(stage: Stage) -> None:
    stage.mobilised()
    stage.call("prepare_poll", marathon=MARATHON)
    opens, closes = OPENS + timedelta(hours=1), CLOSES - timedelta(hours=1)

    stage.marathon(
        "mobilised", {"poll_opens_at": opens.isoformat(), "poll_closes_at": closes.isoformat()}
    )

    assert (stage.poll().opens_at, stage.poll().closes_at) == (opens, closes)
    assert stage.last("poll_prepared")["opens_at"] == opens.isoformat()


@on_sqlite
def test_asked_window_holds_until_the_marathons_own_one_changes(stage: Stage) -> None:
    stage.mobilised()
    asked = OPENS + timedelta(hours=2)
    stage.call("prepare_poll", marathon=MARATHON, opens_at=asked.isoformat())
    stage.project("music")
    assert (stage.poll().opens_at, stage.poll().closes_at) == (asked, CLOSES)

    later = OPENS + timedelta(days=7)
    stage.marathon(
        "mobilised",
        starts_at=later.isoformat(),
        ends_at=(later + timedelta(hours=36)).isoformat(),
    )

    assert stage.poll().opens_at == later


@on_sqlite
def test_poll_opens_when_the_marathon_has_started_and_the_window_begins(stage: Stage) -> None:
    stage.mobilised("bakery", "wool")
    stage.call("prepare_poll", marathon=MARATHON)
    stage.at(OPENS - timedelta(hours=1))
    stage.marathon("running", projects=stage.started_projects())
    assert stage.poll().state == "prepared"

    stage.at(OPENS - timedelta(microseconds=1))
    assert stage.poll().state == "prepared"
    stage.at(OPENS)

    assert stage.poll().state == "open"
    assert stage.said() == ["poll_prepared", "poll_opened"]


@on_sqlite
def test_poll_waits_for_a_marathon_that_starts_late(stage: Stage) -> None:
    stage.mobilised()
    stage.call("prepare_poll", marathon=MARATHON)
    stage.at(OPENS + timedelta(minutes=5))
    assert stage.poll().state == "prepared"

    stage.marathon("running", projects=stage.started_projects())

    assert stage.poll().state == "open"


@on_sqlite
@pytest.mark.parametrize("ends_at", [CLOSES.isoformat(), None])
def test_asked_window_outlasts_an_early_start(stage: Stage, ends_at: str | None) -> None:
    stage.mobilised()
    stage.marathon("mobilised", ends_at=ends_at)
    opens, closes = OPENS + timedelta(hours=2), CLOSES - timedelta(hours=2)
    stage.call(
        "prepare_poll",
        marathon=MARATHON,
        opens_at=opens.isoformat(),
        closes_at=closes.isoformat(),
    )

    early = OPENS - timedelta(minutes=5)
    stage.troupe.clock.move_to(early)
    # As registration stamps them at the start.
    stage.marathon(
        "running",
        starts_at=early.isoformat(),
        ends_at=(early + timedelta(hours=36)).isoformat() if ends_at is None else ends_at,
        projects=stage.started_projects(),
    )

    assert (stage.poll().state, stage.poll().opens_at) == ("prepared", opens)
    assert stage.poll().closes_at == closes


@on_sqlite
def test_open_poll_keeps_its_rules_and_candidates(stage: Stage) -> None:
    stage.opened("bakery", "wool", tie_rule="lots")
    before = stage.poll()

    stage.marathon("running", {"tie_rule": "shared", "who_may_vote": "not_team"})
    stage.project("late")

    after = stage.poll()
    assert (after.rule, after.who_may_vote) == ("lots", "everyone")
    assert after.projects == before.projects
    with pytest.raises(Refusal) as refused:
        stage.call("prepare_poll", marathon=MARATHON)
    assert refused.value.code == "poll_not_preparable"


@on_sqlite
def test_open_poll_closes_later_at_once_and_earlier_a_minute_ahead(stage: Stage) -> None:
    stage.opened()
    later = CLOSES + timedelta(hours=1)
    stage.marathon("running", {"poll_closes_at": later.isoformat()})
    assert stage.poll().closes_at == later
    assert stage.last("poll_opened")["closes_at"] == later.isoformat()

    stage.at(OPENS + timedelta(hours=1))
    stage.marathon("running", {"poll_closes_at": (OPENS + timedelta(minutes=1)).isoformat()})
    soon = OPENS + timedelta(hours=1) + EARLY
    assert stage.poll().closes_at == soon

    stage.at(OPENS + timedelta(hours=1, seconds=30))
    stage.project("bakery", "checked_in")
    assert stage.poll().closes_at == soon  # not put off by whatever is heard next


@on_sqlite
def test_closing_can_not_be_moved_once_it_has_passed(stage: Stage) -> None:
    stage.opened()
    stage.troupe.clock.move_to(CLOSES)
    stage.marathon("running", {"poll_closes_at": (CLOSES + timedelta(hours=1)).isoformat()})
    assert (stage.poll().state, stage.poll().closes_at) == ("closed", CLOSES)


@on_sqlite
def test_candidates_are_in_an_order_of_each_visitors_own(stage: Stage) -> None:
    poll = stage.opened(*[f"project{number}" for number in range(6)])

    def order(visitor: str) -> tuple[str, ...]:
        view = stage.call("get_poll", NOBODY, poll=poll, visitor=visitor)
        return tuple(candidate["id"] for candidate in view["candidates"])

    orders = {order(f"visitor {number}") for number in range(20)}
    assert len(orders) > 15
    assert {tuple(sorted(one)) for one in orders} == {tuple(f"project{n}" for n in range(6))}
    assert order("anne") == order("anne")
    first = [order(f"visitor {number}")[0] for number in range(60)]
    assert set(first) == {f"project{n}" for n in range(6)}


@on_sqlite
def test_poll_is_found_by_its_marathon(stage: Stage) -> None:
    poll = stage.opened()
    view = stage.call("get_poll", NOBODY, marathon=MARATHON)
    assert (view["id"], view["open"], view["voters"]) == (poll, True, 0)
    with pytest.raises(Refusal) as refused:
        stage.call("get_poll", NOBODY, marathon="elsewhere-1")
    assert refused.value.code == "poll_not_found"


def test_voters_are_counted_for_who_wants_to_know(stage: Stage) -> None:
    poll = stage.opened()
    stage.vote(stage.codes(1)[0], "wool")
    told = stage.call("get_poll", NOBODY, poll=poll)
    assert told["voters"] == 1
    assert stage.call("get_poll", NOBODY, poll=poll, with_voters=False) == {**told, "voters": None}
