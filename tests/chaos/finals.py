"""A final: one poll, gateways and voting replicas as real processes, and what they are held to."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import amqp
from kombu import Connection
from sqlalchemy import Engine, create_engine, select

from services.chassis.calls import Caller
from services.chassis.clock import MovableClock
from services.chassis.config import Settings
from services.chassis.confirms import ConfirmingWire, Outgoing
from services.voting import passes
from services.voting.tables import BallotRow, Poll, PollSecret
from tests.chaos.voters import Line, Plan
from tests.harness import ORGANISER
from tests.instance import Instance, free_port

MARATHON = "finale"
PROJECTS = ("bakery", "garden", "wool")
OPEN_FOR = timedelta(hours=10)


class Finals:
    """Voting and gateways on their own; what registration would say is said here."""

    def __init__(self, folder: Path, amqp_url: str, database_url: str, **extra: str) -> None:
        self.instance = Instance(folder, amqp_url, database_url, **extra)
        self.settings = Settings(amqp_url=amqp_url)
        self.clock = MovableClock(folder / "clock")
        self.engine: Engine = create_engine(
            database_url.replace("{service}", "voting"), pool_pre_ping=True
        )
        self.versions: dict[str, int] = {}
        self.state = _marathon(self.clock.now())
        self.ports: list[int] = []
        self.instance.marathon("migrate", "voting")
        self.instance.marathon("topology", "apply")

    def begin(self, replicas: int = 1, gateways: int = 1) -> str:
        """Starts everything and opens the poll; answers its id."""
        self.instance.start(*(f"voting#{n}" for n in range(replicas)))
        for _ in range(gateways):
            self.add_gateway()
        self._say("marathon_mobilised", "marathon", MARATHON, self.state)
        for project in PROJECTS:
            self._say("project_confirmed", "project", project, _project(project))
        self.instance.wait_for(lambda: self._has_heard(), 60, "a poll with candidates")
        caller = Caller(self.settings)
        caller.call("voting", "prepare_poll", {"marathon": MARATHON}, actor=ORGANISER)
        caller.close()
        self.state |= {
            "state": "running",
            "projects": [{"id": project, "version": 1} for project in PROJECTS],
        }
        self._say("marathon_started", "marathon", MARATHON, self.state)
        poll = self.instance.wait_for(lambda: self._poll("open"), 60, "an open poll")
        for port in self.ports:
            self.instance.wait_for(lambda at=port: self.answers(at), 60, "a gateway")
        self.poll_id = str(poll.id)
        return self.poll_id

    @staticmethod
    def answers(port: int) -> bool:
        """Whether a gateway answers at a port."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
        except OSError:
            return False
        return True

    def add_gateway(self) -> int:
        """One more gateway; its port."""
        port = free_port()
        self.instance.start(f"gateway#{port}", MARATHON_GATEWAY_PORT=str(port))
        self.ports.append(port)
        return port

    def wait_started(self, name: str) -> None:
        """Waits until the latest process of that name takes messages."""
        process = self.instance.processes[name]
        self.instance.wait_for(lambda: '"started"' in process.log.read_text(), 60, f"{name} to run")

    def make_passes(self, voters: int) -> list[str]:
        """Passes of so many voters, as voting would sign them for their mails' links."""
        poll = self._poll()
        with self.engine.connect() as connection:
            secret = connection.scalar(select(PollSecret.secret).where(PollSecret.poll == poll.id))
        assert secret is not None
        closes = datetime.now(UTC) + OPEN_FOR
        return [
            passes.sign(
                secret, poll.id, passes.voter_key(secret, f"voter {n}"), closes, "example.org"
            )
            for n in range(voters)
        ]

    @contextmanager
    def voting(self, most: int, connections: int = 16, voters: int = 2000) -> Iterator[Voting]:
        """Lets people vote beside what is done inside; at the end they have stopped."""
        folder = self.instance.folder
        (folder / "passes").write_text("\n".join(self.make_passes(voters)))
        plan = Plan(
            self.ports, self._poll().id, list(PROJECTS), str(folder / "passes"), most, connections
        )
        plan.write(folder / "plan")
        (folder / "plan.stop").unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.chaos.voters", str(folder / "plan")]
        with (folder / "cast").open("w") as cast:
            process = subprocess.Popen(command, stdout=cast)
            found = Voting(process, folder)
            try:
                yield found
            except BaseException:
                process.kill()
                raise
            finally:
                process.wait(timeout=900)
        written = (folder / "cast").read_text().splitlines()
        found.lines = [tuple(json.loads(line)) for line in written]

    def close(self) -> None:
        """The window ends for everybody at once."""
        self.clock.move_to(self._poll().closes_at)

    def wait_closed(self, seconds: float = 60) -> Any:
        """Waits until the poll is closed; its row."""
        return self.instance.wait_for(
            lambda: self._poll("closed", "counted"), seconds, "a closed poll"
        )

    def count(self) -> dict[str, Any]:
        """Ends the marathon, waits for the count; the record of the poll."""
        self.state |= {"state": "ended", "ended_at": self.clock.now().isoformat()}
        self._say("marathon_ended", "marathon", MARATHON, self.state)
        poll = self.instance.wait_for(lambda: self._poll("counted"), 60, "a counted poll")
        return dict(poll.record)

    def ballots(self) -> list[Any]:
        """What is stored."""
        with self.engine.connect() as connection:
            return list(connection.execute(select(BallotRow.__table__)).all())

    def box(self) -> dict[str, str]:
        """What was counted."""
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT tracker, choice FROM box")
            return {row.tracker: row.choice for row in rows}

    def stop(self) -> None:
        """Ends everything."""
        self.instance.stop()
        self.engine.dispose()

    def _poll(self, *states: str) -> Any:
        with self.engine.connect() as connection:
            query = select(Poll.__table__)
            row = connection.execute(query.where(Poll.state.in_(states)) if states else query)
            return row.one_or_none()

    def _has_heard(self) -> bool:
        poll = self._poll("draft")
        return poll is not None and len(poll.projects) == len(PROJECTS)

    def _say(self, event_type: str, kind: str, subject: str, state: dict[str, Any]) -> None:
        version = self.versions[subject] = self.versions.get(subject, 0) + 1
        name = f"{subject}-{version}"
        envelope = {
            "specversion": "1.0",
            "id": name,
            "source": "urn:incroyable-territoire:test:registration",
            "type": event_type,
            "subject": subject,
            "time": datetime.now(UTC).isoformat(),
            "datacontenttype": "application/json",
            "dataschema": f"urn:incroyable-territoire:schema:registration:{kind}:1",
            "data": {"epoch": 1, "version": version, **state},
        }
        wire = ConfirmingWire(self.settings)
        body = json.dumps(envelope).encode()
        wire.send([Outgoing(name, "registration.events", event_type, body)])
        wire.close()


