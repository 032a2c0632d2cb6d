"""A small season on registration alone: three legs, and what the other services would say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.chassis.actor import Actor
from services.registration.tables import Person, Project
from tests.harness import ORGANISER, START, Player, Troupe

STARTS = START + timedelta(days=30)
ENDS = STARTS + timedelta(hours=36)
NOBODY = Actor()

__all__ = [
    "ENDS",
    "FILE",
    "FIRST",
    "NOBODY",
    "ORGANISER",
    "SECOND",
    "START",
    "STARTS",
    "THIRD",
    "Season",
    "on_both",
    "organiser_of",
]

FILE = f"""\
cycle: saison
title: Une saison d’essai
programme:
  name: Mon Incroyable Territoire
  run_by: Pays de la Vallée du Lot
partners:
  - name: commune
    title: Syndicat mixte
legs:
  - leg: 1
    epci: "200068930"
    theme: Commerce
    question: Et si ?
    operated_by: commune
    host: "47179"
    starts_at: {STARTS.isoformat()}
  - leg: 2
    epci: "200068922"
    theme: Tourisme
    question: Et si ?
    operated_by: commune
  - leg: 3
    epci: "200023307"
    theme: Agriculture
    question: Et si ?
    operated_by: commune
    host: "47323"
    finale: yes
