"""The contours of the communes as paths of an SVG, made once from the open data.

Equirectangular at the mean latitude, in whole units: over a territory of some 70 km that is
true to less than a pixel. Neighbours share their points in the data, so they do on the map.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from services.chassis.territory import PACKAGED

WIDTH = 1000
Point = tuple[int, int]
Edge = frozenset[Point]


@dataclass(frozen=True)
class Contour:
    """A commune as it is drawn."""

    insee: str
    name: str
    epci: str
    path: str


@dataclass(frozen=True)
class Contours:
    """All communes, the borders between the intercommunalities, and the size, in units."""

    communes: tuple[Contour, ...]
    borders: str
    width: int
    height: int
    west: float
    north: float
    scale: tuple[float, float]
    """Units per degree of longitude and of latitude."""

    def at(self, longitude: float, latitude: float) -> Point:
        """Where a place is on the map."""
        east, south = longitude - self.west, self.north - latitude
        return round(east * self.scale[0]), round(south * self.scale[1])


@cache
def load() -> Contours:
    """The contours of the territory's file. Raises ``OSError`` where it can't be read."""
    data = json.loads(PACKAGED.with_name("communes.geojson").read_text(encoding="utf-8"))
    return of(data["features"])


def of(features: list[dict[str, Any]]) -> Contours:
    """The contours of GeoJSON features with ``insee``, ``nom`` and ``epci``."""
    places = [place for feature in features for ring in _rings(feature) for place in ring]
    west, east = min(x for x, _y in places), max(x for x, _y in places)
    south, north = min(y for _x, y in places), max(y for _x, y in places)
    across = WIDTH / (east - west)
    scale = (across, across / math.cos(math.radians((north + south) / 2)))
    frame = Contours((), "", WIDTH, round((north - south) * scale[1]), west, north, scale)
    drawn = [
        (feature["properties"], [_drawn(frame, ring) for ring in _rings(feature)])
        for feature in features
    ]
    communes = tuple(
        Contour(of_it["insee"], of_it["nom"], of_it["epci"], "".join(_closed(r) for r in rings))
        for of_it, rings in drawn
    )
    borders = "".join(_line(points) for points in _chains(_between(drawn)))
    return Contours(communes, borders, frame.width, frame.height, west, north, scale)


def _rings(feature: dict[str, Any]) -> Iterator[list[tuple[float, float]]]:
    geometry = feature["geometry"]
    polygons = geometry["coordinates"]
    for polygon in [polygons] if geometry["type"] == "Polygon" else polygons:
        for ring in polygon:
            yield [(place[0], place[1]) for place in ring]


def _drawn(frame: Contours, ring: list[tuple[float, float]]) -> list[Point]:
    """A ring in units, without points that fall together."""
    points = [frame.at(*place) for place in ring]
    return [points[0], *(here for before, here in pairwise(points) if here != before)]


def _closed(points: list[Point]) -> str:
    return _line(points[:-1] if points[0] == points[-1] else points) + "z"


def _line(points: list[Point]) -> str:
    """A path that goes on in steps: shorter than one that names every place."""
    steps = [f"{x - a} {y - b}" for (a, b), (x, y) in pairwise(points)]
    # A minus sign separates as well as a blank does.
    return f"M{points[0][0]} {points[0][1]}l{' '.join(steps)}".replace(" -", "-")


def _between(drawn: Iterable[tuple[dict[str, Any], list[list[Point]]]]) -> set[Edge]:
    """The edges on which two intercommunalities meet, and those of the outer border."""
    sides: dict[Edge, list[str]] = defaultdict(list)
    for properties, rings in drawn:
        for edge in (frozenset(pair) for ring in rings for pair in pairwise(ring)):
            sides[edge].append(properties["epci"])
    return {edge for edge, epcis in sides.items() if len(epcis) == 1 or len(set(epcis)) > 1}


def _chains(edges: set[Edge]) -> Iterator[list[Point]]:
    """The edges as lines, each as long as can be walked."""
    ways: dict[Point, set[Point]] = defaultdict(set)
    for edge in edges:
        one, other = sorted(edge)
        ways[one].add(other)
        ways[other].add(one)
    # From the ends first, so that no line is cut in two.
    for start in sorted(ways, key=lambda point: (len(ways[point]) % 2 == 0, point)):
        while ways[start]:
            yield _walk(ways, start)


def _walk(ways: dict[Point, set[Point]], start: Point) -> list[Point]:
    line = [start]
    while ways[line[-1]]:
        here, there = line[-1], min(ways[line[-1]])
        ways[here].discard(there)
        ways[there].discard(here)
        line.append(there)
    return line
