"""What the closing of a marathon does to its premises, its vote, its jury and the relay.

Read from what services answer, before it and after: so that an organiser knows what one word
sets in motion (DESIGN §2, "The closing"), and then sees how far it has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Answer = Mapping[str, Any]

STANDING = ("confirmed", "handed_over", "returned")
TO_COME = ("draft", "announced")
OVER = ("closed", "cancelled")


@dataclass(frozen=True)
class Premises:
    """The places of a marathon's teams, as its closing finds or leaves them."""

    given_back: int
    """How many premises are still to be given back to their owners."""

    released: int
    keys_out: tuple[Answer, ...]
    """The places whose keys are still with their team."""

    held: tuple[str, ...]
    """The premises that stay reserved for the winner of a prize, by their titles."""


@dataclass(frozen=True)
class Next:
    """Where the relay goes from here."""

    kind: str
    """``offer`` to a marathon, ``wait`` for one to be announced, ``finish`` the cycle, ``left``:
    none is to come any more, and one that was passed over is not over, or ``elsewhere``: this
    marathon has no baton to pass on."""

    marathon: Answer | None = None


def premises_of(places: Iterable[Answer], palmares: Answer | None) -> Premises:
    """Of a marathon's places and its published awards."""
    found = list(places)
    standing = [place for place in found if place["status"] in STANDING]
    tied = {prize.get("premises") for prize in (palmares or {}).get("prizes", ())} - {None}
    held = {place["premises"]: place["title"] for place in standing if _is_held(place, tied)}
    return Premises(
        len({place["premises"] for place in standing} - held.keys()),
        len({place["premises"] for place in found if place["status"] == "released"}),
        tuple(place for place in found if _keys_are_out(place)),
        tuple(sorted(held.values())),
    )


def _is_held(place: Answer, tied: set[Any]) -> bool:
    return bool(place.get("held") or {place["premises"], place.get("offer")} & tied)


def _keys_are_out(place: Answer) -> bool:
    return bool(place.get("keys_due") or place["status"] == "handed_over")


def next_of(desk: Answer, marathons: Sequence[Answer]) -> Next:
    """Where the relay goes when this desk's marathon is over; ``marathons`` are those of its
    cycle that everybody may know of, in their order."""
    here = desk["marathon"]
    if not desk["holds_baton"]:
        return Next("elsewhere")
    later = [each for each in marathons if each["leg"] > here["leg"]]
    found = next((each for each in later if each["state"] in TO_COME), None)
    if found is not None:
        return Next("offer", found)
    finale = next((each["leg"] for each in marathons if each["finale"]), None)
    others = (each for each in marathons if each["id"] != here["id"])
    left = next((each for each in others if each["state"] not in OVER), None)
    if left is not None and finale is not None:
        return Next("left", left)
    # All legs are known, none is still a secret draft.
    return Next("finish" if left is None and finale == len(marathons) else "wait")


def destroyed_at(desk: Answer, now: datetime) -> datetime:
    """When the link between voters and ballots ceases to be, if the marathon closes now or has
    closed (RULES V7)."""
    closed = desk["marathon"]["closed_at"]
    since = datetime.fromisoformat(closed) if closed else now
    return since + timedelta(days=desk["settings"]["hold_days"])
