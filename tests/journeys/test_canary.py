"""A host town that is not revealed is nowhere but where it was set: RULES C4."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from services.chassis import tables
from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from tests.harness import START, Troupe
from tests.journeys.tour import LEGS, Tour, cycle_file, named

CANARY = ("47004", "Aiguillon", "47190")
NOBODY = Actor()


@pytest.fixture
def tour(troupe_on_sqlite: Troupe) -> Tour:
    """A cycle whose second host town is set, and secret."""
    made = Tour(troupe_on_sqlite)
    file = cycle_file()
    del file["legs"][1]["host"]
    made.call("registration", "open_cycle", file=file)
    made.call("registration", "set_host", marathon=LEGS[1], insee="47004")
    made.settle()
    return made


def offer() -> dict[str, Any]:
    """Premises in the secret town."""
    free = {"from_at": START.isoformat(), "to_at": START.replace(year=2027).isoformat()}
    address = {"street": "Rue Thiers", "postal_code": "47190", "insee": "47004"}
    return {
        "marathon": LEGS[1],
        "owner": named("odile"),
        "title": "Ancien café",
        "address": address,
        "surface_m2": 50,
        "capacity": 1,
        "step_free": "yes",
        "power": True,
        "water": True,
        "available": [free],
    }


def test_no_table_but_its_own_and_no_event_holds_it(tour: Tour) -> None:
    with pytest.raises(Refusal, match="call_not_open"):
        tour.call("venues", "offer_premises", **offer())
    tour.call("registration", "change_marathon", marathon=LEGS[1], title="La deuxième étape")
    tour.settle()
    assert [name for name, text in everything(tour.troupe) if holds(text)] == ["registration.hosts"]


def test_no_answer_holds_it(tour: Tour) -> None:
    leg, cycle = {"marathon": LEGS[1]}, {"cycle": "essai"}
    asked = [
        ("registration", door, request, actor)
        for door, request in (("get_marathon", leg), ("get_cycle", cycle), ("list_coaches", leg))
        for actor in (NOBODY, Actor("anne", "Anne"))
    ]
    asked.append(("venues", "list_premises", leg, NOBODY))
    for service, door, request, actor in asked:
        assert not holds(repr(tour.ask(service, door, actor, **request))), door


def holds(text: str) -> bool:
    """Whether a text names the secret town."""
    return any(name in text for name in CANARY)


def everything(troupe: Troupe) -> list[tuple[str, str]]:
    """All rows of all tables of all services, as text, by table."""
    found = []
    for name, player in troupe.players.items():
        with player.session() as session:
            for metadata in (player.service_class.chassis.metadata, tables.metadata):
                for table in metadata.sorted_tables:
                    text = repr(session.execute(select(table)).all())
                    found.append((f"{name}.{table.name}", text))
    return found
