"""The votes that are open now, in whatever marathon."""

from __future__ import annotations

from typing import Any

from gateway.asking import ask
from gateway.site.gaps import part


def open_votes() -> list[Any]:
    """The polls that take ballots. Raises ``Unavailable``."""
    return [poll for poll in map(_poll_of, _running()) if poll and poll["open"]]


def _running() -> list[str]:
    """The marathons in which a vote may be open."""
    cycles = [cycle["id"] for cycle in ask("registration.list_cycles")]
    found = [ask("registration.get_cycle", {"cycle": cycle}) for cycle in cycles]
    return [
        marathon["id"]
        for cycle in found
        for marathon in cycle["marathons"]
        if marathon["state"] in ("running", "ended")
    ]


def _poll_of(marathon: str) -> Any:
    return part("voting.get_poll", {"marathon": marathon, "with_voters": False})
