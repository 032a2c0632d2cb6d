"""The map of a cycle: every commune, and the host towns that everybody may know.

A commune is drawn by its intercommunality alone; what is said of a host town is laid over it
from the marathon's public view. So a town that is still secret is drawn like all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.site import contours
from gateway.site.contours import Contour, Contours, Point
from services.chassis.territory import load as load_territory

TINTS = 5


@dataclass(frozen=True)
class Mark:
    """A leg's number on the map: on its host town, else in the middle of its EPCI."""

    leg: int
    kind: str
    """past, now, next or secret."""

    at: Point
    path: str
    """The host town's contour; empty while it is not known."""


@dataclass(frozen=True)
class Map:
    """What the template draws."""

    contours: Contours
    communes: tuple[tuple[Contour, int], ...]
    """Each with the number of its tint, from 1."""

    marks: tuple[Mark, ...]


def of_cycle(marathons: Sequence[Mapping[str, Any]], present: str | None) -> Map | None:
    """The map for these marathons (public views); ``present`` is the id of the one on stage.

    None where the territory on file is not the one of the cycle.
    """
    drawn = contours.load()
    legs = {marathon["epci_siren"]: marathon["leg"] for marathon in marathons}
    known = {commune.epci for commune in drawn.communes}
    if not known & legs.keys():
        return None
    communes = tuple((each, (legs.get(each.epci, 0) - 1) % TINTS + 1) for each in drawn.communes)
    marks = tuple(
        _mark(drawn, marathon, present) for marathon in marathons if marathon["epci_siren"] in known
    )
    return Map(drawn, communes, marks)


def _mark(drawn: Contours, marathon: Mapping[str, Any], present: str | None) -> Mark:
    host = load_territory().commune(marathon["host_insee"] or "")
    if host is None:
        return Mark(marathon["leg"], "secret", _middle(drawn, marathon["epci_siren"]), "")
    path = next((each.path for each in drawn.communes if each.insee == host.insee), "")
    return Mark(marathon["leg"], _kind(marathon, present), drawn.at(*host.centre), path)


def _kind(marathon: Mapping[str, Any], present: str | None) -> str:
    if marathon["state"] in ("closed", "cancelled"):
        return "past"
    return "now" if marathon["id"] == present else "next"


def _middle(drawn: Contours, siren: str) -> Point:
    """The middle of an intercommunality, from all of its communes alike."""
    epci = load_territory().epci(siren)
    centres = [commune.centre for commune in epci.communes] if epci else [(0.0, 0.0)]
    return drawn.at(*(sum(axis) / len(centres) for axis in zip(*centres, strict=True)))
