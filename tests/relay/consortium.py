"""Several instances on one machine, each with all that is its own, set up as their operators do.

Each has its own RabbitMQ node, database user, databases, folder, keys and processes; nothing is
shared but the machine and, for plays that jump in time, a clock. Between them are wires that a
test can cut. All of it is set up by the operator's commands.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import yaml
from psycopg2 import sql
from sqlalchemy.engine import make_url

from deploy import local
from deploy.local.rabbitmq import RELAY_PLUGINS, RabbitMQ
from deploy.local.state import State
from deploy.relay.folder import Folder, read_env
from tests.instance import SERVICES, Instance
from tests.proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]
TITLE = "Un pays inventé"


@dataclass(frozen=True)
class Member:
    """Who takes part: its name, the SIREN of its intercommunality, the legs that it operates."""

    name: str
    epci: str | None
    legs: tuple[int, ...]
    transport: str = "amqp"


class Partner(Instance):
    """One member's instance: its folder, broker, databases and processes."""

    def __init__(self, place: Path, member: Member, database_url: str, clock: Path) -> None:
        place.mkdir()
        self.member = member
        self.name = member.name
        self.broker: RabbitMQ | None = None
        if member.transport == "amqp":
            state = State(place / "servers.json")
            node = f"{member.name}@localhost"
            self.broker = RabbitMQ(place, state, node=node, plugins=RELAY_PLUGINS)
        self.place = Folder(place / "instance")
        self.clock_file = clock
        self.databases = database_url
        self.token = ""
        super().__init__(place, "embedded://", database_url)

    def set_up(self, cycle_file: Path) -> None:
        """Starts its broker and makes its folder, as its operator would."""
        broker = ["--amqp-url", "embedded://"]
        if self.broker:
            self.broker.up()
            address = f"amqp://127.0.0.1:{self.broker.state.port('amqp', 5673)}"
            broker = [
                *("--amqp-url", self.broker.url(), "--rabbitmq-api", str(self.broker.api_url)),
                *("--relay-address", address),
            ]
        self.marathon(
            *("instance", "init", str(self.place.path), "--name", self.name),
            *(("--epci", self.member.epci) if self.member.epci else ("--title", TITLE)),
            *("--contact", f"contact@{self.name}.example.org", "--public-url", self.url),
            *("--cycle-file", str(cycle_file), "--gateway-port", str(self.port)),
            *("--database-url", self.databases, "--relay", self.member.transport),
            *("--smtp-url", f"folder:{self.folder / 'mail'}"),
            *broker,
        )
        given = read_env(self.place.env_file)
        # A play's jurors read their mails, as everybody may in a demonstration.
        more = {"MARATHON_CLOCK_FILE": str(self.clock_file), "MARATHON_DEMO": "1"}
        self.env = {**self.env, **given, **more}
        self.marathon("migrate", "all")
        self.marathon("topology", "apply")
        wanted = ("token", "create", "--label", "play", "--role", "organiser")
        self.token = self.marathon(*wanted).strip()

    def partner(self, *arguments: str) -> str:
        """Runs a command about partners."""
        return self.marathon("partner", "--folder", str(self.place.path), *arguments)

    def halt(self, *names: str) -> None:
        """Stops processes for good, all of them by default."""
        for name in names or tuple(self.processes):
            self.processes[name].halt()

    def resume(self, *names: str) -> None:
        """Starts again what was stopped."""
        for name in names or tuple(self.processes):
            self.processes[name].resume()

    def api(self, path: str) -> Any:
        """What its API answers an organiser."""
        return self.get(f"/api/v1{path}", self.token)

    def database_name(self, service: str) -> str:
        """The name of one of its databases."""
        return str(make_url(self.databases.replace("{service}", service)).database)

    def database(self, service: str) -> Any:
        """A connection to one of its databases that commits each statement."""
        url = make_url(self.databases.replace("{service}", service))
        text = url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg2.connect(text, connect_timeout=10)
        connection.autocommit = True
        return connection

    def rows(self, query: str, *values: object, service: str = "registration") -> list[Any]:
        """The rows of a query."""
        with closing(self.database(service)) as connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    def broker_down(self, kill: bool = False) -> None:
        """Ends its broker, in order or as a power cut would."""
        assert self.broker is not None
        if kill:
            self.broker.kill()
        else:
            self.broker.down()

    @property
    def memory_mb(self) -> float:
        """What its processes and its broker use, in megabytes (resident)."""
        pids = [one.process.pid for one in self.processes.values() if one.process.poll() is None]
        broker = self.broker.pid() if self.broker else None
        return sum(resident_mb(pid) for pid in [*pids, *([broker] if broker else [])])


