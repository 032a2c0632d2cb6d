"""Holds the four databases of an instance against the promises, after whatever was done to it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Engine, create_engine, select

from services.chassis.catalogue import heard_by_type
from services.chassis.config import SERVICES
from services.chassis.tables import copies, failed_events, inbox, outbox, versions
from services.chassis.topology import messages_of

# What a marathon that was played to its end has exactly one of, whatever was killed meanwhile.
ONCE_A_MARATHON = (
    "marathon_mobilised",
    "marathon_started",
    "marathon_ended",
    "marathon_closed",
    "poll_opened",
    "poll_closed",
    "poll_counted",
    "palmares_published",
)
ONCE_A_HOP = ("relay_offered", "relay_passed", "relay_received")


class Books:
    """What the databases hold of events."""

    def __init__(self, database_url: str) -> None:
        self.engines = {s: _engine(database_url, s) for s in SERVICES}

    def rows(self, service: str, table: Any) -> list[Any]:
        """All rows of a chassis table of one service."""
        with self.engines[service].connect() as connection:
            return list(connection.execute(select(table)).all())

    def said(self, event_type: str) -> list[dict[str, Any]]:
        """All events of a type, from whichever service says it."""
        return [
            row.envelope
            for service in SERVICES
            if event_type in messages_of(service).SAYS.events
            for row in self.rows(service, outbox)
            if row.type == event_type
        ]

    def close(self) -> None:
        """Gives all connections back."""
        for engine in self.engines.values():
            engine.dispose()


def _engine(database_url: str, service: str) -> Engine:
    # Asked before each use: the tests kill the server.
    return create_engine(database_url.replace("{service}", service), pool_pre_ping=True)


def unquiet(books: Books) -> list[str]:
    """What is still under way or went wrong: empty once every event was heard by everybody."""
    found = []
    for service in SERVICES:
        found += [
            f"{service} has not sent {r.type} of {r.subject}" for r in _unsent(books, service)
        ]
        found += [
            f"{service} failed at {r.type}: {r.error}" for r in books.rows(service, failed_events)
        ]
        found += [f"{service} has not heard {name}" for name in _unheard(books, service)]
    return found


def wrong_counts(books: Books, marathons: list[str]) -> list[str]:
    """Every effect of the closing that is missing or there twice."""
    found = []
    for event_type in ONCE_A_MARATHON:
        counts = Counter(_marathon(envelope) for envelope in books.said(event_type))
        wanted = dict.fromkeys(marathons, 1)
        if dict(counts) != wanted:
            found.append(f"{event_type}: {dict(counts)}")
    for event_type in ONCE_A_HOP:
        hops = sorted(_hop(envelope) for envelope in books.said(event_type))
        if len(set(hops)) != len(hops) or len(hops) != len(marathons) - 1:
            found.append(f"{event_type}: {hops}")
    if len(books.said("cycle_finished")) != 1:
        found.append(f"cycle_finished: {len(books.said('cycle_finished'))}")
    return found


def old_copies(books: Books) -> list[str]:
    """Copies that are not the newest state their speaker has said."""
    newest = {
        (row.kind, row.subject): row.version
        for service in SERVICES
        for row in books.rows(service, versions)
    }
    return [
        f"{service} has {row.kind} {row.subject} at {row.version}"
        for service in SERVICES
        for row in books.rows(service, copies)
        if row.version != newest[row.kind, row.subject]
    ]


def _unsent(books: Books, service: str) -> list[Any]:
    return [row for row in books.rows(service, outbox) if row.published_at is None]


def _unheard(books: Books, listener: str) -> list[str]:
    known = {row.event_id for row in books.rows(listener, inbox)}
    wanted = heard_by_type(messages_of(listener))
    return [
        f"{row.type} of {row.subject}"
        for speaker in SERVICES
        for row in books.rows(speaker, outbox)
        if (speaker, row.type) in wanted and row.event_id not in known
    ]


def _marathon(envelope: dict[str, Any]) -> str:
    return str(envelope["data"].get("marathon", envelope["subject"]))


def _hop(envelope: dict[str, Any]) -> tuple[str, int, int]:
    data = envelope["data"]
    return data["cycle"], data["term"], data["hop"]
