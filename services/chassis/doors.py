"""The doors of a service, on nameko: requests, events, timers. Rules live behind them.

A door is one line: parse, call, answer. All that is nameko's is in this file,
``entrypoints.py``, ``housekeeping.py``, ``carrying.py``, ``calls.py`` and ``runner.py``, so that
another framework would change these alone (ADR 0002).
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from nameko.extensions import DependencyProvider
from sqlalchemy import MetaData

from services.chassis import metrics, offload, representation
from services.chassis.actor import Actor
from services.chassis.carrying import Courier
from services.chassis.catalogue import Messages
from services.chassis.core import Call, Core
from services.chassis.courier import Depot
from services.chassis.database import Database
from services.chassis.entrypoints import (
    AnswerEntrypoint,
    HearEntrypoint,
    TakeEntrypoint,
    TickEntrypoint,
)
from services.chassis.errors import Refusal
from services.chassis.housekeeping import Housekeeper
from services.chassis.idempotency import Kept
from services.chassis.streams import Stream
from services.chassis.work import Work

log = structlog.get_logger()

Method = Callable[..., Any]


def _compute(worker: str, payload: Any) -> Any:
    return offload.run(worker, payload, timeout_s=offload.PATIENCE_S)


class Office:
    """What a door finds as ``self.chassis``: the service's core and how this call came."""

    def __init__(
        self, core: Core, call: Call, compute: Callable[[str, Any], Any] = _compute
    ) -> None:
        self.core = core
        self.call = call
        self.compute = compute


