"""What a service says, hears and answers, declared as data in its ``messages.py``."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from marshmallow import EXCLUDE, RAISE, Schema

from services.chassis.paging import Paged

PATIENCE_S = 5.0
"""How long an answer is waited for, where nothing else is said."""


@dataclass(frozen=True)
class Event:
    """An event a service says: its type, the kind of subject, the schema of the whole state.

    A ``mandatory`` event must find a listener's queue: one that the broker returns is kept in
    the outbox and sent again. It is not set for what only outsiders may want to hear.
    """

    name: str
    kind: str
    schema: type[Schema]
    mandatory: bool = True


class Says:
    """All events of one speaker, by name."""

    def __init__(self, speaker: str, events: Iterable[Event]) -> None:
        self.speaker = speaker
        self.events = {event.name: event for event in events}

    def __getitem__(self, name: str) -> Event:
        return self.events[name]


@dataclass(frozen=True)
class Heard:
    """Events of one kind that a service listens to, and the part of their state it reads."""

    speaker: str
    kind: str
    types: tuple[str, ...]
    part: type[Schema]

    def load(self, state: dict[str, Any]) -> dict[str, Any]:
        """The part of ``state`` this listener reads (tolerant reader).

        Raises ``marshmallow.ValidationError`` where a field it needs is missing or wrong.
        """
        loaded: dict[str, Any] = instance(self.part, EXCLUDE).load(state)
        return loaded


@dataclass(frozen=True)
class Door:
    """A request a service answers: what it takes and what it gives."""

    takes: type[Schema] | None
    gives: type[Schema] | None
    many: bool = False
    memory: Literal["answer", "once", "none"] = "answer"
    """What is kept under an idempotency key: the answer; only that it was done (an answer that
    holds a secret is shown once); or nothing, where what is kept could link voter and choice
    (a ballot, which is known again by its tracker; asking for one, whose answer is always the
    same)."""

    file: str = ""
    """The media type of the file in the storage to which the answer refers, where it does."""

    edits: tuple[str, ...] = ()
    """The doors that show what this one changes: ``If-Match`` holds the tag of one of them."""

    patience_s: float = PATIENCE_S
    """How long people wait for the answer; longer where it takes a long computation."""

    @property
    def paged(self) -> bool:
        """Whether it answers a list in pages: ``{"items": […], "next": cursor or None}``."""
        return self.many and self.takes is not None and issubclass(self.takes, Paged)

    def load(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request as values. Raises ``marshmallow.ValidationError``."""
        if self.takes is None:
            return {}
        loaded: dict[str, Any] = instance(self.takes, RAISE).load(request)
        return loaded

    def dump(self, answer: Any) -> Any:
        """The answer as JSON-able values."""
        if self.gives is None:
            return answer
        schema = instance(self.gives, RAISE)
        if self.paged:
            return {**answer, "items": schema.dump(answer["items"], many=True)}
        return schema.dump(answer, many=self.many)


@functools.cache
def instance(schema: type[Schema], unknown: str) -> Schema:
    """The one instance of a schema: making one copies all its fields, which costs more than
    a load."""
    return schema(unknown=unknown)  # type: ignore[arg-type]  # a Literal there


class Messages(Protocol):
    """The shape of a service's ``messages`` module."""

    SAYS: Says
    HEARS: list[Heard]
    DOORS: dict[str, Door]


def heard_by_type(messages: Messages) -> dict[tuple[str, str], Heard]:
    """Every (speaker, event type) that a service hears, with what it reads of it."""
    return {(heard.speaker, name): heard for heard in messages.HEARS for name in heard.types}
