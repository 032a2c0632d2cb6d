"""What happens behind a door: validation, one transaction, the outbox, failures.

It knows no framework: the doors of ``doors.py`` call it from nameko, tests call it directly.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from marshmallow import ValidationError
from sqlalchemy.exc import IntegrityError

from services.chassis import failures, idempotency, metrics, representation
from services.chassis.actor import Actor
from services.chassis.catalogue import Messages
from services.chassis.clock import Clock
from services.chassis.config import Settings
from services.chassis.crash import crash_point
from services.chassis.database import Database, is_away, is_conflict
from services.chassis.envelope import open_envelope
from services.chassis.errors import Invalid, Refusal, Unavailable
from services.chassis.inbox import HeardEvent, take
from services.chassis.streams import Stream
from services.chassis.work import Work

log = structlog.get_logger()

CONFLICT_TRIES = 4

Rule = Callable[[Work, dict[str, Any]], Any]
Taker = Callable[[Work, Sequence[dict[str, Any]]], None]


@dataclass(frozen=True)
class Call:
    """How a request came: who asks, until when the answer is of use, and its key."""

    actor: Actor = field(default_factory=Actor)
    correlation: str = ""
    deadline: float | None = None  # seconds since the epoch, machine's clock
    key: str | None = None
    if_match: tuple[str, ...] | None = None
    """The tags of what the asker saw, where they would not overwrite anything newer."""

    @property
    def late(self) -> bool:
        """Whether the asker has been told already that it failed."""
        return self.deadline is not None and time.time() > self.deadline

    @property
    def left_s(self) -> float | None:
        """How many seconds the answer is still of use; None for ever."""
        return None if self.deadline is None else max(0.0, self.deadline - time.time())


class Core:
    """One service's machinery: its database, clock, catalogue and settings."""

    def __init__(
        self,
        name: str,
        messages: Messages,
        settings: Settings,
        database: Database,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.name = name
        self.messages = messages
        self.settings = settings
        self.database = database
        self.clock = clock or settings.clock()
        self.rng = rng or random.SystemRandom()
        # Not from rng: the same after two starts would say that nothing happened in between.
        self.run = secrets.token_hex(16)
        self.streams: tuple[Stream, ...] = tuple(getattr(messages, "TAKES", ()))
        self.on_commit: Callable[[], None] = lambda: None

    def command(self, door: str, run: Rule, request: Any, call: Call) -> Any:
        """The answer to a command, carried out once for its key.

        Raises :class:`Refusal`; then nothing was stored.
        """
        return self.edit(door, run, request, call, {}).answer

    def edit(
        self, door: str, run: Rule, request: Any, call: Call, views: representation.Views
    ) -> idempotency.Kept:
        """As :meth:`command`, with the tag of what it edited, which ``views`` show."""
        self._in_time(call)
        loaded = self._load(door, request)

        def body(work: Work) -> idempotency.Kept:
            known = idempotency.find(work, door, call.key, request)
            if known is not None:
                return known
            representation.must_match(work, loaded, call.if_match, views)
            answer = self.messages.DOORS[door].dump(run(work, loaded))
            given = idempotency.Kept(answer, representation.tag_after(work, loaded, views))
            idempotency.keep(work, door, call.key, request, given)
            return given

        with _away_is_refused(self.name):
            given: idempotency.Kept = self._transact(body, call)
            return given

    def answered(self, door: str, request: Any, call: Call) -> idempotency.Kept | None:
        """What this command was answered before under its key, if anything."""
        if call.key is None:
            return None
        self._in_time(call)
        with _away_is_refused(self.name), self.database.transaction() as session:
            return idempotency.find(self._work(session, call), door, call.key, request)

    def query(self, door: str, run: Rule, request: Any, call: Call) -> Any:
        """The answer to a question; what it would write is rolled back."""
        self._in_time(call)
        loaded = self._load(door, request)
        with _away_is_refused(self.name), self.database.transaction() as session:
            answer = self.messages.DOORS[door].dump(run(self._work(session, call), loaded))
            session.rollback()
            return answer

    def prepare(self, door: str, run: Rule, request: Any, call: Call) -> Any:
        """What a long computation needs, read in a transaction of its own."""
        self._in_time(call)
        loaded = self._load(door, request)
        with _away_is_refused(self.name), self.database.transaction() as session:
            payload = run(self._work(session, call), loaded)
            session.rollback()
            return payload

    def hear(self, run: Callable[[Work, HeardEvent], None], raw: Any) -> None:
        """Does what an event requires, or stores it as failed; after this it may be acknowledged.

        Raises ``DBAPIError`` only when the database is away: the event must then be kept by
        the broker.
        """
        event_type = str(raw.get("type", "?")) if isinstance(raw, dict) else "?"
        crash_point(self.settings, self.name, "event.received", event_type)
        try:
            self._hear(run, raw, event_type)
        except Exception as error:
            if is_away(error):
                raise
            with self.database.transaction() as session:
                status = failures.record(session, self.settings, raw, error)
            log.warning(
                "event_failed",
                service=self.name,
                event_type=event_type,
                event_id=failures.identity_of(raw),
                status=status,
                error=type(error).__name__,
            )
        crash_point(self.settings, self.name, "event.committed", event_type)

    def retry_failed(self, run: Callable[[Work, HeardEvent], None]) -> int:
        """Tries again the failed events that are due; answers how many were tried."""
        with self.database.transaction() as session:
            waiting = failures.due(session, but=[stream.address for stream in self.streams])
        for raw in waiting:
            self.hear(run, raw)
        return len(waiting)

    def take(self, stream: Stream, run: Taker, raws: Sequence[Any]) -> None:
        """Does what bulk messages require, all in one transaction; where that fails, one by one,
        and stores those that failed. After this they may all be acknowledged.

        Raises ``DBAPIError`` only when the database is away.
        """
        crash_point(self.settings, self.name, "batch.received", stream.name)
        try:
            self._take(stream, run, raws)
        except Exception as error:
            if is_away(error):
                raise
            for raw in raws:
                self._take_alone(stream, run, raw)
        crash_point(self.settings, self.name, "batch.committed", stream.name)

    def retry_taken(self, stream: Stream, run: Taker) -> int:
        """Tries again the failed bulk messages that are due; answers how many were tried."""
        with self.database.transaction() as session:
            waiting = failures.due(session, only=stream.address)
        for failed in waiting:
            self._take_alone(stream, run, failed["message"])
        return len(waiting)

    def fall_due(self, run: Callable[[Work], None]) -> None:
        """Does what the time requires."""
        self._transact(run, Call(actor=Actor.system()))

    def within(self, run: Callable[[Work], Any], actor: Actor | None = None) -> Any:
        """Runs a function in a unit of work: for the operator's commands and for tests."""
        return self._transact(run, Call(actor=actor or Actor.system()))

    def _hear(self, run: Callable[[Work, HeardEvent], None], raw: Any, event_type: str) -> None:
        envelope = open_envelope(raw)

        def body(work: Work) -> None:
            event = take(work, envelope)
            if event is not None:
                run(work, event)
            crash_point(self.settings, self.name, "event.handled", event_type)

        self._transact(body, Call(Actor.system(), envelope.correlation))

    def _take(self, stream: Stream, run: Taker, raws: Sequence[Any]) -> None:
        loaded = [stream.load(raw) for raw in raws]
        self._transact(lambda work: run(work, loaded), Call(Actor.system()))

    def _take_alone(self, stream: Stream, run: Taker, raw: Any) -> None:
        kept = stream.kept(raw)
        try:
            self._take(stream, run, [raw])
            with self.database.transaction() as session:
                failures.forget(session, [kept["id"]])
        except Exception as error:
            if is_away(error):
                raise
            with self.database.transaction() as session:
                status = failures.record(session, self.settings, kept, error)
            # Not the error's own words: they may hold what somebody sent.
            log.warning(
                "message_failed",
                service=self.name,
                stream=stream.address,
                message_id=kept["id"],
                status=status,
                error=type(error).__name__,
            )

    def _transact(self, body: Callable[[Work], Any], call: Call) -> Any:
        """Runs ``body`` in a transaction, again where the database asks for it."""
        for left in range(CONFLICT_TRIES - 1, -1, -1):
            try:
                with self.database.transaction() as session:
                    work = self._work(session, call)
                    answer = body(work)
            except Exception as error:
                # A unique constraint that fired may mean that somebody was first between our
                # look and our write: run again, the rule will see it and refuse by name.
                if left and (is_conflict(error) or isinstance(error, IntegrityError)):
                    continue
                raise
            if work.said:
                self._announce(work)
            return answer
        raise AssertionError("unreachable")

    def _announce(self, work: Work) -> None:
        for event_type in work.said:
            crash_point(self.settings, self.name, "said.committed", event_type)
        self.on_commit()

    def _work(self, session: Any, call: Call) -> Work:
        return Work(
            service=self.name,
            messages=self.messages,
            session=session,
            now=self.clock.now(),
            settings=self.settings,
            actor=call.actor,
            correlation=call.correlation,
            key=call.key,
            run=self.run,
            random=self.rng,
        )

    def _in_time(self, call: Call) -> None:
        if call.late:
            metrics.dropped(self.name)
            raise Refusal(
                "deadline_passed",
                "La demande est arrivée trop tard et n’a pas été exécutée.",
                "Recommencez.",
                503,
            )

    def _load(self, door: str, request: Any) -> dict[str, Any]:
        try:
            return self.messages.DOORS[door].load(request)
        except ValidationError as error:
            raise Invalid(
                "request_invalid",
                "La demande contient des valeurs manquantes ou incorrectes.",
                "Corrigez les champs indiqués.",
                errors=error.normalized_messages(),  # type: ignore[no-untyped-call]
            ) from error


@contextmanager
def _away_is_refused(service: str) -> Iterator[None]:
    """Turns "the database is away" into :class:`Unavailable`."""
    try:
        yield
    except Exception as error:
        if is_away(error):
            raise Unavailable(service) from error
        raise
