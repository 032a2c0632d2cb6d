"""A whole cycle of two legs, played at the doors of the four services.

Between two commands events are carried as the tour's ``carry`` likes: in order, shuffled,
twice, late. What is left in the end must always be the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from tests.harness import ORGANISER, START, Troupe

CYCLE = "essai"
LEGS = ("essai-1", "essai-2")
STARTS = (START + timedelta(days=30), START + timedelta(days=90))
LENGTH = timedelta(hours=36)
HOUR = timedelta(hours=1)
TEAMS = ("boulangerie", "jardin", "laine", "poterie")
JURORS = ("alix", "basile", "camille")
NEVER = 200

Letters = list[Any]


class Wire:
    """A tidy wire: everything arrives at once, in its order."""

    def now(self, letters: Letters) -> tuple[Letters, Letters]:
        """From the letters that wait: those that arrive, and those that wait on."""
        return letters, []

    def all(self, letters: Letters) -> Letters:
        """All that waits, as it arrives at last."""
        return letters


class WildWire(Wire):
    """Letters come in any order, and some kinds hardly ever to some listeners until they must.

    The same seed is the same wire.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.late: dict[tuple[str, str], float] = {}

    def now(self, letters: Letters) -> tuple[Letters, Letters]:
        """What happens to be quick."""
        mixed = self.all(letters)
        quick = [self.rng.random() >= self._lateness(*letter) for letter in mixed]
        arriving = [letter for letter, now in zip(mixed, quick, strict=True) if now]
        return arriving, [letter for letter, now in zip(mixed, quick, strict=True) if not now]

    def all(self, letters: Letters) -> Letters:
        """Everything, in any order."""
        return self.rng.sample(letters, len(letters))

    def _lateness(self, listener: str, envelope: dict[str, Any]) -> float:
        way = (listener, envelope["type"])
        if way not in self.late:
            self.late[way] = self.rng.choice((0.0, 0.5, 0.97))
        return self.late[way]


def cycle_file() -> dict[str, Any]:
    """Two invented legs in real communes."""
    places = (("200068930", "47179"), ("200068922", "47004"))
    legs = [
        {
            "leg": number,
            "epci": epci,
            "theme": "Commerce",
            "question": "Et si ?",
            "operated_by": "ici",
            "host": host,
            "starts_at": STARTS[number - 1].isoformat(),
            "mobilises_at": START.isoformat(),
            "least_teams": 3,
            "finale": number == len(LEGS),
        }
        for number, (epci, host) in enumerate(places, 1)
    ]
    return {
        "cycle": CYCLE,
        "title": "Un cycle inventé",
        "programme": {"name": "Essai", "run_by": "Pays d’essai"},
        "partners": [{"name": "ici", "title": "Ici"}],
        "legs": legs,
    }


