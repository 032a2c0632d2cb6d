"""Opening a cycle: whole, once, or not at all (RULES C5)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from services.chassis.errors import Refusal
from services.registration.tables import Cycle, Grant, Host, Marathon, Move
from tests.registration.season import (
    ENDS,
    FILE,
    FIRST,
    NOBODY,
    SECOND,
    START,
    STARTS,
    THIRD,
    Season,
    on_both,
    organiser_of,
)

TABLES = (Cycle, Marathon, Host, Move, Grant)


def counts(season: Season) -> list[int]:
    """How many rows each table has."""
    with season.registration.session() as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES]


@on_both
def test_opening_announces_every_leg_and_gives_the_first_the_baton(season: Season) -> None:
    opened = season.call("open_cycle", file=FILE)
    assert opened["changed"] is True
    assert [(leg["id"], leg["state"], leg["baton"]) for leg in opened["marathons"]] == [
        (FIRST, "announced", {"cycle": "saison", "term": 1, "hop": 1}),
        (SECOND, "announced", None),
        (THIRD, "announced", None),
    ]
    said = [(letter["type"], letter["subject"]) for letter in season.registration.said()]
    assert said == [("marathon_announced", leg) for leg in (FIRST, SECOND, THIRD)]
    assert counts(season) == [1, 3, 2, 3, 1]


def test_the_announced_state_is_whole(season: Season) -> None:
    season.call("open_cycle", file=FILE)
    assert season.registration.said()[0]["data"] == {
        "epoch": 1,
        "version": 1,
        "id": FIRST,
        "cycle": "saison",
        "leg": 1,
        "title": "Marathon 1 – CC Fumel Vallée du Lot",
        "finale": False,
        "epci_siren": "200068930",
        "epci_name": "CC Fumel Vallée du Lot",
        "theme": "Commerce",
        "question": "Et si ?",
        "state": "announced",
        "host_insee": "47179",
        "host_name": "Monsempron-Libos",
        "revealed": True,
        "mobilises_at": None,
        "starts_at": STARTS.isoformat(),
        "ends_at": ENDS.isoformat(),
        "ended_at": None,
        "closed_at": None,
        "least_teams": 6,
        "most_teams": 12,
        "settings": {
            "poll_opens_at": None,
            "poll_closes_at": None,
            "who_may_vote": "everyone",
            "elsewhere_may_vote": True,
            "tie_rule": "shared",
            "hold_days": 0,
            "suspect_network": None,
            "suspect_domain": None,
            "suspect_second": None,
        },
        "projects": None,
        "palmares": None,
        "baton": {"cycle": "saison", "term": 1, "hop": 1},
        "reason": None,
        "operated_by": "commune",
        "purge_held": False,
    }


@on_both
def test_opening_twice_changes_nothing(season: Season) -> None:
    season.open()
    before, said = counts(season), len(season.registration.said())
    again = season.call("open_cycle", file="# un commentaire\n" + FILE)
    assert again["changed"] is False
    assert [leg["id"] for leg in again["marathons"]] == [FIRST, SECOND, THIRD]
    assert counts(season) == before
    assert len(season.registration.said()) == said


def test_opening_again_keeps_what_was_changed_since(season: Season) -> None:
    season.open()
    season.call("change_marathon", marathon=SECOND, title="Le deuxième")
    again = season.call("open_cycle", file=FILE)
    assert [leg["title"] for leg in again["marathons"]][1] == "Le deuxième"


def test_another_file_for_the_same_cycle_is_refused(season: Season) -> None:
    season.open()
    before = counts(season)
    with pytest.raises(Refusal) as refused:
        season.call("open_cycle", file=FILE.replace("Tourisme", "Autre chose"))
    assert refused.value.code == "cycle_differs"
    assert counts(season) == before


@on_both
def test_a_bad_file_loads_nothing(season: Season) -> None:
    with pytest.raises(Refusal) as refused:
        season.call("open_cycle", file=FILE.replace('"47323"', '"47179"'))
    assert refused.value.code == "cycle_file_invalid"
    assert refused.value.details["errors"] == [
        {
            "line": 27,
            "where": "legs.3.host",
            "reason": "la commune 47179 n’est pas dans « CA du Grand Villeneuvois »",
        }
    ]
    assert counts(season) == [0, 0, 0, 0, 0]
    assert season.registration.said() == []


@pytest.mark.parametrize("actor", [NOBODY, organiser_of(FIRST)])
def test_only_an_organiser_of_everything_opens_a_cycle(season: Season, actor: object) -> None:
    with pytest.raises(Refusal) as refused:
        season.call("open_cycle", actor=actor, file=FILE)
    assert refused.value.code == "forbidden"
    assert counts(season) == [0, 0, 0, 0, 0]


def test_a_marathon_on_a_public_holiday_is_a_warning(season: Season) -> None:
    # 13 July 2026, 22:00 UTC, is 14 July in Paris.
    file = FILE.replace(STARTS.isoformat(), "2026-07-13T22:00:00+00:00")
    assert season.call("open_cycle", file=file)["warnings"] == [
        {
            "code": "public_holiday",
            "message": "Le marathon « Marathon 1 – CC Fumel Vallée du Lot » tombe un jour férié : "
            "Fête nationale, le 14/07/2026.",
        }
    ]


def test_days_without_hours_warn_of_holidays_too(season: Season) -> None:
    days = "first_day: 2026-05-07\n    last_day: 2026-05-08"
    file = FILE.replace(f"starts_at: {STARTS.isoformat()}", days)
    opened = season.call("open_cycle", file=file)
    assert [warning["code"] for warning in opened["warnings"]] == ["public_holiday"]
    assert (opened["marathons"][0]["first_day"], opened["marathons"][0]["starts_at"]) == (
        "2026-05-07",
        None,
    )


def test_a_marathon_on_a_plain_day_has_no_warning(season: Season) -> None:
    assert season.call("open_cycle", file=FILE)["warnings"] == []


@on_both
def test_a_leg_that_is_not_announced_is_nobodys_business(season: Season) -> None:
    season.open(FILE.replace("theme: Tourisme", "theme: Tourisme\n    announced: no"))
    said = [letter["subject"] for letter in season.registration.said()]
    assert SECOND not in said
    public = season.call("get_cycle", actor=NOBODY, cycle="saison")
    assert [leg["id"] for leg in public["marathons"]] == [FIRST, THIRD]
    assert season.call("list_cycles", actor=NOBODY)[0]["legs"] == 2
    with pytest.raises(Refusal) as refused:
        season.call("get_marathon", actor=NOBODY, marathon=SECOND)
    assert refused.value.code == "marathon_not_found"
    mine = season.call("get_cycle", actor=organiser_of(SECOND), cycle="saison")
    assert [leg["id"] for leg in mine["marathons"]] == [FIRST, SECOND, THIRD]
    season.move(SECOND, "announced")
    assert season.state(SECOND) == "announced"


def test_cycles_are_listed_last_opened_first(season: Season) -> None:
    season.open()
    season.at(START.replace(hour=20))
    season.open(FILE.replace("cycle: saison", "cycle: autre"))
    listed = season.call("list_cycles", actor=NOBODY)
    assert [(cycle["id"], cycle["state"], cycle["legs"]) for cycle in listed] == [
        ("autre", "open", 3),
        ("saison", "open", 3),
    ]


def test_an_unknown_cycle_is_not_found(season: Season) -> None:
    with pytest.raises(Refusal) as refused:
        season.call("get_cycle", cycle="rien")
    assert (refused.value.code, refused.value.status) == ("cycle_not_found", 404)
