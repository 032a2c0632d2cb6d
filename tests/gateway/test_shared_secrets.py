"""Nothing leaks between instances: two runs that differ in secret host towns alone, one of a leg
of this instance and one of a leg elsewhere, look the same on every surface here (RULES C4)."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.registration.partners import keys
from tests.gateway.crawl import Chance, Surface, Visitor, events_of, gateway_of, look
from tests.gateway.test_non_interference import ALL, differing
from tests.harness import Troupe
from tests.journeys.tour import LEGS, Tour, cycle_file
from tests.registration.partners.stage import Instance, Parcel, key_of

HOME, THERE = "fumel", "confluent"
ELSEWHERE, OURS = LEGS[1], "essai-3"
VISITORS = (
    Visitor("stranger", "stranger-key"),
    Visitor("first", "first-key", frozenset({("organiser", LEGS[0])})),
    ALL,
)


class Home(Instance):
    """An instance with all four services, seen by its partners as any other."""

    def __init__(self, troupe: Troupe) -> None:
        self.name = HOME
        self.troupe = troupe
        self.player = troupe.registration


def shared_file() -> dict[str, Any]:
    """Three legs: the second is operated elsewhere; no host but the first is in the file."""
    file = cycle_file()
    third = {**file["legs"][1], "leg": 3, "epci": "200023307"}
    file["legs"] = [file["legs"][0], {**file["legs"][1], "finale": False}, third]
    for leg, operator in zip(file["legs"], (HOME, THERE, HOME), strict=True):
        leg["operated_by"] = operator
    for leg in file["legs"][1:]:
        del leg["host"]
    file["partners"] = [
        {
            "name": name,
            "title": name.title(),
            "url": f"https://{name}.example.org",
            "public_key": keys.encode(key_of(name).public),
        }
        for name in (HOME, THERE)
    ]
    return file


class Run:
    """Both instances with these secrets, and all that there is to see at home."""

    def __init__(self, where: Path, ours: str, theirs: str) -> None:
        logged = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(logged):
            Chance(7).into(patch)
            key_file = where / "relay.pem"
            keys.save_private(key_of(HOME), key_file)
            self.troupe = Troupe(where, instance=HOME, relay_key_file=key_file)
            self.home, self.there = Home(self.troupe), Instance(THERE, where)
            self.parcels: list[Parcel] = []
            tour = Tour(self.troupe)
            for instance in (self.home, self.there):
                instance.open(shared_file())
            self.there.call("set_host", marathon=ELSEWHERE, insee=theirs)
            self.home.call("set_host", marathon=OURS, insee=ours)
            self.carry()
            tour.until("mobilised", partial(tour.is_in, LEGS[0], "mobilised"))
            self.carry()
            self.look()
            self.events = events_of(self.troupe)
        self.logged = [
            " ".join(w for w in line.split()[2:] if not w.startswith(("ms=", "correlation=")))
            for line in logged.getvalue().splitlines()
        ]

    def carry(self) -> None:
        """Carries packages between the two until nothing moves any more."""
        for _ in range(20):
            self.home.tick()
            self.there.tick()
            found = [*self.home.take_due(), *self.there.take_due()]
            if not found:
                return
            self.parcels += found
            for parcel in found:
                to = self.home if parcel.recipient == HOME else self.there
                to.receive(parcel.document, parcel.sender)
        raise AssertionError("it does not become quiet")

    def look(self, people: tuple[Visitor, ...] = VISITORS) -> None:
        """What nobody and these see at home now."""
        app = gateway_of(self.troupe, people)
        self.surfaces: dict[str, Surface] = {}
        for visitor in (None, *people):
            name = visitor.name if visitor else "nobody"
            self.surfaces[name], _shown = look(app, self.troupe, visitor)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("one"), "47323", "47004")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same with other secret host towns, here and there."""
    return Run(tmp_path_factory.mktemp("other"), "47252", "47022")


def test_a_secret_host_here_or_elsewhere_shows_on_its_own_desk_alone(one: Run, other: Run) -> None:
    found = {who: differing(one.surfaces[who], other.surfaces[who]) for who in one.surfaces}
    everywhere = {path.partition("?")[0] for path in found.pop("everywhere")}
    assert found == {who: [] for who in found}
    # Of the leg here, to whoever organises all; of the leg elsewhere nothing is known here at all.
    assert f"/bureau/marathons/{OURS}" in everywhere
    assert everywhere <= {
        f"/bureau/marathons/{OURS}",
        f"/api/v1/marathons/{OURS}/desk",
        "/faire/ville-hote",
        "/faire/reglages",
    }


def test_it_is_in_no_package_event_or_log_line(one: Run, other: Run) -> None:
    documents = [[parcel.document for parcel in run.parcels] for run in (one, other)]
    assert documents[0] != []
    assert json.dumps(documents[0]) == json.dumps(documents[1])
    assert json.dumps(one.events) == json.dumps(other.events)
    assert one.logged == other.logged


def test_the_leg_elsewhere_was_looked_at(one: Run) -> None:
    status, _headers, page = one.surfaces["nobody"][f"/marathons/{ELSEWHERE}"]
    assert status == 200
    assert "Bientôt révélée" in page.decode()
    assert f"https://{THERE}.example.org" in page.decode()


def test_once_it_is_revealed_there_it_shows_here(one: Run, other: Run) -> None:
    """The comparison sees what it shall see; it comes last, for it changes what is there."""
    for run in (one, other):
        run.there.call("reveal_host", marathon=ELSEWHERE)
        run.carry()
        run.look((ALL,))
    found = {
        who: {path.partition("?")[0] for path in differing(one.surfaces[who], other.surfaces[who])}
        for who in one.surfaces
    }
    assert all({"/", f"/marathons/{ELSEWHERE}"} <= paths for paths in found.values())
    assert "Aiguillon" in one.surfaces["nobody"]["/"][2].decode()
