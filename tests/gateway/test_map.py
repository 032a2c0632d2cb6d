"""The map: every commune where it is, the known host towns over it, a secret one nowhere."""

from __future__ import annotations

import gzip
import json
import re
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask, g, render_template_string

from gateway.identity import ANONYMOUS
from gateway.site import contours, territory_map
from services.chassis.territory import PACKAGED
from services.chassis.territory import load as load_territory

SOURCE = json.loads(PACKAGED.with_name("communes.geojson").read_text(encoding="utf-8"))["features"]
EPCIS = [epci.siren for epci in load_territory().epcis]
TEMPLATE = """{% import "parts/map.html" as maps with context %}{{ maps.picture(map, none) }}
{{ maps.legend(marathons, none) }}"""


def drawn_rings(path: str) -> list[list[tuple[int, int]]]:
    """The absolute points of a path."""
    rings = []
    for sub in path.split("M")[1:]:
        start, _l, steps = sub.rstrip("z").partition("l")
        x, y = (int(number) for number in re.findall(r"-?\d+", start))
        points = [(x, y)]
        numbers = [int(number) for number in re.findall(r"-?\d+", steps)]
        for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + dx, y + dy
            points.append((x, y))
        rings.append(points)
    return rings


def area(ring: list[tuple[Any, Any]]) -> float:
    closed = [*ring, ring[0]]
    return float(abs(sum(a * d - b * c for (a, b), (c, d) in pairwise(closed)))) / 2


def edges(ring: list[tuple[int, int]]) -> set[frozenset[tuple[int, int]]]:
    return {frozenset(pair) for pair in pairwise([*ring, ring[0]])}


def test_every_commune_is_drawn_as_large_as_it_is() -> None:
    drawn = contours.load()
    assert [each.insee for each in drawn.communes] == [
        feature["properties"]["insee"] for feature in SOURCE
    ]
    per_degree = drawn.scale[0] * drawn.scale[1]
    for each, feature in zip(drawn.communes, SOURCE, strict=True):
        found = sum(area(ring) for ring in drawn_rings(each.path))
        rings = [ring for polygon in feature["geometry"]["coordinates"] for ring in polygon]
        true = sum(area([tuple(place) for place in ring]) for ring in rings) * per_degree
        assert found == pytest.approx(true, rel=0.06), each.name


def test_neighbours_share_their_border() -> None:
    drawn = contours.load()
    sides: dict[frozenset[tuple[int, int]], int] = {}
    for each in drawn.communes:
        for ring in drawn_rings(each.path):
            for edge in edges(ring):
                sides[edge] = sides.get(edge, 0) + 1
    assert set(sides.values()) == {1, 2}
    # The edges with one side are one closed line round the whole block: no gap inside.
    outer = {edge for edge, count in sides.items() if count == 1}
    lines = list(contours._chains(outer))
    assert [line[0] == line[-1] for line in lines] == [True]


def test_borders_are_where_two_intercommunalities_meet() -> None:
    drawn = contours.load()
    lines = {frozenset(pair) for line in drawn_rings(drawn.borders) for pair in pairwise(line)}
    of: dict[frozenset[tuple[int, int]], set[str]] = {}
    for each in drawn.communes:
        for ring in drawn_rings(each.path):
            for edge in edges(ring):
                of.setdefault(edge, set()).add(each.epci)
    between = {edge for edge, epcis in of.items() if len(epcis) == 2}
    assert between <= lines
    sides: dict[frozenset[tuple[int, int]], int] = {}
    for each in drawn.communes:
        for ring in drawn_rings(each.path):
            for edge in edges(ring):
                sides[edge] = sides.get(edge, 0) + 1
    # Besides, nothing but the outer border.
    assert {sides[edge] for edge in lines - between} == {1}


def marathon(leg: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"m{leg}",
        "leg": leg,
        "state": "announced",
        "epci_siren": EPCIS[leg - 1],
        "epci_name": f"EPCI {leg}",
        "host_insee": None,
        "host_name": None,
        **more,
    }


def legs(**first: Any) -> list[dict[str, Any]]:
    return [marathon(1, **first), *(marathon(leg) for leg in range(2, 6))]


def rendered(app: Flask, marathons: list[dict[str, Any]], present: str | None) -> str:
    with app.test_request_context():
        g.language, g.visitor = "fr", ANONYMOUS
        drawn = territory_map.of_cycle(marathons, present)
        return render_template_string(TEMPLATE, map=drawn, marathons=marathons)


def test_the_map_is_light_on_the_wire(app: Flask) -> None:
    text = rendered(app, legs(), None)
    assert text.count("<title>") == 133
    assert len(text) < 45_000
    assert len(gzip.compress(text.encode())) < 16_000
    assert " style=" not in text


def test_a_known_host_town_is_marked_with_its_leg(app: Flask) -> None:
    host = next(c for c in contours.load().communes if c.epci == EPCIS[0])
    known = legs(host_insee=host.insee, host_name=host.name, state="closed")
    drawn = territory_map.of_cycle(known, None)
    assert drawn is not None
    assert (drawn.marks[0].kind, drawn.marks[0].path) == ("past", host.path)
    assert [mark.kind for mark in drawn.marks[1:]] == ["secret"] * 4
    running = legs(host_insee=host.insee, host_name=host.name, state="running")
    on_stage = territory_map.of_cycle(running, "m1")
    assert on_stage is not None
    assert on_stage.marks[0].kind == "now"


def test_a_secret_host_town_is_drawn_like_all_others(app: Flask) -> None:
    # The public view of a marathon with a secret host has no host in it: the map has nothing
    # else to draw from, and marks the middle of the intercommunality.
    text = rendered(app, legs(), None)
    assert 'class="host' not in text
    middles = {mark.at for mark in territory_map.of_cycle(legs(), None).marks}  # type: ignore[union-attr]
    assert len(middles) == 5


def test_another_territory_has_no_map() -> None:
    assert territory_map.of_cycle([{"epci_siren": "1", "leg": 1}], None) is None