@dataclass
class Consortium:
    """All members' instances, and the wires between them: ``wires[a, b]`` is a's way to b."""

    folder: Path
    partners: dict[str, Partner]
    cycle_file: Path
    play_file: Path
    wires: dict[tuple[str, str], Proxy] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    servers: Keeper | None = None

    def __getitem__(self, name: str) -> Partner:
        return self.partners[name]

    def __iter__(self) -> Iterator[Partner]:
        return iter(self.partners.values())

    def start(self) -> None:
        """Sets all up, exchanges cards, starts the processes, waits until they answer."""
        self._timed("set up", lambda: each(self.partners.values(), self._set_up))
        self._timed("cards", self._exchange)
        self._timed("start", lambda: each(self.partners.values(), _start))
        self._timed("ready", lambda: each(self.partners.values(), lambda one: one.wait_ready(240)))

    def _set_up(self, partner: Partner) -> None:
        partner.set_up(self.cycle_file)

    def _exchange(self) -> None:
        # One partner's commands one after the other: they write its folder.
        for give in (self._card, self._take):
            each(list(self), partial(self._to_all, give=give))

    def _to_all(self, one: Partner, give: Callable[[Partner, Partner], None]) -> None:
        for other in self:
            if other is not one:
                give(one, other)

    def _card(self, giver: Partner, taker: Partner) -> None:
        file = self.folder / f"{giver.name}-for-{taker.name}.yaml"
        both = {giver.member.transport, taker.member.transport}
        transport = "amqp" if both == {"amqp"} else "https"
        giver.partner(
            *("card", "--for", taker.name, "--transport", transport, "--output", str(file))
        )
        card = yaml.safe_load(file.read_text())
        wire = Proxy(card["relay"]["address"])
        self.wires[taker.name, giver.name] = wire
        card["relay"]["address"] = wire.url
        file.write_text(yaml.safe_dump(card, allow_unicode=True))

    def _take(self, taker: Partner, giver: Partner) -> None:
        taker.partner("add", str(self.folder / f"{giver.name}-for-{taker.name}.yaml"))

    def _timed(self, what: str, do: Callable[[], Any]) -> None:
        began = time.monotonic()
        do()
        self.seconds[what] = round(time.monotonic() - began, 1)

    def play(
        self,
        *more: str,
        names: Iterable[str] | None = None,
        ways: Mapping[str, Proxy] | None = None,
    ) -> str:
        """``marathon play`` with all instances, by ways that can be held; its summary as JSON."""
        urls = {one.name: ways[one.name].url if ways else one.url for one in self}
        named = [
            ("--instance", f"{one.name}={urls[one.name]},{one.token}")
            for one in self
            if names is None or one.name in names
        ]
        first = next(iter(self))
        arguments = [part for pair in named for part in pair]
        told = ("play", str(self.play_file), *arguments, "--json", *more)
        return first.marathon(*told, patience_s=900)

    def cut(self, name: str) -> None:
        """Cuts a partner off from all others, both ways."""
        for pair, wire in self.wires.items():
            if name in pair:
                wire.cut(lasting=True)

    def mend(self, name: str | None = None) -> None:
        """Mends a partner's wires, or all."""
        for pair, wire in self.wires.items():
            if name is None or name in pair:
                wire.mend()

    def stop(self) -> None:
        """Ends everything."""
        for wire in self.wires.values():
            wire.close()
        each(list(self), lambda one: one.stop())
        each([one for one in self if one.broker], lambda one: one.broker.down())
        if self.servers:
            self.servers.drop_all()


