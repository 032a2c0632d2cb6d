"""A stage for venues alone: what registration and the jury would say, premises, seats."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from services.venues.tables import Base
from tests.harness import ORGANISER, START, Player
from tests.letters import EVENT_OF_STATE, MARATHON, Letters, project_event

STARTS = START + timedelta(days=1)
ENDS = STARTS + timedelta(hours=36)
DAY = timedelta(days=1)
NOBODY = Actor()

on_sqlite = pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
"""For what storage does not touch: once is enough."""

__all__ = ["DAY", "ENDS", "MARATHON", "NOBODY", "ORGANISER", "STARTS", "Stage", "on_sqlite"]


def premises(**changes: Any) -> dict[str, Any]:
    """Premises as they are offered: fit for everybody, free a day before to a day after."""
    return {
        "title": "Ancienne mercerie",
        "owner": {"name": "Odile Rivière", "email": "odile@example.org", "phone": "0500000000"},
        "address": {
            "house_number": "12",
            "street": "Rue de la Halle",
            "postal_code": "47500",
            "insee": "47179",
        },
        "surface_m2": 60,
        "capacity": 1,
        "step_free": "yes",
        "power": True,
        "water": True,
        "shop_window": True,
        "available": [span(STARTS - DAY, ENDS + DAY)],
    } | changes


def span(from_at: datetime, to_at: datetime) -> dict[str, str]:
    """A half-open interval as it is asked for."""
    return {"from_at": from_at.isoformat(), "to_at": to_at.isoformat()}


class Stage(Letters):
    """Venues on its own, hearing what it is told."""

    def __init__(self, storage: str, seed: int = 0) -> None:
        super().__init__("venues", storage, seed)

    @property
    def venues(self) -> Player:
        return self.player

    # --- what the others say ----------------------------------------------------------------

    def marathon_letter(
        self, state: str, marathon: str = MARATHON, **changes: Any
    ) -> dict[str, Any]:
        """The marathon in a new state; what is not given stays as it was."""
        first = {
            "id": marathon,
            "title": "Marathon de Fumel",
            "starts_at": STARTS.isoformat(),
            "ends_at": ENDS.isoformat(),
            "palmares": None,
        }
        data = self.state_of(marathon, first, {"state": state, **changes})
        return self.letter("registration", EVENT_OF_STATE[state], "marathon", marathon, data)

    def project_letter(
        self, project: str, status: str = "confirmed", **changes: Any
    ) -> dict[str, Any]:
        """A project in a new status, which needs nothing unless it says so."""
        first = {
            "id": project,
            "marathon": MARATHON,
            "title": project.capitalize(),
            "team_number": len(self.states) + 1,
            "activity": "artisanat",
            "holder_key": f"{project}-holder",
            "needs": {"step_free": False, "water": False, "power": False, "surface_m2": 20},
            "reason": None,
        }
        data = self.state_of(project, first, {"status": status, **changes})
        return self.letter("registration", project_event(status), "project", project, data)

    def palmares_letter(self, number: int = 1, *premises: str) -> dict[str, Any]:
        """A published edition of the palmarès, with a prize for each of these premises."""
        prizes: list[dict[str, Any]] = [{"premises": one} for one in premises]
        data = {"marathon": MARATHON, "number": number, "prizes": [*prizes, {"premises": None}]}
        return self.letter("jury", "palmares_published", "palmares", "palmares", data)

    # --- shortcuts --------------------------------------------------------------------------

    def mobilised(self, *projects: str) -> None:
        """A marathon whose call is open, with teams to place."""
        self.hear(self.marathon_letter("mobilised"))
        self.hear(*(self.project_letter(project) for project in projects))

    def call(self, door: str, actor: Actor = ORGANISER, **request: Any) -> Any:
        """Asks venues at a door."""
        return self.venues.call(door, request, actor=actor)

    def refused(self, door: str, actor: Actor = ORGANISER, **request: Any) -> str:
        """The code of a refusal that must come, and must store and say nothing."""
        before = self.rows(), len(self.said())
        try:
            self.call(door, actor, **request)
        except Refusal as refusal:
            assert (self.rows(), len(self.said())) == before
            return refusal.code
        raise AssertionError(f"{door} was not refused")

    def owner(self, email: str = "odile@example.org") -> Actor:
        """Somebody who signed in."""
        return Actor(self.venues.within(lambda work: work.person_key(email)), "Odile")

    def offered(self, title: str = "Ancienne mercerie", **changes: Any) -> str:
        """An offer that waits for a decision; answers its id."""
        made = self.call("offer_premises", marathon=MARATHON, **premises(title=title, **changes))
        return str(made["id"])

    def approved(self, title: str = "Ancienne mercerie", **changes: Any) -> str:
        """An approved offer; answers its id."""
        offer = self.offered(title, **changes)
        self.call("decide_offer", offer=offer, approve=True)
        return offer

    def proposed(self, project: str, offer: str) -> str:
        """A proposed seat; answers its id."""
        made = self.call("allocate", marathon=MARATHON, project=project, offer=offer)
        return str(made["id"])

    def confirmed(self, project: str, offer: str) -> str:
        """A confirmed seat; answers its id."""
        allocation = self.proposed(project, offer)
        self.call("confirm_allocation", allocation=allocation)
        return allocation

    def status(self, allocation: str) -> str:
        """The state of an allocation."""
        return str(self.allocation(allocation)["status"])

    def allocation(self, allocation: str) -> dict[str, Any]:
        """An allocation as the organiser sees it."""
        found = self.call("list_allocations", marathon=MARATHON)
        return next(dict(one) for one in found if one["id"] == allocation)

    def where(self) -> dict[str, str]:
        """The offers in which teams have a seat that stands, by team."""
        found = self.call("list_allocations", marathon=MARATHON)
        return {
            one["project"]: one["offer"]
            for one in found
            if one["status"] in ("confirmed", "handed_over", "returned")
        }

    def rows(self) -> dict[str, list[str]]:
        """All that is in venues' tables, row by row."""
        with self.venues.session() as session:
            return {
                name: sorted(map(repr, session.execute(select(table)).all()))
                for name, table in Base.metadata.tables.items()
            }
