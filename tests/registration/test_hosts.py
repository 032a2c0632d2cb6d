"""Host towns: nowhere before their reveal but on their organisers' desk (RULES C4)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis import tables, territory
from services.chassis.errors import Refusal
from tests.registration.season import (
    FILE,
    FIRST,
    NOBODY,
    SECOND,
    START,
    Season,
    on_both,
    organiser_of,
)

EPCI = territory.load().epci("200068922")
assert EPCI is not None
CANARY = EPCI.communes[4]
OTHER = EPCI.communes[5]
DAY = timedelta(days=1)


def traces() -> list[str]:
    """What must not be found: the name, the code, the coordinates."""
    longitude, latitude = CANARY.centre
    return [CANARY.name, CANARY.insee, str(longitude), str(latitude)]


def must_not_leak(surface: Any) -> None:
    text = json.dumps(surface, ensure_ascii=False, default=str)
    assert [trace for trace in traces() if trace in text] == []


def set_canary(season: Season, **more: Any) -> Any:
    return season.call(
        "set_host", actor=organiser_of(SECOND), marathon=SECOND, insee=CANARY.insee, **more
    )


def revealed(season: Season) -> tuple[Any, ...]:
    shown = season.call("get_marathon", actor=NOBODY, marathon=SECOND)
    return shown["revealed"], shown["host_name"], shown["host_insee"]


def everything_shown(season: Season) -> list[Any]:
    """Every answer that somebody other than the town's own organisers can get."""
    stranger = organiser_of(FIRST)
    return [
        season.call("get_marathon", actor=NOBODY, marathon=SECOND),
        season.call("get_marathon", actor=organiser_of(SECOND), marathon=SECOND),
        season.call("get_cycle", actor=NOBODY, cycle="saison"),
        season.call("list_cycles", actor=NOBODY),
        season.call("list_relays", actor=NOBODY, cycle="saison"),
        season.call("get_desk", actor=stranger, marathon=FIRST),
        season.call("list_missing", actor=organiser_of(SECOND), marathon=SECOND, to="mobilised"),
        season.registration.said(),
    ]


@on_both
def test_a_host_is_nowhere_but_on_its_own_desk(
    season: Season, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    season.open()
    answers = [set_canary(season, reveal_at=(START + 9 * DAY).isoformat())]
    answers.append(season.call("change_marathon", marathon=SECOND, title="Le deuxième"))
    answers.append(season.call("open_cycle", file=FILE))
    season.play(FIRST)
    answers.append(season.accept(organiser_of(SECOND)))
    must_not_leak([*answers, *everything_shown(season)])
    must_not_leak([caplog.text, capsys.readouterr()])
    with season.registration.session() as session:
        for table in (tables.outbox, tables.copies, tables.idempotency, tables.failed_events):
            must_not_leak([list(map(str, row)) for row in session.execute(select(table))])
    desk = season.call("get_desk", actor=organiser_of(SECOND), marathon=SECOND)
    assert desk["host"] == {
        "insee": CANARY.insee,
        "name": CANARY.name,
        "reveal_at": (START + 9 * DAY).isoformat(),
        "revealed_at": None,
    }


@on_both
def test_a_kept_answer_does_not_name_the_host(season: Season) -> None:
    season.open()
    request = {"marathon": SECOND, "insee": CANARY.insee}
    first = season.registration.call("set_host", request, key="k1")
    assert first == {"marathon": SECOND, "reveal_at": None, "revealed": False}
    assert season.registration.call("set_host", request, key="k1") == first
    with season.registration.session() as session:
        must_not_leak([list(map(str, row)) for row in session.execute(select(tables.idempotency))])


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"insee": "47179"}, "commune_not_in_epci"),
        ({"insee": "75056"}, "commune_not_in_epci"),
        (
            {"insee": CANARY.insee, "reveal_at": (START + 9 * DAY).isoformat()},
            "reveal_too_late",
        ),
    ],
)
def test_a_refused_host_names_no_town_and_stores_nothing(
    season: Season, request_: dict[str, Any], code: str
) -> None:
    season.open()
    season.call("change_marathon", marathon=SECOND, mobilises_at=(START + 8 * DAY).isoformat())
    with pytest.raises(Refusal) as refused:
        season.call("set_host", marathon=SECOND, **request_)
    assert refused.value.code == code
    must_not_leak(refused.value.to_problem())
    assert season.call("get_desk", marathon=SECOND)["host"] is None


@pytest.mark.parametrize("door", ["set_host", "reveal_host"])
def test_only_its_organisers_touch_a_host(season: Season, door: str) -> None:
    season.open()
    request = {"insee": CANARY.insee} if door == "set_host" else {}
    for actor in (NOBODY, organiser_of(FIRST)):
        with pytest.raises(Refusal) as refused:
            season.call(door, actor=actor, marathon=SECOND, **request)
        assert refused.value.code == "forbidden"


