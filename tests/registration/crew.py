"""People on the stage: who applies, who joins, who organises; mails as they wait to be sent."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from services.chassis.people_tables import mails
from services.registration import tables
from tests.harness import ORGANISER
from tests.registration.season import FIRST, NOBODY, START, Season

__all__ = ["FIRST", "NOBODY", "ORGANISER", "START", "Crew"]

DAY = timedelta(days=1)


class Crew:
    """A season whose first marathon is mobilised, and people who want something of it."""

    def __init__(self, season: Season) -> None:
        self.season = season
        self.troupe = season.troupe
        self.call = season.call
        self.roles: dict[str, set[tuple[str, str | None]]] = {}
        season.open()
        assert season.state() == "mobilised"

    # --- people ---------------------------------------------------------------------------

    def key(self, name: str) -> str:
        """The key of the person called ``name``."""
        return str(self.season.registration.within(lambda work: work.person_key(email(name))))

    def known(self, name: str) -> Actor:
        """Somebody who has signed in."""
        self.season.registration.within(lambda work: _ensure(work, name))
        return self.actor(name)

    def actor(self, name: str, *roles: tuple[str, str | None]) -> Actor:
        """Somebody as the gateway would pass them on."""
        return Actor(self.key(name), name.capitalize(), frozenset(roles))

    def juror(self, name: str = "jules", marathon: str = FIRST, **more: Any) -> Any:
        """Grants a juror's role."""
        return self.grant("juror", name, marathon, **more)

    def grant(self, role: str, name: str, marathon: str | None = FIRST, **more: Any) -> Any:
        """Grants a role at an organiser's word."""
        return self.call("grant_role", marathon=marathon, role=role, person=named(name), **more)

    # --- projects -------------------------------------------------------------------------

    def project(self, holder: str = "anne", title: str = "", **more: Any) -> str:
        """A draft of somebody's; its id."""
        request = {
            "marathon": FIRST,
            "title": title or f"Projet de {holder}",
            "pitch": "Une épicerie qui roule.",
            "activity": "Commerce",
            **more,
        }
        return str(self.call("register_project", self.known(holder), **request)["id"])

    def submitted(self, holder: str = "anne", **more: Any) -> str:
        """A submitted project."""
        project = self.project(holder, **more)
        self.call("submit_project", self.actor(holder), project=project)
        return project

    def decided(self, decision: str = "accepted", holder: str = "anne", **more: Any) -> str:
        """A project on which something is decided, in secret."""
        project = self.submitted(holder, **more)
        self.call("decide_project", project=project, decision=decision)
        return project

    def accepted(self, holder: str = "anne", **more: Any) -> str:
        """A project whose acceptance is published."""
        project = self.decided("accepted", holder, **more)
        self.call("publish_decisions", marathon=FIRST)
        return project

    def confirmed(self, holder: str = "anne", **more: Any) -> str:
        """A confirmed team."""
        project = self.accepted(holder, **more)
        self.call("confirm_project", self.actor(holder), project=project)
        return project

    def status(self, project: str, actor: Any = ORGANISER) -> str:
        """A project's status as the actor sees it."""
        return str(self.call("get_project", actor, project=project)["status"])

    def move(self, *states: str) -> None:
        """Moves the first marathon on, overriding what is missing."""
        for to in states:
            if to == "deliberated":
                self.season.hear_palmares(FIRST)
            else:
                self.season.move(FIRST, to, override=True, reason="essai")

    # --- what there is --------------------------------------------------------------------

    def refused(self, door: str, actor: Any = ORGANISER, **request: Any) -> str:
        """The code with which a door refuses; nothing may be stored or said."""
        before = self.everything()
        with pytest.raises(Refusal) as refused:
            self.call(door, actor, **request)
        assert self.everything() == before, "a refused command stored something"
        return str(refused.value.code)

    def everything(self) -> dict[str, int]:
        """How many rows each table has."""
        chassis = {"mails": mails}
        own = {table.name: table for table in tables.Base.metadata.sorted_tables}
        with self.season.registration.session() as session:
            counts = {
                name: session.scalar(select(func.count()).select_from(table)) or 0
                for name, table in {**own, **chassis}.items()
            }
        return {**counts, "said": len(self.season.registration.said())}

    def mails(self, to: str = "") -> list[tuple[str, str]]:
        """(who, subject) of all mails that wait, or those to somebody, in their order."""
        return [
            (row.to.split("@")[0], row.subject)
            for row in self._mails()
            if not to or row.to == email(to)
        ]

    def text(self, to: str) -> str:
        """The newest mail to somebody."""
        return str([row.text for row in self._mails() if row.to == email(to)][-1])

    def _mails(self) -> list[Any]:
        with self.season.registration.session() as session:
            rows = session.execute(select(mails).order_by(mails.c.created_at)).all()
        return list(rows)

    def forget_mails(self) -> None:
        """Takes all mails away, as if they were sent."""
        with self.season.registration.session() as session:
            session.execute(mails.delete())

    def row(self, table: Any, key: Any) -> Any:
        """One row of a table."""
        with self.season.registration.session() as session:
            found = session.get(table, key)
            assert found is not None
            session.expunge(found)
            return found

    def said(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """(type, state) of every event about projects, roles or people so far."""
        return [
            (event["type"], event["data"])
            for event in self.season.registration.said()
            if event["dataschema"].split(":")[-2] == kind
        ]

    # --- signing in -----------------------------------------------------------------------

    def sign_in(self, name: str) -> str:
        """Signs somebody in by the mailed link; the session's secret."""
        self.call("request_sign_in", NOBODY, email=email(name))
        link = re.search(r"/connexion/lien\?token=(\S+)", self.text(name))
        assert link
        return str(self.call("sign_in", NOBODY, token=link[1])["session"])


def email(name: str) -> str:
    """Somebody's address."""
    return f"{name}@example.org"


def named(name: str) -> dict[str, str]:
    """Somebody, as an organiser names them."""
    return {"name": name.capitalize(), "email": email(name)}


def _ensure(work: Any, name: str) -> None:
    from services.registration import people

    people.ensure(work, email(name), name.capitalize())
