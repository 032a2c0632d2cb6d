"""All that is held on the visitor: each service answers for its own (RULES D2)."""

from __future__ import annotations

from typing import Any

from gateway.asking import ask, parts
from services.chassis.config import SERVICES
from services.chassis.errors import Unavailable


def collect() -> dict[str, Any]:
    """What every service holds on the visitor; who can't be asked is named, not left out.

    Raises ``Refusal`` as a service refuses.
    """
    found: dict[str, Any] = {service: _of(service) for service in SERVICES}
    away = [service for service in SERVICES if found[service] is None]
    return {**found, "missing": away, "at": parts().clock.now()}


def _of(service: str) -> Any:
    try:
        return ask(f"{service}.my_data")
    except Unavailable:
        return None
