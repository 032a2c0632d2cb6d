"""Several instances of registration that share a cycle, and the network between them.

Everything is real but the wire: each instance has its own database, key and clock's run. What a
network does (loss, repetition, another order, delay) is the test's own doing.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

from services.chassis import epoch, territory
from services.chassis.core import Core
from services.registration import relay as relays
from services.registration.partners import incoming, keys, outgoing
from services.registration.tables import Cycle, Grant, Marathon, Relay
from tests.harness import ORGANISER, START, Troupe

CYCLE = "saison"
NAMES = ("fumel", "confluent", "villeneuve", "bastides", "lot-tolzac")
EPCIS = ("200068930", "200068922", "200023307", "200036523", "244701405")


def key_of(name: str) -> keys.SigningKey:
    """The key of an instance, made from its name: everybody in the tests knows it."""
    return keys.from_seed(hashlib.sha256(name.encode()).digest())


def cycle_file(
    operators: Sequence[str],
    joint_body: str | None = "fumel",
    key: Callable[[str], keys.SigningKey] = key_of,
) -> dict[str, Any]:
    """A cycle of one leg for each entry of ``operators``, as JSON."""
    names = {*operators, *([joint_body] if joint_body else [])}
    partners = sorted(names, key=lambda name: (_rank(name), name))
    file: dict[str, Any] = {
        "cycle": CYCLE,
        "title": "Une saison partagée",
        "programme": {"name": "Programme", "run_by": "Pays"},
        "relay": {"days_to_answer": 14},
        "partners": [
            {
                "name": name,
                "title": name.title(),
                "url": f"https://{name}.example.org",
                "public_key": keys.encode(key(name).public),
            }
            for name in partners
        ],
        "legs": [
            {
                "leg": number,
                "epci": EPCIS[number - 1],
                "theme": f"Thème {number}",
                "question": "Et si ?",
                "operated_by": operator,
                "finale": number == len(operators),
            }
            for number, operator in enumerate(operators, 1)
        ],
    }
    if joint_body:
        file["relay"]["joint_body"] = joint_body
    return file


def _rank(name: str) -> int:
    return NAMES.index(name) if name in NAMES else len(NAMES)


class Crash(BaseException):
    """The process ends here: nothing catches it, and what was not committed never was."""


@dataclass(frozen=True)
class Parcel:
    """A package on its way."""

    sender: str
    recipient: str
    document: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.document["kind"])


class Instance:
    """One organiser's instance: registration on a database of its own."""

    def __init__(self, name: str, folder: Path, start: datetime = START, run: str = "") -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        key_file = self.folder / "relay.pem"
        if not key_file.exists():
            keys.save_private(key_of(name), key_file)
        self.troupe = Troupe(
            f"sqlite:///{self.folder}/{{service}}.sqlite",
            only=["registration"],
            start=start,
            seed=hash((_rank(name), run)) % 1000,
            instance=name,
            relay_key_file=key_file,
        )
        self.player = self.troupe.registration
        self.crashes = 0
        if run:
            self.core.run = run  # the process of which this is a copy

    @property
    def path(self) -> Path:
        """The file of its database."""
        return self.folder / "registration.sqlite"

    @property
    def core(self) -> Core:
        return self.player.core

    def call(self, door: str, actor: Any = ORGANISER, **request: Any) -> Any:
        """Asks at a door."""
        return self.player.call(door, request, actor=actor)

    def within(self, run: Callable[[Any], Any]) -> Any:
        """Runs a function in a unit of work."""
        return self.player.within(run)

    def tick(self) -> None:
        """Lets fall due what is due, and registration hear itself."""
        self.troupe.tick()

    def at(self, instant: datetime) -> None:
        """Moves this instance's clock."""
        self.troupe.clock.move_to(instant)

    def restart(self) -> None:
        """Ends the process and starts another: a run that was told nothing."""
        old = self.player.core
        self.player.core = Core(
            old.name, old.messages, old.settings, old.database, old.clock, old.rng
        )

    def back_up(self, to: Path) -> None:
        """Copies the database as it is now."""
        with closing(sqlite3.connect(self.path)) as there, closing(sqlite3.connect(to)) as copy:
            there.backup(copy)

    def restore(self, backup: Path) -> None:
        """Takes an earlier copy of the database, as an operator would, and starts again."""
        self.player.database.close()
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        # Another file in its place, not other bytes in the same one.
        copy = self.path.with_name("restored")
        shutil.copyfile(backup, copy)
        copy.replace(self.path)
        epoch.raise_epoch(self.player.database, "restored in a test")
        self.restart()

    @contextmanager
    def crashing(self, after: int) -> Iterator[None]:
        """Ends the process at a statement, in the middle of whatever it is doing."""
        left = [after]

        def count(*_args: Any) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Crash

        engine = self.player.database.engine
        event.listen(engine, "before_cursor_execute", count)
        try:
            yield
        except Crash:
            self.crashes += 1
        finally:
            event.remove(engine, "before_cursor_execute", count)
        self.restart()

    def receive(self, document: Any, via: str | None = None) -> incoming.Receipt:
        """Takes a package as a transport would hand it over."""
        found: incoming.Receipt = self.within(lambda work: incoming.receive(work, document, via))
        return found

    def take_due(self) -> list[Parcel]:
        """Takes what is to be sent now, as a transport would."""

        def run(work: Any) -> list[outgoing.Due]:
            found = outgoing.due(work, most=1000)
            outgoing.handed(work, [(one.id, one.partner) for one in found])
            return found

        return [Parcel(self.name, one.partner, one.document) for one in self.within(run)]

    # --- what is here -----------------------------------------------------------------

    def state(self, leg: int) -> str:
        """The state of a leg, as this instance knows it."""
        found: str = self.within(lambda work: work.session.get(Marathon, f"{CYCLE}-{leg}").state)
        return found

    def grants(self) -> list[tuple[int, int, str, bool]]:
        """(term, hop, marathon, effective) of every grant that is known here."""
        with self.player.session() as session:
            rows = session.scalars(select(Grant).order_by(Grant.term, Grant.hop))
            return [(one.term, one.hop, one.marathon, one.received_at is not None) for one in rows]

    def relays(self) -> list[tuple[str, str]]:
        """(host, state) of every offer that is known here."""
        with self.player.session() as session:
            rows = session.scalars(select(Relay).order_by(Relay.term, Relay.hop, Relay.offered_at))
            return [(one.to_marathon, one.state) for one in rows]

    def relay(self, state: str = "offered") -> str:
        """The id of the offer in this state."""
        with self.player.session() as session:
            return str(session.scalars(select(Relay.id).where(Relay.state == state)).one())

    def relay_ids(self, *states: str) -> list[str]:
        """The ids of the offers in these states."""
        with self.player.session() as session:
            query = select(Relay.id).where(Relay.state.in_(states)).order_by(Relay.id)
            return list(session.scalars(query))

    def holds(self, leg: int) -> bool:
        """Whether a leg holds the baton, as this instance knows it."""
        found: bool = self.within(
            lambda work: relays.holds(work, work.session.get(Marathon, f"{CYCLE}-{leg}"))
        )
        return found

    def is_finished(self) -> bool:
        """Whether the cycle is finished here."""
        with self.player.session() as session:
            return session.get_one(Cycle, CYCLE).state == "finished"

    def types(self) -> list[str]:
        """The types of everything said so far."""
        return [envelope["type"] for envelope in self.player.said()]

    def refusals(self) -> dict[tuple[str, str], int]:
        """How often what was refused of whom."""
        from services.registration.tables import RefusedPackages

        with self.player.session() as session:
            rows = session.scalars(select(RefusedPackages))
            return {(row.partner, row.verdict): row.number for row in rows}

    # --- what its organisers do ----------------------------------------------------------

    def open(self, file: Mapping[str, Any]) -> None:
        """Opens the cycle."""
        self.call("open_cycle", file=file)
        self.tick()

    def mobilise(self, leg: int) -> None:
        """Reveals a host town, so that the baton mobilises."""
        epci = territory.load().epci(EPCIS[leg - 1])
        assert epci is not None
        marathon = f"{CYCLE}-{leg}"
        self.call("set_host", marathon=marathon, insee=epci.communes[0].insee)
        self.call("reveal_host", marathon=marathon)
        self.tick()

    def close(self, leg: int) -> None:
        """Plays a mobilised leg to its end."""
        marathon = f"{CYCLE}-{leg}"
        for to in ("running", "ended"):
            self.call("move_marathon", marathon=marathon, to=to, override=True, reason="essai")
            self.troupe.deliver()
        self.player.hear(self._palmares(marathon))
        self.troupe.deliver()
        self.call("move_marathon", marathon=marathon, to="closed")
        self.troupe.deliver()

    def cancel(self, leg: int, reason: str = "Crue du Lot") -> None:
        """Cancels a leg."""
        self.call("move_marathon", marathon=f"{CYCLE}-{leg}", to="cancelled", reason=reason)
        self.troupe.deliver()

    def answer(self, answer: str = "accepted", relay: str | None = None) -> None:
        """Answers the offer that is open."""
        self.call("answer_relay", relay=relay or self.relay(), answer=answer)
        self.tick()

    def _palmares(self, marathon: str) -> dict[str, Any]:
        digest = hashlib.sha256(marathon.encode()).hexdigest()
        subject = f"palmares-{marathon}"
        version = int(self.troupe.clock.now().timestamp())
        return {
            "specversion": "1.0",
            "id": f"{subject}-{version}-{self.troupe.clock.now().timestamp()}",
            "source": "urn:incroyable-territoire:test:jury",
            "type": "palmares_published",
            "subject": subject,
            "time": self.troupe.clock.now().isoformat(),
            "datacontenttype": "application/json",
            "dataschema": "urn:incroyable-territoire:schema:jury:palmares:1",
            "correlationid": "test",
            "data": {
                "epoch": 1,
                "version": version,
                "id": subject,
                "marathon": marathon,
                "number": 1,
                "digest": digest,
                "ranks": [],
                "prizes": [],
                "public_winners": [],
            },
        }


