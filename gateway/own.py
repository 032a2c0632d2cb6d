"""The doors that the gateway answers itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError

from gateway import my_data
from gateway.asking import parts, visitor
from gateway.languages import N_
from gateway.messages import DOORS
from services.chassis.clock import MovableClock
from services.chassis.errors import Invalid, NotFound
from services.chassis.paging import Answer

MAILS_MOST = 50

Request = dict[str, Any]


def answer(door: str, request: Request) -> Any:
    """The answer of one of the gateway's own doors. Raises ``Refusal``."""
    try:
        loaded = DOORS[door].load(request)
    except ValidationError as error:
        raise Invalid(
            "request_invalid",
            N_("Some values are missing or wrong."),
            errors=error.normalized_messages(),  # type: ignore[no-untyped-call]
        ) from error
    return DOORS[door].dump(_DOORS[door](loaded))


def _who_am_i(_request: Request) -> Request:
    actor = visitor().actor
    return {
        "key": actor.key,
        "name": actor.name,
        "kind": "person" if visitor().is_person else "machine",
        "roles": [
            {"role": role, "marathon": marathon}
            for role, marathon in sorted(actor.roles, key=lambda pair: (pair[0], pair[1] or ""))
        ],
    }


def _my_data(_request: Request) -> Request:
    return my_data.collect()


def _get_clock(_request: Request) -> Request:
    return {"now": _clock().now()}


def _move_clock(request: Request) -> Request:
    return {"now": _clock().move_to(request["now"])}


def _list_mails(request: Request) -> Answer:
    mailbox = parts().mailbox
    if mailbox is None:
        raise NotFound("mails", "")
    return mailbox.newest(request["page"], request.get("to"))


def _clock() -> MovableClock:
    clock = parts().clock
    if not isinstance(clock, MovableClock):
        raise NotFound("clock", "")
    return clock


_DOORS: dict[str, Callable[[Request], Any]] = {
    "who_am_i": _who_am_i,
    "my_data": _my_data,
    "get_clock": _get_clock,
    "move_clock": _move_clock,
    "list_mails": _list_mails,
}
