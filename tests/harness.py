"""The four services in one test, without a broker: a troupe that hears each other on command.

Everything is real but the wire: the service classes, their doors, databases and migrations.
What a broker does (late, twice, out of order) is done by :meth:`Troupe.deliver`.
"""

from __future__ import annotations

import importlib
import random
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.event import listen
from sqlalchemy.orm import Session

from services.chassis import offload, tables
from services.chassis.actor import Actor
from services.chassis.catalogue import heard_by_type
from services.chassis.clock import SetClock
from services.chassis.config import SERVICES, Settings
from services.chassis.core import Call, Core
from services.chassis.database import Database
from services.chassis.doors import Office
from services.chassis.errors import Refusal
from services.chassis.paging import PAGE_MOST, every
from services.chassis.runner import service_class
from services.chassis.work import Work

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = b"a secret for tests, 32 bytes long"
ORGANISER = Actor("organiser-key", "Organisatrice", frozenset({("organiser", None)}))


class Player:
    """One service of the troupe."""

    def __init__(self, name: str, settings: Settings, clock: SetClock, seed: int) -> None:
        self.name = name
        self.service_class = service_class(name)
        self.messages: Any = importlib.import_module(f"services.{name}.messages")
        self.database = Database(settings.database_url_of(name), settings)
        if self.database.is_sqlite:
            # Last, after the service's own: no power cut comes in the middle of a test.
            listen(self.database.engine, "connect", _do_not_wait_for_the_disk)
        _make_tables(self.service_class.chassis.metadata, self.database)
        rng = random.Random(f"{seed}:{name}")
        self.core = Core(name, self.messages, settings, self.database, clock, rng)

    def door(self, call: Call | None = None) -> Any:
        """An instance of the service as a worker would get it."""
        service = self.service_class()
        service.chassis = Office(self.core, call or Call(), compute=offload.run_here)
        return service

    def call(
        self,
        door: str,
        request: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = ORGANISER,
        key: str | None = None,
        deadline: float | None = None,
        if_match: tuple[str, ...] | None = None,
    ) -> Any:
        """Asks at a door; raises the :class:`Refusal` that the gateway would get.

        Of a list all pages, as the pages of the site have them, unless the request asks for
        one: ``answer`` is what travels.
        """
        wanted = dict(request or {})
        more: dict[str, Any] = {"key": key, "deadline": deadline, "if_match": if_match}
        if not self.messages.DOORS[door].paged or {"limit", "after"} & wanted.keys():
            return self.answer(door, wanted, actor=actor, **more)
        pages = every(
            lambda part: self.answer(door, {**wanted, **part}, actor=actor, **more), PAGE_MOST
        )
        return list(pages)

    def answer(
        self,
        door: str,
        request: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = ORGANISER,
        key: str | None = None,
        deadline: float | None = None,
        if_match: tuple[str, ...] | None = None,
    ) -> Any:
        """What travels from a door; raises the :class:`Refusal` that the gateway would get."""
        more: dict[str, Any] = {"key": key, "deadline": deadline, "if_match": if_match}
        return self.exchange(door, request, actor=actor, **more)["ok"]

    def exchange(
        self,
        door: str,
        request: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = ORGANISER,
        key: str | None = None,
        deadline: float | None = None,
        if_match: tuple[str, ...] | None = None,
    ) -> dict[str, Any]:
        """As :meth:`answer`: the answer under "ok", the tag of what was edited under "etag"."""
        call = Call(actor or Actor(), "test", deadline, key, if_match)
        answer: dict[str, Any] = getattr(self.door(call), door)(dict(request or {}))
        if "problem" in answer:
            raise Refusal.from_problem(answer["problem"])
        return answer

    def within(self, run: Callable[[Work], Any], actor: Actor | None = None) -> Any:
        """Runs a function in a unit of work of this service."""
        return self.core.within(run, actor)

    def hear(self, envelope: Any) -> None:
        """Hears one event as it would come from the broker."""
        self.door(Call(Actor.system())).heard(envelope)

    def tick(self) -> None:
        """Lets fall due what is due."""
        if hasattr(self.service_class, "fall_due"):
            self.door(Call(Actor.system())).fall_due()
        for chore in self.service_class.chassis.upkeep:
            chore(self.core)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction on this service's database."""
        with self.database.transaction() as session:
            yield session

    def said(self, event_type: str | None = None) -> list[dict[str, Any]]:
        """All events this service has said, oldest first: their envelopes."""
        query = select(tables.outbox.c.envelope).order_by(tables.outbox.c.number)
        if event_type:
            query = query.where(tables.outbox.c.type == event_type)
        with self.session() as session:
            return list(session.scalars(query))

    def failed(self) -> list[Any]:
        """The events whose handling failed."""
        with self.session() as session:
            return list(session.execute(select(tables.failed_events)).all())

    def unsent(self) -> list[dict[str, Any]]:
        """Takes what waits in the outbox, marking it as published."""
        with self.session() as session:
            query = select(tables.outbox.c.envelope).where(tables.outbox.c.published_at.is_(None))
            found = list(session.scalars(query.order_by(tables.outbox.c.number)))
            if found:
                mark = update(tables.outbox).where(tables.outbox.c.published_at.is_(None))
                session.execute(mark.values(published_at=datetime.now(UTC)))
            return found