class Partners:
    """The instances of one cycle, and what is on its way between them."""

    def __init__(
        self,
        folder: Path,
        operators: list[str],
        joint_body: str | None = "fumel",
        runs: Mapping[str, str] | None = None,
        now: datetime = START,
    ) -> None:
        self.file = cycle_file(operators, joint_body)
        self.operators = operators
        self.joint_body = joint_body
        self.now = now
        names = [entry["name"] for entry in self.file["partners"]]
        runs = runs or {}
        self.instances = {name: Instance(name, folder, now, runs.get(name, "")) for name in names}
        self.on_the_way: list[Parcel] = []
        self.sent: list[Parcel] = []
        """Everything that ever left an instance."""

    def __getitem__(self, name: str) -> Instance:
        return self.instances[name]

    def __iter__(self) -> Iterator[Instance]:
        return iter(self.instances.values())

    def operator(self, leg: int) -> Instance:
        """The instance that operates a leg."""
        return self.instances[self.operators[leg - 1]]

    def open(self) -> None:
        """Opens the cycle everywhere, and lets them tell each other."""
        for instance in self:
            instance.open(self.file)
        self.quiet()

    def pass_on(self, leg: int) -> None:
        """Plays a mobilised leg and hands its baton to the next."""
        self.operator(leg).close(leg)
        self.quiet()
        self.operator(leg + 1).answer()
        self.quiet()

    def collect(self) -> None:
        """Puts what the instances have to send on its way."""
        for instance in self:
            found = instance.take_due()
            self.on_the_way += found
            self.sent += found

    def deliver(self, parcel: Parcel) -> incoming.Receipt:
        """Delivers one package."""
        recipient = self.instances[parcel.recipient]
        return recipient.receive(parcel.document, parcel.sender)

    def quiet(self, rounds: int = 40) -> None:
        """Lets everything fall due and carries all packages, until nothing moves any more."""
        waiting = set(self.instances)
        for _ in range(rounds):
            for name in sorted(waiting):
                self.instances[name].tick()
            self.collect()
            if not self.on_the_way:
                return
            parcels, self.on_the_way = self.on_the_way, []
            for parcel in parcels:
                self.deliver(parcel)
            waiting = {parcel.recipient for parcel in parcels}
        raise AssertionError("it does not become quiet")

    def move(self, by: timedelta) -> None:
        """Moves all clocks."""
        self.now += by
        for instance in self:
            instance.at(self.now)

    def finish(self) -> None:
        """Gives all connections back."""
        for instance in self:
            instance.troupe.close()
