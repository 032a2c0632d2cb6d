"""The relay: offer, answer, grant, receipt (DESIGN §5)."""

from __future__ import annotations

import itertools
import random
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.chassis import territory
from services.chassis.errors import Refusal
from services.registration.tables import Grant, Relay
from tests.registration.season import (
    FILE,
    FIRST,
    NOBODY,
    SECOND,
    START,
    THIRD,
    Season,
    on_both,
    organiser_of,
)

DAY = timedelta(days=1)
FOUR = (
    FILE.replace("finale: yes", "").rstrip()
    + """
  - leg: 4
    epci: "244701405"
    theme: Mobilité
    question: Et si ?
    operated_by: commune
    finale: yes
"""
)
FOURTH = "saison-4"


def grants(season: Season) -> list[tuple[int, int, str, bool]]:
    """(term, hop, marathon, received) of every grant."""
    with season.registration.session() as session:
        rows = session.scalars(select(Grant).order_by(Grant.term, Grant.hop))
        return [(row.term, row.hop, row.marathon, row.received_at is not None) for row in rows]


def refused(season: Season, door: str, **request: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        season.call(door, **request)
    return caught.value


def reveal(season: Season, marathon: str, insee: str) -> None:
    season.call("set_host", marathon=marathon, insee=insee)
    season.call("reveal_host", marathon=marathon)


# --- the plain way ------------------------------------------------------------------------


def test_a_closed_marathon_offers_its_baton_to_the_next(season: Season) -> None:
    season.open()
    season.play(FIRST)
    assert season.relays() == [(FIRST, SECOND, 1, 2, "offered")]
    offer = season.registration.said("relay_offered")[0]["data"]
    assert offer["deadline"] == (START + 14 * DAY).isoformat()
    assert offer["baton"] is None
    assert grants(season) == [(1, 1, FIRST, True)]


def test_nothing_is_offered_before_the_closing(season: Season) -> None:
    season.open()
    season.play(FIRST, close=False)
    season.troupe.tick()
    assert season.relays() == []


@on_both
def test_accepting_grants_and_the_receipt_mobilises(season: Season) -> None:
    season.open()
    reveal(season, SECOND, _commune())
    season.play(FIRST)
    season.accept(organiser_of(SECOND))
    assert season.relays() == [(FIRST, SECOND, 1, 2, "received")]
    assert grants(season) == [(1, 1, FIRST, True), (1, 2, SECOND, True)]
    shown = season.call("get_marathon", marathon=SECOND)
    assert (shown["state"], shown["baton"]) == (
        "mobilised",
        {"cycle": "saison", "term": 1, "hop": 2},
    )
    types = [kind for kind in season.types() if "relay" in kind or kind == "marathon_mobilised"]
    assert types == [
        "marathon_mobilised",
        "relay_offered",
        "relay_passed",
        "relay_received",
        "marathon_mobilised",
    ]


def test_the_baton_tells_where_it_comes_from(season: Season) -> None:
    season.open()
    season.play(FIRST)
    baton = season.accept()["baton"]
    assert baton == {
        "leg": 1,
        "palmares_digest": "digest-saison-1-1",
        "chain": [
            {"term": 1, "hop": 1, "marathon": FIRST, "granted_at": START.isoformat()},
        ],
        "templates": {
            "settings": {
                "who_may_vote": "everyone",
                "elsewhere_may_vote": True,
                "tie_rule": "shared",
                "hold_days": 0,
            }
        },
    }


@on_both
def test_the_whole_relay_ends_the_cycle(season: Season) -> None:
    season.open()
    reveal(season, SECOND, _commune())
    for marathon in (FIRST, SECOND):
        season.play(marathon)
        season.accept()
    season.play(THIRD)
    finished = season.registration.said("cycle_finished")
    assert [letter["data"] for letter in finished] == [
        {
            "epoch": 1,
            "version": 1,
            "id": "saison",
            "state": "finished",
            "legs": [
                {
                    "marathon": marathon,
                    "leg": leg,
                    "state": "closed",
                    "palmares_digest": f"digest-{marathon}-1",
                }
                for leg, marathon in enumerate((FIRST, SECOND, THIRD), 1)
            ],
        }
    ]
    assert season.call("get_cycle", cycle="saison")["state"] == "finished"
    assert grants(season) == [(1, 1, FIRST, True), (1, 2, SECOND, True), (1, 3, THIRD, True)]
    season.at(START + 100 * DAY)
    assert len(season.registration.said("cycle_finished")) == 1


# --- answers ------------------------------------------------------------------------------


@on_both
def test_the_same_answer_twice_changes_nothing(season: Season) -> None:
    season.open()
    season.play(FIRST)
    offer = season.offer()
    for _ in range(2):
        season.call("answer_relay", relay=offer, answer="accepted")
    season.troupe.deliver()
    said = len(season.registration.said())
    season.call("answer_relay", relay=offer, answer="accepted")
    assert len(season.registration.said()) == said
    assert refused(season, "answer_relay", relay=offer, answer="refused").code == "relay_answered"
    assert season.types().count("relay_passed") == 1


def test_a_refusal_goes_to_the_next_host(season: Season) -> None:
    season.open()
    season.play(FIRST)
    offer = season.offer()
    season.call("answer_relay", relay=offer, answer="refused", reason="Plus de local")
    season.troupe.deliver()
    assert season.relays() == [
        (FIRST, SECOND, 1, 2, "refused"),
        (FIRST, THIRD, 1, 2, "offered"),
    ]
    assert season.registration.said("relay_refused")[0]["data"]["reason"] == "Plus de local"
    assert refused(season, "answer_relay", relay=offer, answer="accepted").code == "relay_answered"
    season.accept(organiser_of(THIRD))
    assert season.state(THIRD) == "mobilised"
    assert season.state(SECOND) == "announced"


@on_both
def test_an_offer_expires_and_a_late_answer_is_superseded(season: Season) -> None:
    season.open()
    season.play(FIRST)
    offer = season.offer()
    season.troupe.clock.move_to(START + 14 * DAY)
    late = refused(season, "answer_relay", relay=offer, answer="accepted")
    assert late.code == "relay_superseded"
    season.troupe.tick()
    assert season.relays() == [
        (FIRST, SECOND, 1, 2, "expired"),
        (FIRST, THIRD, 1, 2, "offered"),
    ]
    later = refused(season, "answer_relay", relay=offer, answer="accepted")
    assert later.code == "relay_superseded"
    assert grants(season) == [(1, 1, FIRST, True)]


def test_when_all_were_asked_the_relay_waits_for_the_joint_body(season: Season) -> None:
    season.open()
    season.play(FIRST)
    for _ in range(2):
        season.call("answer_relay", relay=season.offer(), answer="refused")
        season.troupe.deliver()
    season.at(START + 60 * DAY)
    assert [state for *_, state in season.relays()] == ["refused", "refused"]
    assert season.registration.said("cycle_finished") == []
    season.call("reassign_relay", cycle="saison", to_marathon=SECOND, reason="Accord oral")
    season.troupe.deliver()
    assert grants(season) == [(1, 1, FIRST, True), (2, 2, SECOND, True)]


@pytest.mark.parametrize("actor", [NOBODY, organiser_of(FIRST), organiser_of(THIRD)])
def test_only_the_offered_host_answers(season: Season, actor: Any) -> None:
    season.open()
    season.play(FIRST)
    error = refused(
        season,
        "answer_relay",
        actor=actor,
        relay=season.offer(),
        answer="accepted",
    )
    assert error.code == "forbidden"
    assert grants(season) == [(1, 1, FIRST, True)]


def test_an_unknown_offer_is_not_found(season: Season) -> None:
    season.open()
    error = refused(season, "answer_relay", relay="rien", answer="accepted")
    assert error.code == "relay_not_found"


# --- cancelled ----------------------------------------------------------------------------


def test_a_cancelled_marathons_baton_moves_on_too(season: Season) -> None:
    season.open()
    season.move(FIRST, "cancelled", reason="Crue du Lot")
    assert season.relays() == [(FIRST, SECOND, 1, 2, "offered")]
    assert season.accept()["baton"]["palmares_digest"] is None


def test_a_cancelled_leg_is_passed_over(season: Season) -> None:
    season.open()
    season.move(SECOND, "cancelled", reason="Plus de ville")
    season.play(FIRST)
    assert season.relays() == [(FIRST, THIRD, 1, 2, "offered")]


def test_an_offer_to_a_cancelled_marathon_is_superseded(season: Season) -> None:
    season.open()
    season.play(FIRST)
    offer = season.offer()
    season.move(SECOND, "cancelled", reason="Plus de ville")
    assert season.relays() == [
        (FIRST, SECOND, 1, 2, "superseded"),
        (FIRST, THIRD, 1, 2, "offered"),
    ]
    error = refused(season, "answer_relay", relay=offer, answer="accepted")
    assert error.code == "relay_superseded"


def test_a_holder_cancelled_before_it_mobilised_passes_the_baton_on(season: Season) -> None:
    season.open()
    season.play(FIRST)
    season.accept()
    assert season.state(SECOND) == "announced"
    season.move(SECOND, "cancelled", reason="Plus de ville")
    assert season.relays()[-1] == (SECOND, THIRD, 1, 3, "offered")


@on_both
def test_a_holder_cancelled_before_its_receipt_passes_the_baton_on(season: Season) -> None:
    season.open()
    season.play(FIRST)
    season.call("answer_relay", relay=season.offer(), answer="accepted")
    season.call("move_marathon", marathon=SECOND, to="cancelled", reason="Plus de ville")
    season.troupe.deliver(order=lambda letters: letters[::-1])
    assert season.relays() == [
        (FIRST, SECOND, 1, 2, "received"),
        (SECOND, THIRD, 1, 3, "offered"),
    ]
    assert season.call("get_marathon", marathon=SECOND)["baton"] is None


def test_a_cycle_of_cancelled_marathons_is_finished(season: Season) -> None:
    season.open()
    for marathon in (SECOND, THIRD, FIRST):
        season.move(marathon, "cancelled", reason="Crue du Lot")
    legs = season.registration.said("cycle_finished")[0]["data"]["legs"]
    assert [leg["state"] for leg in legs] == ["cancelled"] * 3
    assert season.relays() == []


def test_an_offer_waits_for_the_announcement_of_a_draft(season: Season) -> None:
    season.open(FILE.replace("theme: Tourisme", "theme: Tourisme\n    announced: no"))
    season.play(FIRST)
    assert season.relays() == []
    season.move(SECOND, "announced")
    assert season.relays() == [(FIRST, SECOND, 1, 2, "offered")]


# --- the joint body -----------------------------------------------------------------------


@on_both
def test_reassigning_raises_the_term_and_supersedes(season: Season) -> None:
    season.open(FOUR)
    season.play(FIRST)
    offer = season.offer()
    season.call("reassign_relay", cycle="saison", to_marathon=THIRD, reason="Ville prête")
    season.troupe.deliver()
    assert season.relays() == [
        (FIRST, SECOND, 1, 2, "superseded"),
        (FIRST, THIRD, 2, 2, "received"),
    ]
    assert season.state(THIRD) == "mobilised"
    error = refused(season, "answer_relay", relay=offer, answer="accepted")
    assert error.code == "relay_superseded"
    season.play(THIRD)
    assert season.relays()[-1] == (THIRD, FOURTH, 2, 3, "offered")


def test_reassigning_takes_the_baton_from_a_holder_that_waits(season: Season) -> None:
    season.open()
    season.play(FIRST)
    season.accept()
    season.call("reassign_relay", cycle="saison", to_marathon=THIRD, reason="Ville prête")
    season.troupe.deliver()
    assert season.call("get_marathon", marathon=SECOND)["baton"] is None
    assert season.call("get_desk", marathon=SECOND)["holds_baton"] is False
    reveal(season, SECOND, _commune())
    season.troupe.tick()
    assert (season.state(SECOND), season.state(THIRD)) == ("announced", "mobilised")


@on_both
def test_a_receipt_that_comes_after_a_reassignment_makes_no_holder(season: Season) -> None:
    season.open()
    season.play(FIRST)
    season.call("answer_relay", relay=season.offer(), answer="accepted")
    season.call("reassign_relay", cycle="saison", to_marathon=THIRD, reason="Ville prête")
    season.troupe.deliver(order=lambda letters: letters[::-1])
    assert season.relays() == [
        (FIRST, SECOND, 1, 2, "superseded"),
        (SECOND, THIRD, 2, 3, "received"),
    ]
    assert grants(season) == [(1, 1, FIRST, True), (1, 2, SECOND, False), (2, 3, THIRD, True)]
    assert season.call("get_marathon", marathon=SECOND)["baton"] is None


@pytest.mark.parametrize(
    ("to", "code"),
    [(FIRST, "relay_not_takeable"), (SECOND, "holder_is_playing"), ("x", "marathon_not_found")],
)
def test_what_can_not_be_reassigned(season: Season, to: str, code: str) -> None:
    season.open()
    error = refused(season, "reassign_relay", cycle="saison", to_marathon=to, reason="essai")
    assert error.code == code
    assert grants(season) == [(1, 1, FIRST, True)]


def test_only_the_joint_body_reassigns(season: Season) -> None:
    season.open()
    error = refused(
        season,
        "reassign_relay",
        actor=organiser_of(THIRD),
        cycle="saison",
        to_marathon=THIRD,
        reason="essai",
    )
    assert error.code == "forbidden"


# --- once, whatever happens ---------------------------------------------------------------


@on_both
def test_a_second_grant_of_a_hop_is_impossible(season: Season) -> None:
    season.open()
    again = Grant(cycle="saison", term=1, hop=1, marathon=SECOND, granted_at=START)
    with pytest.raises(IntegrityError):
        store(season, again)
    assert grants(season) == [(1, 1, FIRST, True)]


@on_both
def test_a_host_is_asked_once_a_hop(season: Season) -> None:
    season.open()
    season.play(FIRST)
    with season.registration.session() as session:
        first = session.scalars(select(Relay)).one()
    names = ("cycle", "term", "hop", "from_marathon", "to_marathon", "state", "offered_at")
    again = Relay(id="bis", **{name: getattr(first, name) for name in names})
    with pytest.raises(IntegrityError):
        store(season, again)


def store(season: Season, row: Any) -> None:
    with season.registration.session() as session:
        session.add(row)


@on_both
def test_two_acceptances_at_once_grant_once(season: Season) -> None:
    season.open()
    season.play(FIRST)
    offer = season.offer()
    together(season, [("answer_relay", {"relay": offer, "answer": "accepted"})] * 4)
    season.troupe.deliver()
    assert grants(season) == [(1, 1, FIRST, True), (1, 2, SECOND, True)]
    assert season.types().count("relay_passed") == 1


@on_both
def test_accepting_and_reassigning_at_once_make_one_holder(season: Season) -> None:
    season.open()
    season.play(FIRST)
    reassign = {"cycle": "saison", "to_marathon": THIRD, "reason": "Ville prête"}
    accept = {"relay": season.offer(), "answer": "accepted"}
    together(season, [("answer_relay", accept), ("reassign_relay", reassign)])
    season.troupe.deliver()
    holders = [
        leg["id"]
        for leg in season.call("get_cycle", cycle="saison")["marathons"]
        if leg["baton"] and leg["state"] != "closed"
    ]
    assert holders == [THIRD]
    assert grants(season)[-1] in [(2, 2, THIRD, True), (2, 3, THIRD, True)]


def together(season: Season, calls: list[tuple[str, dict[str, Any]]]) -> None:
    """Asks at several doors at the same time; a refusal is an answer too."""
    gate = threading.Barrier(len(calls))
    refusals: list[str] = []

    def ask(door: str, request: dict[str, Any]) -> None:
        gate.wait()
        try:
            season.call(door, **request)
        except Refusal as refusal:
            refusals.append(refusal.code)

    threads = [threading.Thread(target=ask, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(refusals) <= {"relay_superseded"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_any_order_of_events_comes_to_the_same(season: Season, order: tuple[int, ...]) -> None:
    season.open()
    season.play(FIRST)
    season.accept()
    letters = [
        envelope
        for envelope in season.registration.said()
        if envelope["type"] in ("relay_offered", "relay_passed", "relay_received")
    ]
    other = Season(str(season.troupe.settings.database_url).replace("{service}", "o-{service}"))
    other.open()
    other.play(FIRST)
    other.call("answer_relay", relay=other.offer(), answer="accepted")
    other.troupe.letters()  # taken from the outbox, and lost in the post
    with other.registration.session() as session:
        ours = session.scalars(select(Relay.id)).one()
    for index in (*order, *order):
        letter = letters[index]
        renamed = {**letter, "subject": ours, "data": {**letter["data"], "id": ours}}
        other.registration.hear(renamed)
    other.troupe.deliver(twice=True)
    assert other.relays() == [(FIRST, SECOND, 1, 2, "received")]
    assert grants(other) == [(1, 1, FIRST, True), (1, 2, SECOND, True)]
    assert other.types().count("relay_received") == 1
    other.troupe.close()


@pytest.mark.parametrize("seed", range(5))
def test_a_cycle_with_every_event_twice_and_shuffled(season: Season, seed: int) -> None:
    season.open()
    reveal(season, SECOND, _commune())
    shuffle = _shuffle(seed)
    for marathon in (FIRST, SECOND, THIRD):
        for to in ("running", "ended"):
            season.call("move_marathon", marathon=marathon, to=to, override=True, reason="essai")
        letters = [season.palmares_letter(marathon), *_own(season)]
        for letter in shuffle(letters + letters):
            season.registration.hear(letter)
        season.troupe.deliver(order=shuffle, twice=True)
        season.call("move_marathon", marathon=marathon, to="closed")
        season.troupe.deliver(order=shuffle, twice=True)
        if marathon != THIRD:
            season.call("answer_relay", relay=season.offer(), answer="accepted")
            season.troupe.deliver(order=shuffle, twice=True)
    assert [state for *_, state in season.relays()] == ["received", "received"]
    assert grants(season) == [(1, 1, FIRST, True), (1, 2, SECOND, True), (1, 3, THIRD, True)]
    counted = {kind: season.types().count(kind) for kind in ONCE_A_LEG}
    assert counted == {**dict.fromkeys(ONCE_A_LEG, 3), "relay_passed": 2, "relay_received": 2}
    assert season.types().count("cycle_finished") == 1


ONCE_A_LEG = (
    "marathon_mobilised",
    "marathon_started",
    "marathon_ended",
    "marathon_closed",
    "relay_passed",
    "relay_received",
)


def _own(season: Season) -> list[dict[str, Any]]:
    return [envelope for _, envelope in season.troupe.letters()]


def _shuffle(seed: int) -> Any:
    rng = random.Random(seed)

    def shuffled(letters: list[Any]) -> list[Any]:
        return rng.sample(letters, len(letters))

    return shuffled


def _commune() -> str:
    """A commune of the second leg's intercommunality."""
    epci = territory.load().epci("200068922")
    assert epci is not None
    return epci.communes[0].insee
