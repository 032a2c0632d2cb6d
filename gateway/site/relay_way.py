"""The way of the relay as a picture: a river with a station for each leg.

A station is drawn by its leg's number, state and whether its host town is public; which town is
secret changes nothing in it (RULES C4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

STEP, SWING, HEIGHT = 72, 20, 104
OVER = {"closed": "past", "cancelled": "cancelled"}


@dataclass(frozen=True)
class Station:
    """A leg on the river."""

    marathon: Mapping[str, Any]
    kind: str
    """past, cancelled, now, next (its host is known) or secret."""

    x: int
    y: int


@dataclass(frozen=True)
class Stretch:
    """The river from one station to the next; ``travelled`` by the relay or not yet."""

    path: str
    travelled: bool


@dataclass(frozen=True)
class Way:
    """What the template draws."""

    width: int
    height: int
    stations: tuple[Station, ...]
    stretches: tuple[Stretch, ...]


def of_cycle(marathons: Sequence[Mapping[str, Any]], present: str | None) -> Way:
    """The way through these marathons (public views), in their order; ``present`` is the id of
    the one on stage."""
    stations = tuple(
        Station(marathon, _kind(marathon, present), STEP // 2 + STEP * place, _height(place))
        for place, marathon in enumerate(marathons)
    )
    stretches = tuple(
        Stretch(_curve(one, other), one.marathon["state"] in OVER)
        for one, other in pairwise(stations)
    )
    return Way(max(STEP * len(stations), STEP), HEIGHT, stations, stretches)


def _kind(marathon: Mapping[str, Any], present: str | None) -> str:
    if marathon["state"] in OVER:
        return OVER[marathon["state"]]
    if marathon["id"] == present:
        return "now"
    return "next" if marathon["host_name"] else "secret"


def _height(place: int) -> int:
    return HEIGHT // 2 + (SWING if place % 2 == 0 else -SWING)


def _curve(one: Station, other: Station) -> str:
    middle = (one.x + other.x) // 2
    return f"M{one.x} {one.y}C{middle} {one.y} {middle} {other.y} {other.x} {other.y}"
