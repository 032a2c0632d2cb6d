"""Lists to choose from that belong to a marathon: its teams, its premises, its coaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gateway.forms.labels import choose
from gateway.site.gaps import part
from gateway.site.marathons import in_order
from gateway.site.words import state

Choices = tuple[tuple[str, str], ...]
TAKES_PART = ("confirmed", "checked_in")


def of(paths: Sequence[str], marathon: str) -> dict[str, Choices]:
    """The lists for those fields of a form that choose from a marathon's."""
    return {path: (("", choose()), *MAKERS[path](marathon)) for path in paths if path in MAKERS}


def teams(marathon: str) -> Choices:
    """The teams that take part, by number."""
    found = part("registration.list_projects", {"marathon": marathon}, [])
    return tuple(
        (project["id"], project["title"])
        for project in in_order(found)
        if project["status"] in TAKES_PART
    )


def _offers(marathon: str) -> Choices:
    found = part("venues.list_premises", {"marathon": marathon}, [])
    return tuple((offer["id"], offer["title"]) for offer in found if offer["state"] == "approved")


def _coaches(marathon: str) -> Choices:
    found = part("registration.list_coaches", {"marathon": marathon}, [])
    return tuple((coach["role_id"], coach["display_name"]) for coach in found)


def _states(marathon: str) -> Choices:
    found: dict[str, Any] = part("registration.get_desk", {"marathon": marathon}, {})
    # The closing has a page of its own, which says first what it does.
    moves = (move["to"] for move in found.get("next", []) if move["to"] != "closed")
    return tuple((to, state(to)) for to in moves)


def _hosts(marathon: str) -> Choices:
    """The marathons of the same cycle that could take the relay: announced, not begun."""
    here = part("registration.get_marathon", {"marathon": marathon}) or {}
    cycle = part("registration.get_cycle", {"cycle": here.get("cycle", "")}) or {}
    found = (each for each in cycle.get("marathons", []) if each["id"] != marathon)
    return tuple((each["id"], each["title"]) for each in found if each["state"] == "announced")


MAKERS: dict[str, Callable[[str], Choices]] = {
    "project": teams,
    "offer": _offers,
    "role_id": _coaches,
    "to": _states,
    "to_marathon": _hosts,
}