def test_a_host_can_be_changed_while_it_is_secret(season: Season) -> None:
    season.open()
    set_canary(season)
    season.call("set_host", marathon=SECOND, insee=OTHER.insee)
    season.call("reveal_host", marathon=SECOND)
    assert revealed(season) == (True, OTHER.name, OTHER.insee)
    must_not_leak(everything_shown(season))


def test_revealing_says_it_once_and_for_good(season: Season) -> None:
    season.open()
    set_canary(season)
    season.call("reveal_host", marathon=SECOND)
    season.call("reveal_host", marathon=SECOND)
    said = season.registration.said("host_revealed")
    assert [(letter["subject"], letter["data"]["host_name"]) for letter in said] == [
        (SECOND, CANARY.name)
    ]
    with pytest.raises(Refusal) as refused:
        season.call("set_host", marathon=SECOND, insee=OTHER.insee)
    assert refused.value.code == "host_revealed"
    assert revealed(season) == (True, CANARY.name, CANARY.insee)


def test_nothing_to_reveal_is_refused(season: Season) -> None:
    season.open()
    with pytest.raises(Refusal) as refused:
        season.call("reveal_host", marathon=SECOND)
    assert refused.value.code == "host_not_set"


def test_a_draft_is_not_revealed(season: Season) -> None:
    season.open(FILE.replace("theme: Tourisme", "theme: Tourisme\n    announced: no"))
    set_canary(season)
    with pytest.raises(Refusal) as refused:
        season.call("reveal_host", marathon=SECOND)
    assert refused.value.code == "reveal_impossible"
    must_not_leak(season.registration.said())


@on_both
def test_reveal_at_reveals_by_itself_and_not_before(season: Season) -> None:
    season.open()
    set_canary(season, reveal_at=(START + 9 * DAY).isoformat())
    season.at(START + 9 * DAY - timedelta(microseconds=1))
    assert revealed(season) == (False, None, None)
    season.at(START + 9 * DAY)
    assert revealed(season) == (True, CANARY.name, CANARY.insee)
    assert season.state(SECOND) == "announced"


@on_both
def test_mobilisation_reveals_at_the_latest(season: Season) -> None:
    season.open()
    set_canary(season)
    mobilises_at = START + 9 * DAY
    season.call("change_marathon", marathon=SECOND, mobilises_at=mobilises_at.isoformat())
    season.play(FIRST)
    season.accept()
    assert season.state(SECOND) == "announced"
    season.at(mobilises_at)
    assert revealed(season) == (True, CANARY.name, CANARY.insee)
    assert season.state(SECOND) == "mobilised"
    ours = [letter["type"] for letter in season.registration.said() if letter["subject"] == SECOND]
    assert ours[-2:] == ["host_revealed", "marathon_mobilised"]


def test_without_the_baton_the_date_of_mobilisation_reveals_nothing(season: Season) -> None:
    season.open()
    set_canary(season)
    mobilises_at = START + 9 * DAY
    season.call("change_marathon", marathon=SECOND, mobilises_at=mobilises_at.isoformat())
    season.at(mobilises_at + DAY)
    assert revealed(season) == (False, None, None)
    assert season.state(SECOND) == "announced"


def test_mobilisation_waits_for_the_reveal(season: Season) -> None:
    season.open()
    season.play(FIRST)
    season.accept()
    season.troupe.tick()
    desk = season.call("get_desk", marathon=SECOND)
    assert [item["code"] for item in desk["next"][0]["missing"]] == ["host_not_set"]
    set_canary(season)
    season.troupe.tick()
    assert season.state(SECOND) == "announced"
    with pytest.raises(Refusal) as refused:
        season.call("move_marathon", marathon=SECOND, to="mobilised", override=True, reason="x")
    assert [item["code"] for item in refused.value.details["missing"]] == ["host_not_revealed"]
    must_not_leak(refused.value.to_problem())
    season.call("reveal_host", marathon=SECOND)
    season.troupe.tick()
    assert season.state(SECOND) == "mobilised"


def test_once_mobilised_the_host_is_fixed(season: Season) -> None:
    season.open()
    with pytest.raises(Refusal) as refused:
        season.call("set_host", marathon=FIRST, insee="47106")
    assert refused.value.code == "host_fixed"


def test_an_earlier_mobilisation_may_not_leave_the_reveal_behind(
    season: Season,
) -> None:
    season.open()
    set_canary(season, reveal_at=(START + 9 * DAY).isoformat())
    with pytest.raises(Refusal) as refused:
        season.call("change_marathon", marathon=SECOND, mobilises_at=(START + 8 * DAY).isoformat())
    assert refused.value.code == "reveal_too_late"
    assert season.call("get_marathon", marathon=SECOND)["mobilises_at"] is None
