"""What venues does when it hears something, whatever the order: RULES P2, Z1."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.venues.stage import MARATHON, Stage, on_sqlite


def closed(number: int = 1) -> dict[str, Any]:
    """The palmarès that a closed marathon names."""
    return {"id": "palmares", "number": number, "digest": "d"}


@pytest.mark.parametrize("gone", ["withdrawn", "no_show", "disqualified"])
def test_a_team_that_is_gone_gives_its_seat_up(stage: Stage, gone: str) -> None:
    stage.mobilised("wool")
    seat = stage.confirmed("wool", stage.approved())
    stage.hear(stage.project_letter("wool", gone, reason="Malade"))
    assert stage.status(seat) == "cancelled"
    assert stage.last("premises_released")["reason"] == "Malade"
    assert stage.rows()["occupied"] == []


@on_sqlite
def test_a_team_that_is_gone_with_the_keys_brings_them_back_first(stage: Stage) -> None:
    stage.mobilised("wool")
    seat = stage.confirmed("wool", stage.approved())
    stage.call("hand_over", allocation=seat)
    stage.hear(stage.project_letter("wool", "disqualified", reason="Triche"))
    assert stage.status(seat) == "handed_over"
    assert stage.allocation(seat)["misfits"]
    stage.call("return_keys", allocation=seat)
    stage.hear(stage.marathon_letter("ended"))
    assert stage.status(seat) == "released"


def test_a_closed_marathon_releases_all_but_what_a_prize_is_tied_to(stage: Stage) -> None:
    stage.mobilised("wool", "bakery")
    tied, free = stage.approved("Atelier"), stage.approved("Boutique")
    held, released = stage.confirmed("wool", tied), stage.confirmed("bakery", free)
    place = stage.allocation(held)["premises"]
    stage.hear(stage.marathon_letter("closed", palmares=closed()))
    # Which premises a prize is tied to is not known yet: the palmarès is still under way.
    assert stage.status(released) == "confirmed"
    stage.hear(stage.palmares_letter(1, place))
    assert (stage.status(released), stage.status(held)) == ("released", "confirmed")
    assert stage.allocation(held)["held"]
    assert stage.said().count("premises_released") == 1


@on_sqlite
def test_an_older_edition_of_the_palmares_is_not_enough(stage: Stage) -> None:
    stage.mobilised("wool")
    seat = stage.confirmed("wool", stage.approved())
    stage.hear(stage.palmares_letter(1))
    stage.hear(stage.marathon_letter("closed", palmares=closed(2)))
    assert stage.status(seat) == "confirmed"
    stage.hear(stage.palmares_letter(2))
    assert stage.status(seat) == "released"


@on_sqlite
def test_keys_that_come_back_after_the_closing_are_noted(stage: Stage) -> None:
    stage.mobilised("wool")
    seat = stage.confirmed("wool", stage.approved())
    stage.call("hand_over", allocation=seat)
    stage.hear(stage.marathon_letter("closed"))
    assert (stage.status(seat), stage.allocation(seat)["keys_due"]) == ("released", True)
    stage.call("return_keys", allocation=seat)
    assert (stage.status(seat), stage.allocation(seat)["keys_due"]) == ("released", False)


def test_a_cancelled_marathon_gives_every_seat_back(stage: Stage) -> None:
    stage.mobilised("wool", "bakery")
    offer = stage.approved(capacity=2)
    out, seat = stage.confirmed("wool", offer), stage.confirmed("bakery", offer)
    stage.call("hand_over", allocation=out)
    stage.hear(stage.marathon_letter("cancelled"))
    assert (stage.status(out), stage.status(seat)) == ("released", "cancelled")
    assert stage.rows()["occupied"] == []


@on_sqlite
def test_every_order_of_the_last_events_and_twice_ends_the_same(stage: Stage) -> None:
    stage.mobilised("wool", "bakery", "garden")
    offer = stage.approved(capacity=3)
    for project in ("wool", "bakery", "garden"):
        stage.confirmed(project, offer)
    premises = stage.call("list_premises", marathon=MARATHON)[0]["premises"]
    letters = [
        stage.project_letter("garden", "no_show", reason="Absente"),
        stage.marathon_letter("ended"),
        stage.palmares_letter(1, premises),
        stage.marathon_letter("closed", palmares=closed()),
    ]
    before = stage.rows()
    outcomes = set()
    for order in itertools.permutations(letters):
        with stage.venues.session() as session:
            outcomes.add(_outcome_of(stage, session, order))
    assert len(outcomes) == 1
    assert stage.rows() == before


def _outcome_of(stage: Stage, session: Any, order: Any) -> str:
    """What is left when these are heard, each twice; all is undone afterwards."""
    from services.chassis.envelope import open_envelope
    from services.chassis.inbox import take
    from services.venues import allocations, reactions

    def hear(work: Any) -> str:
        work.session = session
        for letter in (*order, *order):
            event = take(work, open_envelope(letter))
            if event is not None:
                reactions.react(work, event)
        rows = allocations.of_marathon(work, MARATHON)
        found = [(row.project, row.status, row.held, row.reason) for row in rows]
        session.rollback()
        return repr(found)

    return str(stage.venues.within(hear))
