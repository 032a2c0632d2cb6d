"""A final: one poll, gateways and voting replicas as real processes, and what they are held to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import amqp
import psutil
from kombu import Connection
from sqlalchemy import Engine, create_engine, func, select

from services.chassis.calls import Caller
from services.chassis.clock import MovableClock
from services.chassis.config import Settings
from services.chassis.confirms import ConfirmingWire, Outgoing
from services.voting import codes, passes
from services.voting.rules import RULES
from services.voting.tables import BallotRow, LaneRow, Poll, PollSecret
from tests.chaos.receipts import faults
from tests.chaos.voters import Line, Plan
from tests.harness import ORGANISER
from tests.instance import Instance, Process, free_port
from tests.proxy import Proxy

MARATHON = "finale"
PROJECTS = ("bakery", "garden", "wool")
ALL_FROM_HERE = dict.fromkeys(("suspect_network", "suspect_domain", "suspect_second"), 10**9)
"""All voters of a final are of one network and one domain, and vote at once: nothing to look at."""
OPEN_FOR = timedelta(hours=10)


@dataclass(frozen=True)
class Wires:
    """What lies between the processes and their servers, for a test to cut."""

    of_gateways: Proxy
    of_voting: Proxy
    of_database: Proxy

    @staticmethod
    def to(amqp_url: str, database_url: str) -> Wires:
        """Wires to a broker, one for gateways and one for voting, and to voting's database."""
        return Wires(Proxy(amqp_url), Proxy(amqp_url), Proxy(database_url))

    @property
    def all(self) -> tuple[Proxy, Proxy, Proxy]:
        """Each of them."""
        return self.of_gateways, self.of_voting, self.of_database

    def close(self) -> None:
        """Takes them away."""
        for wire in self.all:
            wire.close()