def make(
    folder: Path,
    servers: local.Servers,
    members: tuple[Member, ...],
    cycle: Mapping[str, Any],
    play: Mapping[str, Any],
) -> Consortium:
    """A consortium that is not started yet; its databases are on ``servers``'s PostgreSQL."""
    cycle_file = folder / "cycle.yaml"
    cycle_file.write_text(yaml.safe_dump(dict(cycle), allow_unicode=True, sort_keys=False))
    play_file = folder / "play.yaml"
    told = {**play, "cycle_file": cycle_file.name}
    play_file.write_text(yaml.safe_dump(told, allow_unicode=True, sort_keys=False))
    clock = folder / "clock"
    keeper = Keeper(servers, f"r{secrets.token_hex(3)}_")
    databases = {one.name: keeper.give(one.name) for one in members}
    partners = {
        one.name: Partner(folder / one.name, one, databases[one.name], clock) for one in members
    }
    return Consortium(folder, partners, cycle_file, play_file, servers=keeper)


def _start(partner: Partner) -> None:
    # Without a broker all of it is one process.
    partner.start(*((*SERVICES, "gateway", "mail") if partner.broker else ["embedded"]))


# --- databases of one's own ---------------------------------------------------------------


class Keeper:
    """Users and databases on one PostgreSQL: each user may enter its own four and no others."""

    def __init__(self, servers: local.Servers, prefix: str) -> None:
        self.servers = servers
        self.prefix = prefix

    def give(self, name: str) -> str:
        """The address of four new databases that are one user's alone, with ``{service}``."""
        user = (self.prefix + name).replace("-", "_")
        password = secrets.token_urlsafe(16)
        with closing(self._admin()) as connection, connection.cursor() as cursor:
            role = sql.Identifier(user)
            made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            cursor.execute(made.format(role, sql.Literal(password)))
            for service in SERVICES:
                self._create(cursor, f"{user}_{service}", "template0", user)
        url = make_url(self.servers.database_url.replace("{service}", "postgres"))
        mine = url.set(username=user, password=password, database="DATABASE")
        text = mine.render_as_string(hide_password=False)
        return text.replace("DATABASE", f"{user}_{{service}}")

    def copy(self, new: str, old: str) -> None:
        """Makes a database be a copy of another, of the same owner; nobody may be in either."""
        with closing(self._admin()) as connection, connection.cursor() as cursor:
            owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s"
            cursor.execute(owner, (old,))
            (user,) = cursor.fetchone()
            self.servers.drop_database(new)
            # Whoever only looks, as a checker does, is sent away until it is done.
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            for _try in range(20):
                cursor.execute(ended, (old,))
                try:
                    self._create(cursor, new, old, user)
                except psycopg2.errors.ObjectInUse:
                    continue
                return
        raise AssertionError(f"{old} is always in use")

    def _create(self, cursor: Any, name: str, template: str, owner: str) -> None:
        names = [sql.Identifier(each) for each in (name, owner, template)]
        cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*names))
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(names[0]))

    def drop_all(self) -> None:
        """Takes all of it away."""
        mine = (f"{self.prefix}%",)
        with closing(self._admin()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", mine)
            for (name,) in cursor.fetchall():
                self.servers.drop_database(name)
            cursor.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", mine)
            for (name,) in cursor.fetchall():
                cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))

    def _admin(self) -> Any:
        return self.servers._connect()


# --- small things -------------------------------------------------------------------------


def each(items: Iterable[Any], do: Callable[[Any], Any], at_once: int = 3) -> None:
    """Does something for all, some at a time; raises what the first of them raised."""
    with ThreadPoolExecutor(at_once) as pool:
        for _ in pool.map(do, list(items)):
            pass


def resident_mb(pid: int) -> float:
    """The memory of a process, in megabytes."""
    try:
        found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def wait_for(condition: Callable[[], Any], seconds: float, what: str, pause_s: float = 0.1) -> Any:
    """What a condition answers once it is true; fails otherwise."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(pause_s)
    raise AssertionError(f"not within {seconds} s: {what}")


__all__ = ["Consortium", "Member", "Partner", "each", "make"]
