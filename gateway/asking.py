"""What a request has at hand: the instance's parts, who asks, and the services to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, Unpack

from flask import current_app, g

from gateway.identity import Identity, Visitor
from gateway.languages import Catalogues
from gateway.routes.row import door_of
from services.chassis.actor import How
from services.chassis.clock import Clock
from services.chassis.config import Settings
from services.chassis.mail_folder import Mailbox
from services.chassis.paging import PAGE_MOST, every
from services.chassis.storage import Storage

Request = dict[str, Any]


class Caller(Protocol):
    """Asks services: the chassis' own on a broker, the tests' own without one."""

    def call(
        self,
        service: str,
        door: str,
        request: Request | None = None,
        **how: Unpack[How],
    ) -> Any:
        """The answer. Raises ``Refusal``, and its subclass ``Unavailable`` when none came."""
        ...

    def exchange(
        self,
        service: str,
        door: str,
        request: Request | None = None,
        **how: Unpack[How],
    ) -> Request:
        """As :meth:`call`: the answer under "ok", the tag of what was edited under "etag"."""
        ...


@dataclass(frozen=True)
class Parts:
    """What one gateway is made of."""

    settings: Settings
    caller: Caller
    identity: Identity
    clock: Clock
    storage: Storage
    catalogues: Catalogues
    mailbox: Mailbox | None
    """What the demonstration wrote instead of sending it; None everywhere else."""


def parts() -> Parts:
    """The parts of the gateway that answers the present request."""
    found: Parts = current_app.extensions["gateway"]
    return found


def visitor() -> Visitor:
    """Who sent the present request."""
    found: Visitor = g.visitor
    return found


def ask(
    door: str,
    request: dict[str, Any] | None = None,
    key: str | None = None,
    if_match: tuple[str, ...] | None = None,
) -> Any:
    """The answer of ``door`` ("service.door") to the present visitor's request; a list whole.

    Raises ``Refusal`` as the service refused, ``Unavailable`` when no answer came.
    """
    if door_of(door).paged:
        return list(every(lambda part: ask_once(door, {**(request or {}), **part}), PAGE_MOST))
    return ask_once(door, request, key, if_match)


def ask_once(
    door: str,
    request: Request | None = None,
    key: str | None = None,
    if_match: tuple[str, ...] | None = None,
) -> Any:
    """As :func:`ask`; of a list one page, as ``{"items": […], "next": cursor or None}``."""
    return exchange(door, request, key, if_match)["ok"]


def exchange(
    door: str,
    request: Request | None = None,
    key: str | None = None,
    if_match: tuple[str, ...] | None = None,
) -> Request:
    """As :func:`ask_once`: the answer under "ok", the tag of what was edited under "etag"."""
    service, _, name = door.partition(".")
    return parts().caller.exchange(
        service,
        name,
        request or {},
        actor=visitor().actor,
        key=key,
        correlation=g.correlation,
        if_match=if_match,
        deadline_s=door_of(door).patience_s,
    )