class Finals:
    """Voting and gateways on their own; what registration would say is said here."""

    def __init__(
        self,
        folder: Path,
        amqp_url: str,
        database_url: str,
        wires: Wires | None = None,
        **extra: str,
    ) -> None:
        """``wires`` are what gateways and replicas reach their servers by, if not directly."""
        self.instance = Instance(folder, amqp_url, database_url, **extra)
        self.wires = wires
        self.settings = Settings(amqp_url=amqp_url)
        self.clock = MovableClock(folder / "clock")
        self.engine: Engine = create_engine(
            database_url.replace("{service}", "voting"), pool_pre_ping=True
        )
        self.versions: dict[str, int] = {}
        self.state = _marathon(self.clock.now())
        self.ports: list[int] = []
        self.keys: dict[int, str] = {}
        self.on_paper: frozenset[int] = frozenset()
        self.instance.marathon("migrate", "voting")
        self.instance.marathon("topology", "apply")

    def begin(self, replicas: int = 1, gateways: int = 1) -> str:
        """Starts everything and opens the poll; answers its id."""
        for number in range(replicas):
            self.add_replica(f"voting#{number}")
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

    def add_gateway(self, **env: str) -> int:
        """One more gateway; its port."""
        port = free_port()
        way = {"MARATHON_AMQP_URL": self.wires.of_gateways.url} if self.wires else {}
        self.instance.start(f"gateway#{port}", **{"MARATHON_GATEWAY_PORT": str(port)} | way | env)
        self.ports.append(port)
        return port

    def add_replica(self, name: str) -> Process:
        """One more replica of voting."""
        way = {}
        if self.wires:
            way["MARATHON_AMQP_URL"] = self.wires.of_voting.url
            way["MARATHON_DATABASE_URL"] = self.wires.of_database.url
        self.instance.start(name, **way)
        return self.instance.processes[name]

    def gateway(self, number: int) -> Process:
        """The process of a gateway, the first being 0."""
        return self.instance.processes[f"gateway#{self.ports[number]}"]

    def wait_started(self, name: str) -> None:
        """Waits until the latest process of that name takes messages."""
        process = self.instance.processes[name]
        self.instance.wait_for(lambda: self._runs(process), 60, f"{name} to run")

    def _runs(self, process: Process) -> bool:
        if process.process.poll() is not None:
            return False
        service, _, port = process.name.partition("#")
        return self.answers(int(port)) if service == "gateway" else '"started"' in process.says

    def make_passes(self, voters: int) -> list[str]:
        """Passes of so many voters, as voting would sign them for their mails' links."""
        secret = self._secret()
        closes = datetime.now(UTC) + OPEN_FOR
        self.keys = {n: passes.voter_key(secret, f"voter {n}") for n in range(voters)}
        self.on_paper = frozenset()
        return [
            passes.sign(secret, self.poll_id, key, closes, "example.org")
            for key in self.keys.values()
        ]

    def make_codes(self, voters: int) -> list[str]:
        """Paper codes, as an organiser has them printed, of so many voters more."""
        caller, secret, made = Caller(self.settings), self._secret(), []
        for start in range(0, voters, RULES.most_codes):
            count = min(RULES.most_codes, voters - start)
            wanted = {"poll": self.poll_id, "place": "Mairie", "count": count}
            made += caller.call("voting", "issue_codes", wanted, actor=ORGANISER)["codes"]
        caller.close()
        mine = dict(enumerate((codes.voter_key(secret, code) for code in made), len(self.keys)))
        self.keys |= mine
        self.on_paper = frozenset(mine)
        return made

    def _secret(self) -> str:
        with self.engine.connect() as connection:
            query = select(PollSecret.secret).where(PollSecret.poll == self.poll_id)
            return str(connection.execute(query).scalar_one())

    @contextmanager
    def voting(
        self,
        most: int = 10**9,
        connections: int = 16,
        voters: int = 2000,
        on_paper: int = 0,
        **more: Any,
    ) -> Iterator[Voting]:
        """Lets people vote beside what is done inside; at the end they have stopped.

        ``on_paper`` are those who have a paper code instead; ``more`` is more of their
        :class:`Plan`.
        """
        folder = self.instance.folder
        plan = Plan(
            ports=self.ports,
            poll=self.poll_id,
            projects=list(PROJECTS),
            passes=_written(folder / "passes", self.make_passes(voters)),
            most=most,
            connections=connections,
            codes=_written(folder / "codes", self.make_codes(on_paper)),
            **more,
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
        found.lines = [Line(*json.loads(line)) for line in written]

    def close(self, in_s: float = 0.0) -> datetime:
        """Lets the window end for everybody so many seconds from now; answers when that is by
        their clock."""
        closes_at: datetime = self._poll().closes_at
        self.clock.move_to(closes_at - timedelta(seconds=in_s))
        return closes_at

    def sleep_until(self, instant: datetime) -> None:
        """Sleeps until it is that late by their clock."""
        time.sleep(max(0.0, (instant - self.clock.now()).total_seconds()))

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

    def stored(self) -> int:
        """How many ballots are stored."""
        with self.engine.connect() as connection:
            query = select(func.count()).select_from(BallotRow)
            return int(connection.execute(query).scalar_one())

    def lanes(self) -> dict[str, Any]:
        """The lanes by their names."""
        with self.engine.connect() as connection:
            return {row.id: row for row in connection.execute(select(LaneRow.__table__))}

    def faults(self, lines: list[Line]) -> list[str]:
        """What is wrong, once it is counted, with what these voters were told."""
        record = self._poll().record
        return faults(lines, self.ballots(), self.box(), record, self.keys, self.on_paper)

    def told(self, lines: list[Line]) -> list[str]:
        """What the logs of all processes tell of these voters: there no key, pass, code or
        receipt has any business."""
        folder = self.instance.folder
        logs = "".join(path.read_text(errors="replace") for path in folder.glob("*.log"))
        assert '"started"' in logs
        names = {*self.keys.values(), *(line.receipt for line in lines if line.receipt)}
        for given in ("passes", "codes"):
            names.update((folder / given).read_text().split())
        return [name for name in names if name in logs]

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
    lines: list[Line] = field(default_factory=list)

    @property
    def going_on(self) -> bool:
        """Whether somebody votes still."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Asks them to stop; they finish what they have begun."""
        (self.folder / "plan.stop").touch()

    def busiest(self) -> int:
        """The port of the gateway at which most of them are."""
        found = psutil.Process(self.process.pid).net_connections("tcp")
        ports = Counter(each.raddr.port for each in found if each.status == psutil.CONN_ESTABLISHED)
        return int(ports.most_common(1)[0][0])


def _written(path: Path, lines: list[str]) -> str:
    path.write_text("\n".join(lines))
    return str(path)


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
        "settings": {"who_may_vote": "everyone", "hold_days": 0, **ALL_FROM_HERE},
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