class Troupe:
    """The services of an instance; ``url`` has ``{service}`` where the service's name goes."""

    def __init__(
        self,
        where: Path | str,
        only: Sequence[str] = SERVICES,
        start: datetime = START,
        seed: int = 0,
        **settings: Any,
    ) -> None:
        files = tempfile.mkdtemp(prefix="files")
        weakref.finalize(self, shutil.rmtree, files, ignore_errors=True)
        settings.setdefault("storage_url", f"file://{files}")
        url = where if isinstance(where, str) else f"sqlite:///{where}/{{service}}.sqlite"
        fixed = {"instance": "test", "secret": SECRET, "retry_delays_s": (0.0,)}
        self.settings = Settings(database_url=url, **{**fixed, **settings})
        self.clock = SetClock(start)
        self.players = {name: Player(name, self.settings, self.clock, seed) for name in only}
        self._silent: dict[tuple[str, str], int] = {}

    def __getattr__(self, name: str) -> Player:
        try:
            player: Player = self.__dict__["players"][name]
            return player
        except KeyError:
            raise AttributeError(name) from None

    def deliver(
        self, order: Callable[[list[Any]], list[Any]] | None = None, twice: bool = False
    ) -> int:
        """Carries events until all is quiet; ``order`` rearranges each round's deliveries."""
        count = 0
        while letters := self.letters():
            if twice:
                letters = letters + letters
            for listener, envelope in order(letters) if order else letters:
                self.players[listener].hear(envelope)
                count += 1
        failed = [row.error for player in self.players.values() for row in player.failed()]
        assert not failed, failed
        return count

    def letters(self) -> list[tuple[str, dict[str, Any]]]:
        """(listener, envelope) for everything that waits in the outboxes, now taken."""
        waiting = [envelope for player in self.players.values() for envelope in player.unsent()]
        return [
            (player.name, envelope)
            for envelope in waiting
            for player in self.players.values()
            if _hears(player, envelope)
        ]

    def say(
        self,
        speaker: str,
        event_type: str,
        subject: str,
        state: Mapping[str, Any],
        version: int | None = None,
        deliver: bool = True,
    ) -> dict[str, Any]:
        """Makes an event that ``speaker`` would have said, and lets every listener hear it."""
        messages: Any = importlib.import_module(f"services.{speaker}.messages")
        event = messages.SAYS[event_type]
        number = version or self._silent.get((event.kind, subject), 0) + 1
        self._silent[event.kind, subject] = number
        envelope = _envelope(speaker, event_type, subject, event, state, number, self.clock.now())
        for player in self.players.values():
            if deliver and _hears(player, envelope):
                player.hear(envelope)
        return envelope

    def tick(self, deliver: bool = True) -> None:
        """Lets everything fall due that is due, and carries what that says."""
        for player in self.players.values():
            player.tick()
        if deliver:
            self.deliver()

    def move_to(self, instant: datetime) -> None:
        """Moves the clock, lets things fall due and carries what they say, until quiet."""
        self.clock.move_to(instant)
        for _ in range(4):
            self.tick()

    def close(self) -> None:
        """Gives all connections back."""
        for player in self.players.values():
            player.database.close()


def _hears(player: Player, envelope: dict[str, Any]) -> bool:
    speaker = envelope["source"].rsplit(":", 1)[-1]
    return (speaker, envelope["type"]) in heard_by_type(player.messages)


def _envelope(
    speaker: str,
    event_type: str,
    subject: str,
    event: Any,
    state: Mapping[str, Any],
    version: int,
    now: datetime,
) -> dict[str, Any]:
    dumped = event.schema().dump(state)
    event.schema().load(dumped)
    return {
        "specversion": "1.0",
        "id": f"{speaker}-{event.kind}-{subject}-{version}"[-64:],
        "source": f"urn:incroyable-territoire:test:{speaker}",
        "type": event_type,
        "subject": subject,
        "time": now.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": f"urn:incroyable-territoire:schema:{speaker}:{event.kind}:1",
        "correlationid": "test",
        "data": {"epoch": 1, "version": version, **dumped},
    }


def _do_not_wait_for_the_disk(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _make_tables(metadata: Any, database: Database) -> None:
    # Quicker than the migrations, and the same: tests/chassis/test_migrations.py holds them
    # against each other.
    tables.metadata.create_all(database.engine)
    metadata.create_all(database.engine)
