"""What venues holds on an owner, and when their contact goes (RULES D1, D2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from services.venues import retention
from services.venues.periods import CONTACTS
from services.venues.tables import Premises
from tests.harness import START
from tests.venues.stage import ENDS, MARATHON, NOBODY, ORGANISER, Stage, premises

SECOND = timedelta(seconds=1)
CLOSED = ENDS + timedelta(hours=5)


def mine(stage: Stage, email: str = "odile@example.org") -> Any:
    return stage.call("my_data", stage.owner(email))


def contacts(stage: Stage) -> list[Any]:
    with stage.venues.session() as session:
        return list(session.scalars(select(Premises.contact).order_by(Premises.title)))


def purged(stage: Stage, now: Any) -> list[Any]:
    """The contacts that are left after the purge of an instant."""
    retention.purge(stage.venues.database, now)
    return contacts(stage)


def closed(stage: Stage, marathon: str = MARATHON, **changes: Any) -> None:
    stage.hear(stage.marathon_letter("closed", marathon, closed_at=CLOSED.isoformat(), **changes))


def test_an_owner_sees_premises_offers_and_seats(stage: Stage) -> None:
    stage.mobilised("bakery")
    offer = stage.approved()
    stage.confirmed("bakery", offer)
    [place] = mine(stage)["premises"]
    assert place["contact"]["email"] == "odile@example.org"
    assert place["public_address"] == "12 Rue de la Halle, 47500 Monsempron-Libos"
    [offered] = place["offers"]
    assert (offered["id"], offered["state"], offered["offered_at"]) == (
        offer,
        "approved",
        START.isoformat(),
    )
    assert [(one["project"], one["status"]) for one in offered["allocations"]] == [
        ("bakery", "confirmed")
    ]


def test_nobody_sees_somebody_else_s(stage: Stage) -> None:
    stage.mobilised()
    stage.offered()
    held = mine(stage, "bruno@example.org")
    assert {name: value for name, value in held.items() if value} == {}


def test_an_organiser_sees_what_they_decided_and_no_contact(stage: Stage) -> None:
    stage.mobilised("bakery")
    offer = stage.approved()
    allocation = stage.confirmed("bakery", offer)
    stage.call("hand_over", allocation=allocation)
    held = stage.call("my_data", ORGANISER)
    assert held["premises"] == []
    assert [(one["id"], one["state"]) for one in held["decisions"]] == [(offer, "approved")]
    [keys] = held["keys"]
    assert (keys["handed_over_by_me"], keys["taken_back_by_me"]) == (True, False)
    assert "odile" not in repr(held)


def test_commands_under_a_key_are_named(stage: Stage) -> None:
    stage.mobilised()
    asked = {"marathon": MARATHON, **premises()}
    stage.venues.call("offer_premises", asked, actor=stage.owner(), key="k1")
    assert mine(stage)["answers"] == [{"door": "offer_premises", "created_at": START.isoformat()}]


def test_a_machine_has_no_data(stage: Stage) -> None:
    assert stage.refused("my_data", NOBODY) == "person_missing"


def test_the_contact_goes_after_its_time_and_the_premises_stay(stage: Stage) -> None:
    stage.mobilised()
    stage.offered()
    closed(stage)
    assert purged(stage, CLOSED + CONTACTS - SECOND) != [None]
    assert purged(stage, CLOSED + CONTACTS) == [None]
    assert len(mine(stage)["premises"]) == 1


def test_the_contact_stays_while_the_marathon_is_not_over(stage: Stage) -> None:
    stage.mobilised()
    stage.offered()
    stage.hear(stage.marathon_letter("ended"))
    assert purged(stage, CLOSED + 2 * CONTACTS) != [None]


def test_the_last_marathon_counts(stage: Stage) -> None:
    stage.mobilised()
    stage.hear(stage.marathon_letter("mobilised", "another"))
    stage.offered()
    stage.call("offer_premises", marathon="another", **premises())
    closed(stage)
    assert purged(stage, CLOSED + CONTACTS) != [None]
    later = CLOSED + timedelta(days=300)
    stage.hear(stage.marathon_letter("closed", "another", closed_at=later.isoformat()))
    assert purged(stage, later + CONTACTS - SECOND) != [None]
    assert purged(stage, later + CONTACTS) == [None]


def test_a_cancelled_marathon_is_over_too(stage: Stage) -> None:
    stage.mobilised()
    stage.offered()
    stage.hear(stage.marathon_letter("cancelled"))
    assert purged(stage, ENDS + CONTACTS - SECOND) != [None]
    assert purged(stage, ENDS + CONTACTS) == [None]


def test_a_dispute_holds_it(stage: Stage) -> None:
    stage.mobilised()
    stage.offered()
    closed(stage, purge_held=True)
    assert purged(stage, CLOSED + 2 * CONTACTS) != [None]
    closed(stage, purge_held=False)
    assert purged(stage, CLOSED + 2 * CONTACTS) == [None]
