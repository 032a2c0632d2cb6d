"""A stage for voting alone: what the other services would say, and votes cast."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis import people_tables
from services.chassis.actor import Actor
from services.voting import lanes, passes, polls
from services.voting.tables import Base, Poll
from tests.harness import ORGANISER, START, Player
from tests.letters import EVENT_OF_STATE, MARATHON, Letters, project_event

OPENS = START + timedelta(days=1)
CLOSES = OPENS + timedelta(hours=36)
NOBODY = Actor()

on_sqlite = pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
"""For what storage does not touch: once is enough."""

__all__ = ["CLOSES", "MARATHON", "NOBODY", "OPENS", "ORGANISER", "START", "Stage", "on_sqlite"]

MARATHON_STATE: dict[str, Any] = {
    "id": MARATHON,
    "title": "Marathon de Fumel",
    "state": "mobilised",
    "starts_at": OPENS.isoformat(),
    "ends_at": CLOSES.isoformat(),
    "ended_at": None,
    "closed_at": None,
    "settings": {
        "poll_opens_at": None,
        "poll_closes_at": None,
        "who_may_vote": "everyone",
        "elsewhere_may_vote": True,
        "tie_rule": "shared",
        "hold_days": 7,
        "suspect_network": None,
        "suspect_domain": None,
        "suspect_second": None,
    },
    "projects": None,
}


class Stage(Letters):
    """Voting on its own, hearing what it is told."""

    def __init__(self, storage: str, seed: int = 0) -> None:
        super().__init__("voting", storage, seed)
        self.marathon_state = dict(MARATHON_STATE)
        self.project_states: dict[str, dict[str, Any]] = {}

    @property
    def voting(self) -> Player:
        return self.troupe.voting

    def call(self, door: str, actor: Any = ORGANISER, **request: Any) -> Any:
        """Asks voting at a door."""
        return self.voting.call(door, request, actor=actor)

    def marathon_letter(self, state: str, settings: Any = None, **changes: Any) -> dict[str, Any]:
        """The marathon in a new state; what is not given stays as it was."""
        merged = {**self.marathon_state["settings"], **(settings or {})}
        self.marathon_state |= {"state": state, "settings": merged, **changes}
        event_type = "marathon_changed" if settings else EVENT_OF_STATE[state]
        return self.letter(
            "registration", event_type, "marathon", MARATHON, dict(self.marathon_state)
        )

    def project_letter(self, project: str, status: str, **changes: Any) -> dict[str, Any]:
        """A project in a new status; its team is ``<project>-holder`` and ``<project>-member``."""
        before = self.project_states.setdefault(
            project,
            {
                "id": project,
                "marathon": MARATHON,
                "title": project.capitalize(),
                "pitch": "",
                "team_number": len(self.project_states) + 1,
                "holder_key": f"{project}-holder",
                "member_keys": [f"{project}-member"],
            },
        )
        before |= {"status": status, **changes}
        return self.letter("registration", project_event(status), "project", project, dict(before))

    def marathon(self, state: str, settings: Any = None, **changes: Any) -> None:
        """Says the marathon in a new state."""
        self.hear(self.marathon_letter(state, settings, **changes))

    def project(self, project: str, status: str = "confirmed", **changes: Any) -> None:
        """Says a project in a status."""
        self.hear(self.project_letter(project, status, **changes))

    def started_projects(self) -> list[dict[str, Any]]:
        """The projects that stand, with versions, as registration lists them at the start."""
        return [
            {"id": project, "version": self.versions[project]}
            for project, state in sorted(self.project_states.items())
            if state["status"] in ("confirmed", "checked_in")
        ]

    def mobilised(self, *projects: str) -> str:
        """A marathon with a draft poll and projects; answers the poll's id."""
        self.marathon("mobilised")
        for project in projects or ("bakery", "garden", "wool"):
            self.project(project)
        return str(self.poll().id)

    def opened(self, *projects: str, **settings: Any) -> str:
        """A poll that is open at its opening instant; answers its id."""
        poll = self.mobilised(*projects)
        if settings:
            self.marathon("mobilised", settings)
        self.call("prepare_poll", marathon=MARATHON)
        self.marathon("running", projects=self.started_projects())
        self.at(OPENS)
        return poll

    def at(self, instant: datetime) -> None:
        """Moves the clock and lets things fall due."""
        self.troupe.clock.move_to(instant)
        for _ in range(3):
            self.voting.tick()

    def ended(self, at: datetime = CLOSES) -> None:
        """The marathon ends, the poll closes and is counted."""
        self.troupe.clock.move_to(at)
        self.marathon("ended", ended_at=at.isoformat())
        self.at(at)

    def over(self) -> None:
        """The marathon ends, and no batch is under way any more: the lanes can be closed."""
        self.ended(CLOSES)
        self.at(CLOSES + lanes.GRACE)

    def codes(self, count: int, place: str = "Mairie") -> list[str]:
        """New paper codes."""
        issued = self.call("issue_codes", poll=self.poll().id, place=place, count=count)
        return list(issued["codes"])

    def vote(self, code: str, project: str) -> str:
        """Casts a ballot with a paper code; answers the receipt."""
        answer = self.call("cast", NOBODY, poll=self.poll().id, code=code, project=project)
        return str(answer["receipt"])

    def mailed(self, person: str, project: str, domain: str, ip: str = "") -> str:
        """Casts a ballot by a pass, as somebody who has an address in ``domain`` gets one;
        answers the receipt."""

        def sign(work: Any) -> str:
            poll = polls.find(work, marathon=MARATHON)
            secret = polls.secret_of(work, poll)
            voter = passes.voter_key(secret, person)
            return passes.sign(secret, poll.id, voter, CLOSES, domain)

        given = {"pass": self.voting.within(sign), "ip": ip}
        answer = self.call("cast", NOBODY, poll=self.poll().id, project=project, **given)
        return str(answer["receipt"])

    def poll(self) -> Poll:
        """The poll's row."""
        with self.voting.session() as session:
            return session.scalars(select(Poll)).one()

    def tally(self) -> dict[str, Any]:
        """The tally, once there is one."""
        tally = self.poll().tally
        assert tally is not None
        return tally

    def published(self, receipt: str) -> dict[str, Any]:
        """What every door tells of a counted poll, by door."""
        poll = self.poll().id
        doors = {
            "get_results": {"marathon": MARATHON},
            "get_record": {"poll": poll},
            "list_receipts": {"poll": poll},
            "get_poll": {"poll": poll},
            "check_receipt": {"poll": poll, "receipt": receipt},
            "get_box": {"poll": poll},
            "list_codes": {"poll": poll},
        }
        return {door: self.call(door, **request) for door, request in doors.items()}

    def rows(self, *tables: str) -> dict[str, int]:
        """How many rows there are in voting's tables."""
        with self.voting.session() as session:
            return {
                name: len(session.execute(select(table)).all())
                for name, table in Base.metadata.tables.items()
                if not tables or name in tables
            }

    def mails(self) -> list[Any]:
        """The mails that wait to be sent, oldest first."""
        with self.voting.session() as session:
            query = select(people_tables.mails).order_by(people_tables.mails.c.created_at)
            return list(session.execute(query).all())

    def waiting_proofs(self) -> int:
        """How many proofs have not been used."""
        unused = people_tables.proofs.c.used_at.is_(None)
        with self.voting.session() as session:
            return len(session.execute(select(people_tables.proofs).where(unused)).all())