"""
FIRST, SECOND, THIRD = "saison-1", "saison-2", "saison-3"

on_both = pytest.mark.parametrize("season", ["sqlite", "postgresql"], indirect=True)
"""For tests whose subject is the storage too."""


def organiser_of(marathon: str) -> Actor:
    """Someone who organises one marathon and nothing else."""
    return Actor(
        f"key-{marathon}", f"Organisatrice de {marathon}", frozenset({("organiser", marathon)})
    )


def confirmed_project(project: str, marathon: str, holder_key: str, number: int) -> Project:
    """A project that stands, as if it had come all the way."""
    return Project(
        id=project,
        marathon=marathon,
        status="confirmed",
        title=f"Projet {number}",
        pitch="Un projet.",
        activity="Commerce",
        holder_key=holder_key,
        needs={"step_free": False, "water": False, "power": False, "surface_m2": 10},
        max_size=5,
        open_roles=[],
        join_code=f"code-{project}",
        created_at=START,
    )


class Season:
    """Registration on its own, with a cycle of three legs."""

    def __init__(self, storage: str, seed: int = 0) -> None:
        self.troupe = Troupe(storage, only=["registration"], seed=seed)
        self.versions: dict[str, int] = {}
        self.sent = 0

    @property
    def registration(self) -> Player:
        return self.troupe.registration

    def call(self, door: str, actor: Any = ORGANISER, **request: Any) -> Any:
        """Asks registration at a door."""
        return self.registration.call(door, request, actor=actor)

    def open(self, file: Any = FILE) -> Any:
        """Opens a cycle and lets what follows from it happen."""
        opened = self.call("open_cycle", file=file)
        self.troupe.tick()
        return opened

    def state(self, marathon: str = FIRST) -> str:
        """The state a marathon is in."""
        return str(self.call("get_marathon", marathon=marathon)["state"])

    def moves(self, marathon: str = FIRST) -> list[str]:
        """The states a marathon went through, by its log."""
        return [line["to"] for line in self.call("get_desk", marathon=marathon)["log"]]

    def types(self) -> list[str]:
        """The types of everything said so far."""
        return [envelope["type"] for envelope in self.registration.said()]

    # --- what the others say --------------------------------------------------------------

    def letter(
        self, speaker: str, event_type: str, subject: str, state: dict[str, Any]
    ) -> dict[str, Any]:
        """An event as it comes from the wire, in the next version of its subject."""
        version = self.versions[subject] = self.versions.get(subject, 0) + 1
        self.sent += 1
        return {
            "specversion": "1.0",
            "id": f"sent-{self.sent}",
            "source": f"urn:incroyable-territoire:test:{speaker}",
            "type": event_type,
            "subject": subject,
            "time": self.troupe.clock.now().isoformat(),
            "datacontenttype": "application/json",
            "dataschema": f"urn:incroyable-territoire:schema:{speaker}:any:1",
            "correlationid": "test",
            "data": {"epoch": 1, "version": version, **state},
        }

    def hear(self, speaker: str, event_type: str, subject: str, state: dict[str, Any]) -> None:
        """Lets registration hear an event, and itself what follows."""
        self.registration.hear(self.letter(speaker, event_type, subject, state))
        self.troupe.deliver()

    def poll_state(self, marathon: str, projects: list[str], state: str) -> dict[str, Any]:
        """What voting would say of a poll."""
        listed = [{"id": project, "version": 1} for project in projects]
        poll = {"id": f"poll-{marathon}", "marathon": marathon, "state": state}
        return {**poll, "projects": listed, "received": None, "quarantined": None}

    def hear_poll(self, marathon: str, projects: list[str], state: str = "prepared") -> None:
        """Voting has a poll in this state."""
        event = {"prepared": "poll_prepared", "counted": "poll_counted", "closed": "poll_closed"}
        content = self.poll_state(marathon, projects, state)
        self.hear("voting", event[state], f"poll-{marathon}", content)

    def hear_panel(self, marathon: str, quorum: bool = True) -> None:
        """The jury is convened."""
        panel = {"id": f"panel-{marathon}", "marathon": marathon, "status": "convened"}
        state = {**panel, "juror_keys": [], "eligible": {}, "quorum_reachable": quorum}
        self.hear("jury", "panel_convened", f"panel-{marathon}", state)

    def hear_allocation(self, marathon: str, project: str, status: str = "confirmed") -> None:
        """A team's premises are confirmed, or not any more."""
        subject = f"allocation-{project}"
        state = {"id": subject, "marathon": marathon, "project": project, "status": status}
        event = "premises_allocated" if status == "confirmed" else "premises_released"
        self.hear("venues", event, subject, state)

    def palmares_letter(self, marathon: str, number: int = 1) -> dict[str, Any]:
        """The palmarès of a marathon, as the jury would publish it."""
        digest = f"digest-{marathon}-{number}"
        state = {"id": f"palmares-{marathon}", "marathon": marathon, "number": number}
        full = {**state, "digest": digest}
        return self.letter("jury", "palmares_published", f"palmares-{marathon}", full)

    def hear_palmares(self, marathon: str, number: int = 1) -> None:
        """The palmarès is published."""
        self.registration.hear(self.palmares_letter(marathon, number))
        self.troupe.deliver()

    # --- what registration's other half would do ------------------------------------------

    def confirm_teams(self, marathon: str, count: int) -> list[str]:
        """Adds confirmed projects to a marathon; answers all their ids."""
        ids = [f"{marathon}-team-{number}" for number in range(count)]
        with self.registration.session() as session:
            for number, project in enumerate(ids):
                holder = Person(key=f"holder-of-{project}", name="Porteur", created_at=START)
                session.merge(holder)
                session.flush()
                session.merge(confirmed_project(project, marathon, holder.key, number))
        return ids

    def make_ready(self, marathon: str = FIRST, teams: int = 6) -> list[str]:
        """Everything the start needs (RULES C2)."""
        projects = self.confirm_teams(marathon, teams)
        for project in projects:
            self.hear_allocation(marathon, project)
        self.hear_panel(marathon)
        self.hear_poll(marathon, projects)
        return projects

    # --- a whole leg ----------------------------------------------------------------------

    def play(self, marathon: str = FIRST, close: bool = True) -> None:
        """Plays a mobilised marathon up to its closing, overriding what a start needs."""
        for to in ("running", "ended"):
            self.move(marathon, to, override=True, reason="essai")
        self.hear_palmares(marathon)
        if close:
            self.move(marathon, "closed")

    def move(self, marathon: str, to: str, **more: Any) -> Any:
        """Moves a marathon and lets what follows happen."""
        moved = self.call("move_marathon", marathon=marathon, to=to, **more)
        self.troupe.deliver()
        return moved

    def relays(self) -> list[tuple[str, str, int, int, str]]:
        """Every offer: (from, to, term, hop, state)."""
        names = ("from_marathon", "to_marathon", "term", "hop", "state")
        offers = self.call("list_relays", cycle="saison")
        return [tuple(offer[name] for name in names) for offer in offers]

    def offer(self) -> str:
        """The id of the offer that is open."""
        offers = self.call("list_relays", cycle="saison")
        return next(str(offer["id"]) for offer in offers if offer["state"] == "offered")

    def accept(self, actor: Any = ORGANISER) -> Any:
        """Accepts the open offer and lets what follows happen."""
        answered = self.call("answer_relay", actor=actor, relay=self.offer(), answer="accepted")
        self.troupe.deliver()
        return answered

    def at(self, instant: datetime) -> None:
        """Moves the clock and lets things fall due."""
        self.troupe.move_to(instant)
