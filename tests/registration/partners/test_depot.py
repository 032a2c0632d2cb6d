"""Registration's packages as the courier sees them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis.config import Settings
from services.chassis.courier import Destination, Outcome, Parcel
from services.registration.partners.canonical import canonical
from services.registration.partners.depot import Depot
from services.registration.tables import PackageOut, Partner, Told
from tests.registration.partners.stage import NAMES, Partners


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Partners]:
    made = Partners(tmp_path, list(NAMES[:2]))
    for instance in made:
        instance.open(made.file)
    yield made
    made.finish()


@pytest.fixture
def depot(two: Partners) -> Depot:
    """What fumel has for confluent, and takes of it."""
    return Depot(two["fumel"].core)


def rows(two: Partners) -> list[PackageOut]:
    query = select(PackageOut).order_by(PackageOut.id)
    found: list[PackageOut] = two["fumel"].within(lambda work: list(work.session.scalars(query)))
    return found


def test_who_has_a_key_has_an_open_depot(two: Partners, depot: Depot) -> None:
    assert depot.is_open()
    core = two["confluent"].core
    core.settings = Settings()
    assert not Depot(core).is_open()


def test_destinations_are_the_partners_that_were_added_but_for_ourselves(
    two: Partners, depot: Depot
) -> None:
    def add(work: object) -> None:
        for name, transport, url, removed in (
            ("fumel", "amqp", None, None),
            ("gone", "amqp", None, two.now),
            ("web", "https", "https://web.example.org", None),
            ("confluent", "amqp", None, None),
        ):
            row = Partner(name=name, title=name, transport=transport, relay_url=url, keys=[])
            row.added_at, row.removed_at = two.now, removed
            work.session.add(row)  # type: ignore[attr-defined]

    assert depot.destinations() == []
    two["fumel"].within(add)
    assert depot.destinations() == [
        Destination("confluent", "amqp"),
        Destination("web", "https", "https://web.example.org"),
    ]


def test_parcels_are_the_documents_in_their_canonical_form(two: Partners, depot: Depot) -> None:
    [row] = rows(two)
    assert depot.waiting() == ["confluent"]
    assert depot.parcels("confluent", 10) == [Parcel(row.id, canonical(row.document))]
    assert depot.parcels("confluent", 0) == []
    assert depot.parcels("another", 10) == []


def test_what_was_handed_over_is_settled_with_what_there_was_to_complain_of(
    two: Partners, depot: Depot
) -> None:
    [row] = rows(two)
    depot.settle("confluent", Outcome(taken={row.id: "unknown_cycle"}))
    [row] = rows(two)
    assert (row.attempts, row.error, row.handed_at) == (1, "unknown_cycle", two.now)
    assert depot.waiting() == []


def test_what_came_too_late_is_not_sent_again(two: Partners, depot: Depot) -> None:
    two.quiet()
    two["fumel"].cancel(1)
    [offer] = [row for row in rows(two) if row.kind == "baton.offer"]
    depot.settle("confluent", Outcome(taken={offer.id: None}))
    two.move(timedelta(hours=1))
    assert depot.parcels("confluent", 10)[-1].id == offer.id
    depot.settle("confluent", Outcome(taken={offer.id: "superseded"}))
    two.move(timedelta(hours=1))
    assert offer.id not in [parcel.id for parcel in depot.parcels("confluent", 10)]


def test_what_was_not_handed_over_is_due_again_soon(two: Partners, depot: Depot) -> None:
    [row] = rows(two)
    depot.settle("confluent", Outcome(failed=(row.id, "it can't be reached")))
    [row] = rows(two)
    assert (row.attempts, row.error, row.handed_at) == (1, "it can't be reached", None)
    assert depot.waiting() == []
    two["fumel"].at(row.due_at)
    assert depot.waiting() == ["confluent"]


def test_a_notice_that_was_replaced_meanwhile_is_nobodys_loss(two: Partners, depot: Depot) -> None:
    [row] = rows(two)
    two["fumel"].within(lambda work: work.session.delete(work.session.merge(row)))
    depot.settle("confluent", Outcome(taken={row.id: "x"}, failed=(row.id, "y")))
    assert rows(two) == []


def test_what_comes_is_taken_once_and_refused_on_anothers_channel(
    two: Partners, depot: Depot
) -> None:
    [parcel] = Depot(two["confluent"].core).parcels("fumel", 10)
    assert depot.receive(parcel.body, "confluent") == "accepted"
    assert depot.receive(parcel.body, "bastides") == "wrong_channel"
    assert depot.receive(b"\xff", "confluent") == "malformed"
    assert two["fumel"].refusals()["confluent", "malformed"] == 1


def test_a_cycle_opened_long_after_the_start_is_asked_about_at_once(two: Partners) -> None:
    two.quiet()
    two.move(timedelta(hours=5))
    for name in ("autre", "encore"):  # the second while the first was asked about just now
        for instance in two:
            instance.open({**two.file, "cycle": name})
        two.move(timedelta(seconds=3))
        two.quiet()
        query = select(Told.cycle).where(Told.cycle == name)
        assert [instance.within(partial(_scalar, query)) for instance in two] == [name] * 2


def _scalar(query: Any, work: Any) -> Any:
    return work.session.scalar(query)
