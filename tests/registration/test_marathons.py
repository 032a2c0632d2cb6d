"""The state machine of a marathon, its dates and its settings (RULES C1, C3)."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from services.chassis.errors import Refusal
from services.registration import marathons
from services.registration.marathons import MOVES
from tests.registration.season import (
    ENDS,
    FIRST,
    NOBODY,
    SECOND,
    START,
    STARTS,
    Season,
    on_both,
    organiser_of,
)

HOUR = timedelta(hours=1)


def changed(season: Season, marathon: str = FIRST, **values: Any) -> Any:
    return season.call("change_marathon", marathon=marathon, **values)


def refused(season: Season, door: str, **request: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        season.call(door, **request)
    return caught.value


def test_the_moves_are_those_of_the_rules() -> None:
    line = ["draft", "announced", "mobilised", "running", "ended", "deliberated", "closed"]
    for state, following in pairwise(line):
        assert MOVES[state] == (following, "cancelled")
    assert (MOVES["closed"], MOVES["cancelled"]) == ((), ())


@on_both
def test_a_marathon_goes_through_all_its_states(season: Season) -> None:
    season.open()
    projects = season.make_ready()
    season.at(STARTS)
    season.at(ENDS)
    season.hear_poll(FIRST, projects, "counted")
    season.hear_palmares(FIRST)
    season.move(FIRST, "closed")
    log = season.call("get_desk", marathon=FIRST)["log"]
    assert [(line["from"], line["to"], line["actor"]) for line in log] == [
        ("draft", "announced", "Organisatrice"),
        ("announced", "mobilised", "système"),
        ("mobilised", "running", "système"),
        ("running", "ended", "système"),
        ("ended", "deliberated", "système"),
        ("deliberated", "closed", "Organisatrice"),
    ]
    ours = [letter for letter in season.registration.said() if letter["subject"] == FIRST]
    assert [(letter["type"], letter["data"]["state"]) for letter in ours] == [
        ("marathon_announced", "announced"),
        ("marathon_mobilised", "mobilised"),
        ("marathon_started", "running"),
        ("marathon_ended", "ended"),
        ("marathon_changed", "deliberated"),
        ("marathon_closed", "closed"),
    ]
    closed = ours[-1]["data"]
    assert closed["palmares"] == {
        "id": "palmares-saison-1",
        "number": 1,
        "digest": "digest-saison-1-1",
    }
    assert (closed["ended_at"], closed["closed_at"]) == (ENDS.isoformat(), ENDS.isoformat())


@pytest.mark.parametrize("to", ["draft", "announced", "mobilised", "ended", "deliberated"])
def test_a_move_that_the_state_does_not_allow_is_refused(season: Season, to: str) -> None:
    season.open()
    error = refused(season, "move_marathon", marathon=FIRST, to=to, override=True, reason="x")
    assert error.code == "move_impossible"
    assert season.moves() == ["announced", "mobilised"]


def test_the_start_waits_for_what_is_missing_and_starts_late(season: Season) -> None:
    season.open()
    season.at(STARTS + HOUR)
    assert season.state() == "mobilised"
    season.make_ready()
    season.troupe.tick()
    assert season.state() == "running"
    shown = season.call("get_marathon", marathon=FIRST)
    assert (shown["starts_at"], shown["ends_at"]) == (STARTS.isoformat(), ENDS.isoformat())


def test_it_starts_at_its_instant_and_not_before(season: Season) -> None:
    season.open()
    season.make_ready()
    season.at(STARTS - timedelta(microseconds=1))
    assert season.state() == "mobilised"
    season.at(STARTS)
    assert season.state() == "running"
    season.at(ENDS - timedelta(microseconds=1))
    assert season.state() == "running"
    season.at(ENDS)
    assert season.state() == "ended"


def test_a_marathon_whose_end_has_passed_is_not_started_by_itself(season: Season) -> None:
    season.open()
    season.make_ready()
    season.at(ENDS)
    assert season.state() == "mobilised"
    desk = season.call("get_desk", marathon=FIRST)
    assert [warning["code"] for warning in desk["warnings"]] == ["dates_past"]
    started = season.move(FIRST, "running")
    assert started["starts_at"] == STARTS.isoformat()
    assert started["ends_at"] == (ENDS + 36 * HOUR).isoformat()


def test_an_early_start_moves_the_start_and_keeps_the_end(season: Season) -> None:
    season.open()
    season.make_ready()
    started = season.move(FIRST, "running")
    assert (started["starts_at"], started["ends_at"]) == (START.isoformat(), ENDS.isoformat())


def test_a_start_without_dates_lasts_36_hours(season: Season) -> None:
    season.open()
    changed(season, starts_at=None, ends_at=None)
    started = season.move(FIRST, "running", override=True, reason="essai")
    assert started["starts_at"] == START.isoformat()
    assert started["ends_at"] == (START + 36 * HOUR).isoformat()


@on_both
def test_two_replicas_that_notice_move_it_once(season: Season) -> None:
    season.open()
    season.make_ready()
    season.troupe.clock.move_to(STARTS)
    for _ in range(3):
        season.registration.tick()
    assert len(season.registration.said("marathon_started")) == 1
    assert season.moves() == ["announced", "mobilised", "running"]


@on_both
def test_it_closes_by_itself_where_so_configured(season: Season) -> None:
    season.open()
    projects = season.make_ready()
    changed(season, settings={"close_by_itself": True})
    season.at(STARTS)
    season.at(ENDS)
    season.hear_poll(FIRST, projects, "closed")
    season.hear_palmares(FIRST)
    season.troupe.tick()
    assert season.state() == "deliberated"
    season.hear_poll(FIRST, projects, "counted")
    assert season.state() == "closed"


def test_a_palmares_that_comes_early_waits_for_the_end(season: Season) -> None:
    season.open()
    season.make_ready()
    season.at(STARTS)
    season.hear_palmares(FIRST)
    assert season.state() == "running"
    season.at(ENDS)
    assert season.state() == "deliberated"


@on_both
def test_a_corrected_palmares_is_taken_over_once(season: Season) -> None:
    season.open()
    season.play(FIRST)
    said = len(season.registration.said("marathon_changed"))
    corrected = season.palmares_letter(FIRST, number=2)
    for _ in range(2):
        season.registration.hear(corrected)
    season.troupe.deliver()
    shown = season.call("get_marathon", marathon=FIRST)
    assert (shown["state"], shown["palmares"]["digest"]) == ("closed", "digest-saison-1-2")
    assert len(season.registration.said("marathon_changed")) == said + 1


@pytest.mark.parametrize("to", ["announced", "mobilised", "running", "ended", "deliberated"])
def test_it_can_be_cancelled_from_every_state_before_closed(season: Season, to: str) -> None:
    season.open()
    marathon = SECOND if to == "announced" else FIRST
    if to in ("running", "ended", "deliberated"):
        season.move(FIRST, "running", override=True, reason="essai")
    if to in ("ended", "deliberated"):
        season.move(FIRST, "ended")
    if to == "deliberated":
        season.hear_palmares(FIRST)
    assert season.state(marathon) == to
    error = refused(season, "move_marathon", marathon=marathon, to="cancelled")
    assert error.code == "reason_missing"
    cancelled = season.move(marathon, "cancelled", reason="Crue du Lot")
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "Crue du Lot")
    again = refused(season, "move_marathon", marathon=marathon, to="cancelled", reason="encore")
    assert again.code == "move_impossible"


def test_closed_is_for_good(season: Season) -> None:
    season.open()
    season.play(FIRST)
    error = refused(season, "move_marathon", marathon=FIRST, to="cancelled", reason="x")
    assert error.code == "move_impossible"


# --- changes ------------------------------------------------------------------------------


@on_both
def test_a_change_is_said_once_and_the_same_again_is_not(season: Season) -> None:
    season.open()
    ends_at = (ENDS + HOUR).isoformat()
    for _ in range(2):
        answer = changed(season, ends_at=ends_at, settings={"hold_days": 7})
        assert [warning["code"] for warning in answer["warnings"]] == ["unusual_length"]
    said = season.registration.said("marathon_changed")
    assert len(said) == 1
    assert said[0]["data"]["ends_at"] == ends_at
    assert said[0]["data"]["settings"] == {
        "poll_opens_at": None,
        "poll_closes_at": None,
        "who_may_vote": "everyone",
        "elsewhere_may_vote": True,
        "tie_rule": "shared",
        "hold_days": 7,
        "suspect_network": None,
        "suspect_domain": None,
        "suspect_second": None,
    }


def test_a_start_without_an_end_gets_36_hours(season: Season) -> None:
    season.open()
    answer = changed(season, SECOND, starts_at=STARTS.isoformat())
    assert (answer["ends_at"], answer["warnings"]) == (ENDS.isoformat(), [])


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"ends_at": STARTS.isoformat()}, "dates_disordered"),
        ({"mobilises_at": (STARTS + HOUR).isoformat()}, "change_too_late"),
        (
            {
                "settings": {
                    "poll_opens_at": ENDS.isoformat(),
                    "poll_closes_at": STARTS.isoformat(),
                }
            },
            "window_empty",
        ),
        ({"settings": {"tie_rule": "dice"}}, "request_invalid"),
        ({"colour": "blue"}, "request_invalid"),
    ],
)
def test_a_wrong_change_is_refused_and_stores_nothing(
    season: Season, values: dict[str, Any], code: str
) -> None:
    season.open()
    before = season.call("get_desk", marathon=FIRST)
    said = len(season.registration.said())
    assert refused(season, "change_marathon", marathon=FIRST, **values).code == code
    assert season.call("get_desk", marathon=FIRST) == before
    assert len(season.registration.said()) == said


def test_the_rules_of_the_vote_stand_once_it_runs(season: Season) -> None:
    season.open()
    season.move(FIRST, "running", override=True, reason="essai")
    for settings in (
        {"tie_rule": "lots"},
        {"who_may_vote": "not_team"},
        {"elsewhere_may_vote": False},
        {"poll_opens_at": STARTS.isoformat()},
    ):
        error = refused(season, "change_marathon", marathon=FIRST, settings=settings)
        assert (error.code, error.details["fields"]) == ("change_too_late", list(settings))
    assert refused(season, "change_marathon", marathon=FIRST, starts_at=None).code == (
        "change_too_late"
    )
    window = {"poll_closes_at": (ENDS + HOUR).isoformat()}
    assert changed(season, settings=window)["settings"]["poll_closes_at"] == (
        (ENDS + HOUR).isoformat()
    )


def test_the_end_of_a_running_marathon_lies_ahead(season: Season) -> None:
    season.open()
    season.make_ready()
    season.at(STARTS + 2 * HOUR)
    for ends_at in (None, (STARTS + HOUR).isoformat()):
        error = refused(season, "change_marathon", marathon=FIRST, ends_at=ends_at)
        assert error.code == "end_in_the_past"
    changed(season, ends_at=(STARTS + 3 * HOUR).isoformat())
    season.at(STARTS + 3 * HOUR)
    assert season.state() == "ended"


def test_a_cancelled_marathon_does_not_change(season: Season) -> None:
    season.open()
    season.move(FIRST, "cancelled", reason="Crue du Lot")
    error = refused(season, "change_marathon", marathon=FIRST, title="Autre")
    assert error.code == "change_too_late"


def test_the_public_view_is_for_everybody(season: Season) -> None:
    season.open()
    for actor in (NOBODY, organiser_of(SECOND)):
        shown = season.call("get_marathon", actor=actor, marathon=FIRST)
        assert shown["title"] == "Marathon 1 – CC Fumel Vallée du Lot"
        assert "close_by_itself" not in shown["settings"]


def test_an_erased_organiser_is_forgotten_in_the_log(season: Season) -> None:
    season.open()
    season.registration.within(lambda work: marathons.forget_actor(work, "organiser-key"))
    log = season.call("get_desk", marathon=FIRST)["log"]
    assert [line["actor"] for line in log] == ["", "système"]