class Tour:
    """Plays the cycle on a wire; ``twice`` sends every letter two times."""

    def __init__(self, troupe: Troupe, wire: Wire | None = None, twice: bool = False) -> None:
        self.troupe = troupe
        self.wire = wire or Wire()
        self.twice = twice
        self.waiting: Letters = []
        self.letters: Letters = []
        """Everything that was ever delivered: (listener, envelope)."""

    def play(self) -> None:
        """The whole cycle, to its end."""
        self.call("registration", "open_cycle", file=cycle_file())
        for leg, starts_at in zip(LEGS, STARTS, strict=True):
            self.until("announced is over", partial(self.is_in, leg, "mobilised"))
            self.mobilise(leg, starts_at)
            self.run(leg, starts_at)
            self.close(leg)
            self.pass_on(leg)
        self.settle()

    # --- one leg --------------------------------------------------------------------------

    def mobilise(self, leg: str, starts_at: datetime) -> None:
        """Teams, premises, jury and poll: all that a start needs."""
        for juror in JURORS:
            self.grant(leg, "juror", juror, president=juror == JURORS[0])
        coach = self.grant(leg, "coach", "coline")
        projects = [self.team(leg, title) for title in TEAMS]
        self.call("registration", "publish_decisions", marathon=leg)
        for project in projects:
            self.call("registration", "confirm_project", project=project)
            self.call("registration", "pair_coach", project=project, role_id=coach["id"])
        for title in ("Ancienne mercerie", "Ancienne poste"):
            self.premises(leg, title, starts_at)
        self.call("venues", "propose_allocation", marathon=leg)
        self.call("venues", "confirm_all", marathon=leg)
        criteria = [{"id": "idee", "label": "Idée"}, {"id": "lieu", "label": "Lieu", "weight": 2}]
        self.call("jury", "set_grid", marathon=leg, criteria=criteria)
        self.call("jury", "convene_panel", marathon=leg)
        self.call("voting", "prepare_poll", marathon=leg)

    def team(self, leg: str, title: str) -> str:
        """A submitted and accepted project with a second member."""
        made = self.call(
            "registration",
            "register_project",
            marathon=leg,
            title=title.capitalize(),
            pitch="Inventé.",
            activity="artisanat",
            holder=named(f"{title}-{leg}"),
            needs={"water": title == "poterie", "power": True, "surface_m2": 20},
        )
        project = str(made["id"])
        self.call("registration", "submit_project", project=project)
        self.call("registration", "decide_project", project=project, decision="accepted")
        code = self.ask("registration", "get_team", project=project)["join_code"]
        self.call("registration", "join_team", code=code, person=named(f"ami-{title}-{leg}"))
        return project

    def premises(self, leg: str, title: str, starts_at: datetime) -> None:
        """Approved premises for two teams, with a prize tied to one of them."""
        insee, postal_code = {LEGS[0]: ("47179", "47500"), LEGS[1]: ("47004", "47190")}[leg]
        free = {"from_at": starts_at - HOUR, "to_at": starts_at + LENGTH + HOUR}
        offer = self.call(
            "venues",
            "offer_premises",
            marathon=leg,
            owner=named(f"proprietaire-{leg}"),
            title=title,
            address={"street": "Rue inventée", "postal_code": postal_code, "insee": insee},
            surface_m2=80,
            capacity=2,
            step_free="yes",
            power=True,
            water=True,
            available=[{name: instant.isoformat() for name, instant in free.items()}],
        )
        self.call("venues", "decide_offer", offer=offer["id"], approve=True)
        if title == "Ancienne poste":
            tied = offer["premises"]
            self.call("jury", "add_prize", marathon=leg, kind="rent", title="Loyer", premises=tied)

    def run(self, leg: str, starts_at: datetime) -> None:
        """From the start to the end: keys, ballots, cards; one team is disqualified."""
        self.at(starts_at)
        self.until("it runs", partial(self.is_in, leg, "running"))
        projects = self.projects(leg)
        self.until("the poll is open", lambda: self.poll(leg)["open"])
        for project in projects.values():
            self.call("registration", "check_in", project=project)
        for one in self.ask("venues", "list_allocations", marathon=leg):
            if one["status"] == "confirmed":
                self.call("venues", "hand_over", allocation=one["id"])
        self.ballots(leg, projects)
        for juror in JURORS:
            for title, project in projects.items():
                self.score(leg, juror, project, len(title) % 7 + len(juror) % 3)
        gone = projects["Laine"]
        self.call("registration", "disqualify_project", project=gone, reason="Inventé.")
        self.at(starts_at + LENGTH)
        self.until("it has ended", partial(self.is_in, leg, "ended"))

    def ballots(self, leg: str, projects: dict[str, str]) -> None:
        """Seven paper codes."""
        poll = self.poll(leg)["id"]
        codes = self.call("voting", "issue_codes", poll=poll, place="Mairie", count=7)["codes"]
        titles = ["Poterie", "Poterie", "Laine", "Jardin", "Poterie", "Jardin", "Boulangerie"]
        for code, title in zip(codes, titles, strict=True):
            self.call("voting", "cast", poll=poll, code=code, project=projects[title])

    def score(self, leg: str, juror: str, project: str, value: int) -> None:
        """A juror's card."""
        actor = Actor(self.key(juror), juror, frozenset({("juror", leg)}))
        values = {"idee": value, "lieu": 10 - value}
        request: dict[str, Any] = {"marathon": leg, "project": project, "values": values}
        self.call("jury", "submit_scorecard", actor=actor, **request)

    def close(self, leg: str) -> None:
        """Awards and closing."""
        self.award(leg)
        self.call("registration", "move_marathon", marathon=leg, to="closed", patient=True)

    def award(self, leg: str) -> None:
        """Count, deliberation, palmarès: nothing of it waits for a tidy wire."""
        self.call("jury", "deliberate", marathon=leg, patient=True)
        prizes = self.ask("jury", "list_prizes", marathon=leg)
        winner = self.projects(leg)["Poterie"]
        self.call("jury", "award_prize", prize=prizes[0]["id"], project=winner, patient=True)
        self.call("jury", "publish_palmares", marathon=leg, patient=True)
        self.until("it is deliberated", partial(self.is_in, leg, "deliberated"))

    def pass_on(self, leg: str) -> None:
        """The relay: offered, accepted, granted, received; or the cycle is over."""
        if leg == LEGS[-1]:
            self.until("the cycle is over", lambda: self.cycle()["state"] == "finished")
            return
        self.until("the relay is offered", lambda: bool(self.offers()))
        self.call("registration", "answer_relay", relay=self.offers()[0], answer="accepted")

    # --- asking ---------------------------------------------------------------------------

    def call(
        self,
        service: str,
        door: str,
        actor: Actor = ORGANISER,
        patient: bool = False,
        **request: Any,
    ) -> Any:
        """A command, and the wire as it pleases; a patient one waits for what it needs."""
        for _ in range(NEVER if patient else 1):
            try:
                answer = self.ask(service, door, actor, **request)
            except Refusal:
                if not patient:
                    raise
                self.breathe()
            else:
                if not patient:
                    self.quiet()
                return answer
        raise AssertionError(f"{door} was never possible")

    def ask(self, service: str, door: str, actor: Actor = ORGANISER, **request: Any) -> Any:
        """A request without anything after it."""
        return self.troupe.players[service].call(door, request, actor=actor)

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Lets the wire and the clock work until it is so."""
        for _ in range(NEVER):
            if is_so():
                return
            self.breathe()
        raise AssertionError(f"it never came to this: {what}")

    def breathe(self) -> None:
        """Lets things fall due and carries one round of letters."""
        self.troupe.tick(deliver=False)
        self._send()
        arriving, self.waiting = self.wire.now(self.waiting)
        self._hear(arriving)

    def quiet(self) -> None:
        """Carries letters until none is left."""
        self._send()
        while self.waiting:
            arriving, self.waiting = self.wire.all(self.waiting), []
            self._hear(arriving)
            self._send()

    def settle(self) -> None:
        """Lets everything happen that is due, and what follows from it."""
        for _ in range(4):
            self.breathe()
            self.quiet()

    def at(self, instant: datetime) -> None:
        """Moves the clock and lets things fall due."""
        self.troupe.clock.move_to(instant)
        self.breathe()

    def _send(self) -> None:
        """What the services have to say is on the wire."""
        letters = self.troupe.letters()
        self.letters += letters
        self.waiting += letters * (2 if self.twice else 1)

    def _hear(self, letters: Letters) -> None:
        for listener, envelope in letters:
            self.troupe.players[listener].hear(envelope)
        failed = [row.traceback for p in self.troupe.players.values() for row in p.failed()]
        assert not failed, failed[0]

    # --- looking --------------------------------------------------------------------------

    def is_in(self, leg: str, state: str) -> bool:
        """Whether a marathon is in a state."""
        found = self.ask("registration", "get_marathon", marathon=leg)["state"]
        return bool(found == state)

    def cycle(self) -> dict[str, Any]:
        """The cycle."""
        return dict(self.ask("registration", "get_cycle", cycle=CYCLE))

    def poll(self, leg: str) -> dict[str, Any]:
        """The poll of a marathon."""
        return dict(self.ask("voting", "get_poll", marathon=leg))

    def projects(self, leg: str) -> dict[str, str]:
        """Its projects' ids, by title."""
        found = self.ask("registration", "list_projects", marathon=leg)
        return {project["title"]: project["id"] for project in found}

    def offers(self) -> list[str]:
        """The relays that wait for an answer."""
        relays = self.ask("registration", "list_relays", cycle=CYCLE)
        return [relay["id"] for relay in relays if relay["state"] == "offered"]

    def grant(self, leg: str, role: str, name: str, **more: Any) -> dict[str, Any]:
        """A role for somebody."""
        request = {"marathon": leg, "role": role, "person": named(name), **more}
        return dict(self.call("registration", "grant_role", **request))

    def key(self, name: str) -> str:
        """Somebody's key."""
        address = named(name)["email"]
        return str(self.troupe.registration.within(lambda work: work.person_key(address)))


def named(name: str) -> dict[str, str]:
    """Somebody invented."""
    return {"name": name.capitalize(), "email": f"{name}@example.org"}