class Chassis(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """Gives a service its core; declared once as an attribute of the service class."""

    housekeeper = Housekeeper()
    courier = Courier()

    def __init__(
        self,
        messages: Messages,
        metadata: MetaData,
        chores: Sequence[Callable[[Database, datetime], Any]] = (),
        upkeep: Sequence[Callable[[Core], Any]] = (),
        make_depot: Callable[[Core], Depot] | None = None,
    ) -> None:
        """``chores`` run now and then, one at a time, outside any transaction; so does
        ``upkeep``, which needs more than the database. A depot has packages for partners, and
        takes theirs."""
        self.messages = messages
        self.metadata = metadata
        self.chores = tuple(chores)
        self.upkeep = tuple(upkeep)
        self.make_depot = make_depot

    @property
    def core(self) -> Core:
        """The core of this container, made by the runner."""
        found: Core = self.container.config["cores"][self.container.service_name]
        return found

    def get_dependency(self, worker_ctx: Any) -> Office:
        """What one worker of the service gets."""
        return Office(self.core, call_of(worker_ctx.data))


def call_of(headers: dict[str, Any]) -> Call:
    """How a request came, from nameko's context data."""
    return Call(
        Actor.from_dict(headers.get("actor")),
        headers.get("correlation") or "",
        headers.get("deadline"),
        headers.get("key"),
        None if headers.get("if_match") is None else tuple(headers["if_match"]),
    )


def command(method: Method) -> Method:
    """A request that changes something: one transaction, once per idempotency key."""

    @functools.wraps(method)
    def door(self: Any, request: Any = None) -> dict[str, Any]:
        return _answer(
            self,
            method,
            lambda core, call: _done(
                core.edit(
                    method.__name__,
                    functools.partial(method, self),
                    request or {},
                    call,
                    _views(self, method.__name__),
                )
            ),
        )

    return _marked(AnswerEntrypoint, door)


def query(method: Method) -> Method:
    """A question: it reads, and what it would write is rolled back."""

    @functools.wraps(method)
    def door(self: Any, request: Any = None) -> dict[str, Any]:
        return _answer(
            self,
            method,
            lambda core, call: {
                "ok": core.query(
                    method.__name__, functools.partial(method, self), request or {}, call
                )
            },
        )

    return _marked(AnswerEntrypoint, door)


def command_offloaded(worker: str, prepare: str) -> Callable[[Method], Method]:
    """A command whose long computation runs in a child process between two transactions.

    ``prepare`` names the method that reads what ``worker`` ("module:function") needs; the
    decorated method gets the worker's answer as ``solved`` and must check again that what it
    was computed from still holds.
    """

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def door(self: Any, request: Any = None) -> dict[str, Any]:
            def run(core: Core, call: Call) -> dict[str, Any]:
                name = method.__name__
                # Before the long computation: what comes again, or asks too much, needs none.
                known = core.answered(name, request or {}, call)
                if known is not None:
                    return _done(known)
                views = _views(self, name)
                if call.if_match is not None:
                    representation.may_be_asked(views)
                with offload.turn(call.left_s):
                    # It may have been answered meanwhile, or its asker have gone.
                    known = core.answered(name, request or {}, call)
                    if known is not None:
                        return _done(known)
                    payload = core.prepare(name, getattr(self, prepare), request or {}, call)
                    solved = self.chassis.compute(worker, payload)

                    def finish(work: Work, loaded: dict[str, Any]) -> Any:
                        return method(self, work, loaded, solved)

                    return _done(core.edit(name, finish, request or {}, call, views))

            return _answer(self, method, run)

        return _marked(AnswerEntrypoint, door)

    return decorate


def hears(method: Method) -> Method:
    """The one method that is called for every event the service declares in ``HEARS``."""

    @functools.wraps(method)
    def door(self: Any, raw: Any, retry: bool = False) -> Any:
        run = functools.partial(method, self)
        if retry:
            return self.chassis.core.retry_failed(run)
        return self.chassis.core.hear(run, raw)

    return _marked(HearEntrypoint, door)


def takes(stream: Stream) -> Callable[[Method], Method]:
    """A method that is called with many of a stream's messages at once, in one transaction."""

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def door(self: Any, raws: Any, retry: bool = False) -> Any:
            run = functools.partial(method, self)
            if retry:
                return self.chassis.core.retry_taken(stream, run)
            return self.chassis.core.take(stream, run, raws)

        marked: Method = TakeEntrypoint.decorator(stream)(door)
        return marked

    return decorate


def tends(method: Method) -> Method:
    """A method that is called about once a second with the core, outside any transaction: for
    what must ask the broker."""

    @functools.wraps(method)
    def door(self: Any) -> None:
        method(self, self.chassis.core)

    return _marked(TickEntrypoint, door)


def due(method: Method) -> Method:
    """A method that is called about once a second: does what the time requires."""

    @functools.wraps(method)
    def door(self: Any) -> None:
        self.chassis.core.fall_due(functools.partial(method, self))

    return _marked(TickEntrypoint, door)


def _views(service: Any, door: str) -> dict[str, Method]:
    """The queries that show what a command edits, as functions of work and request."""
    names = service.chassis.core.messages.DOORS[door].edits
    return {
        name: functools.partial(getattr(type(service), name).__wrapped__, service) for name in names
    }


def _marked(entrypoint: Any, door: Method) -> Method:
    marked: Method = entrypoint.decorator(door)
    return marked


def _done(given: Kept) -> dict[str, Any]:
    """What travels back from a command: its answer, and the tag of what it edited."""
    return {"ok": given.answer, **({} if given.etag is None else {"etag": given.etag})}


def _answer(
    service: Any, method: Method, run: Callable[[Core, Call], dict[str, Any]]
) -> dict[str, Any]:
    """What travels back: what ``run`` says, ``{"ok": answer, …}``, or ``{"problem": refusal}``."""
    office: Office = service.chassis
    began = time.perf_counter()
    try:
        return run(office.core, office.call)
    except Refusal as refusal:
        return {"problem": refusal.to_problem()}
    except Exception:
        log.exception(
            "door_failed",
            service=office.core.name,
            door=method.__name__,
            correlation=office.call.correlation,
        )
        return {"problem": _internal(office.call.correlation).to_problem()}
    finally:
        metrics.answered(office.core.name, method.__name__, time.perf_counter() - began)


def _internal(correlation: str) -> Refusal:
    return Refusal(
        "internal",
        "Une erreur interne s’est produite ; rien n’a été enregistré.",
        "Réessayez ; si cela dure, donnez ce numéro à l’exploitant.",
        500,
        correlation=correlation,
    )
