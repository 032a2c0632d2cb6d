"""Parts of a page that come from different services: one that is away leaves a gap, no error."""

from __future__ import annotations

from typing import Any

from flask import g

from gateway.asking import ask
from services.chassis.errors import Refusal, Unavailable

NOT_THERE = (401, 403, 404, 409)


def part(door: str, request: dict[str, Any], empty: Any = None) -> Any:
    """The answer of a door, or ``empty`` where there is none (yet) or its service is away.

    What was away is noted, for the page to say so.
    """
    try:
        return ask(door, request)
    except Unavailable as error:
        away = g.setdefault("away", [])
        if error.service not in away:
            away.append(error.service)
        return empty
    except Refusal as refusal:
        if refusal.status in NOT_THERE:
            return empty
        raise


def away() -> list[str]:
    """The services that could not be asked for this page."""
    found: list[str] = g.get("away", [])
    return found