@dataclass
class Voting:
    """Voters at work; ``lines`` are there once they have stopped."""

    process: subprocess.Popen[bytes]
    folder: Path
    lines: list[Line] | Any = ()

    @property
    def going_on(self) -> bool:
        """Whether somebody votes still."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Asks them to stop; they finish what they have begun."""
        (self.folder / "plan.stop").touch()


def faults(lines: list[Line], ballots: list[Any], box: dict[str, str], record: Any) -> list[str]:
    """What is wrong with a count, beside all receipts that were handed out; empty if nothing.

    Nothing lost: each receipt is stored, with its voter's choice. Nothing double or invented:
    what is stored without a receipt was cast by somebody who got none. Each voter's last ballot
    is in the box, and no other.
    """
    stored = {row.tracker: row for row in ballots}
    given = {receipt: project for _v, project, receipt, _s, _t in lines if receipt}
    unanswered = sum(1 for line in lines if line[2] is None)
    found = [f"receipt {each} is lost" for each in given if each not in stored]
    found += [
        f"receipt {each} is for {project}, stored for {stored[each].choice}"
        for each, project in given.items()
        if each in stored and stored[each].choice != project
    ]
    if len(stored) != len(ballots):
        found.append("a tracker is stored twice")
    if len(stored.keys() - given.keys()) > unanswered:
        found.append(f"{len(stored.keys() - given.keys())} stored, {unanswered} without an answer")
    return found + _wrongly_counted(lines, ballots, box) + _wrong_sums(ballots, box, record)


def _wrongly_counted(lines: list[Line], ballots: list[Any], box: dict[str, str]) -> list[str]:
    last: dict[str, Any] = {}
    for row in sorted(ballots, key=lambda r: (r.accepted_at, r.gateway, r.batch, r.index_in_batch)):
        last[row.voter_key] = row
    wanted = {row.tracker: row.choice for row in last.values()}
    found = [] if wanted == box else [f"{len(wanted.items() ^ box.items())} differences in the box"]
    # As the voters see it: after their last receipt only an unanswered ballot can count.
    tracker_of = {row.tracker: row.voter_key for row in ballots}
    by_voter: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        by_voter[line[0]].append(line)
    for voter, theirs in by_voter.items():
        receipts = [line[2] for line in theirs if line[2]]
        if receipts and receipts[-1] in tracker_of:
            counted = last[tracker_of[receipts[-1]]].tracker
            if counted in receipts[:-1]:
                found.append(f"voter {voter}: an earlier ballot counts")
    return found


def _wrong_sums(ballots: list[Any], box: dict[str, str], record: Any) -> list[str]:
    sums = {
        "accepted": len(ballots),
        "counted_ballots": len(box),
        "voters": len({row.voter_key for row in ballots}),
        "replaced": len(ballots) - len(box),
    }
    return [f"{n}: {record[n]} in the record, {v} found" for n, v in sums.items() if record[n] != v]


def queue_length(amqp_url: str, name: str = "voting.ballots") -> int:
    """How many messages wait in a queue."""
    with Connection(amqp_url) as connection:
        found: Any = connection.channel().queue_declare(name, passive=True)
        return int(found.message_count)


def tails(amqp_url: str, lanes: list[str]) -> list[str]:
    """Which lanes still have a tail in the broker."""
    left = []
    with Connection(amqp_url) as connection:
        for lane in lanes:
            channel = connection.channel()
            try:
                channel.queue_declare(f"voting.ballots.tail.{lane}", passive=True)
                left.append(lane)
                channel.close()
            except amqp.exceptions.NotFound:
                pass
    return left


def _marathon(now: datetime) -> dict[str, Any]:
    return {
        "id": MARATHON,
        "title": "La finale",
        "state": "mobilised",
        "starts_at": (now - timedelta(minutes=1)).isoformat(),
        "ends_at": (now + OPEN_FOR).isoformat(),
        "ended_at": None,
        "closed_at": None,
        "settings": {"who_may_vote": "everyone", "hold_days": 0},
        "projects": None,
    }


def _project(project: str) -> dict[str, Any]:
    return {
        "id": project,
        "marathon": MARATHON,
        "status": "confirmed",
        "title": project.capitalize(),
        "pitch": "",
        "team_number": 1,
        "holder_key": f"{project}-holder",
        "member_keys": [],
    }
