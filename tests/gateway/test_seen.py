"""Pages on which two people change the same thing: the second is told, and loses nothing."""

from __future__ import annotations

import html
import re
from functools import partial
from pathlib import Path

import pytest

from services.chassis.actor import Actor
from tests.gateway.crawl import Visitor, gateway_of
from tests.gateway.stage import bearer
from tests.gateway.test_non_interference import ALL
from tests.harness import Troupe
from tests.journeys.tour import JURORS, LEGS, LENGTH, STARTS, Tour, cycle_file

LEG = LEGS[0]
CHANGED = "Quelqu’un d’autre a modifié ceci entre-temps"
SEEN = re.compile(r'name="seen" value="(\w{32})"')


class Browser:
    """Somebody with a form open."""

    def __init__(self, tour: Tour, who: Visitor, path: str) -> None:
        self.client = gateway_of(tour.troupe, [who]).test_client()
        self.headers = bearer(who.name)
        self.path = path
        self.shown = self.client.get(path, headers=self.headers).text

    def send(self, **typed: str) -> int:
        """Sends the form as it stands, with these fields; its status."""
        (seen,) = SEEN.findall(self.shown)
        data = {"seen": seen, **typed}
        answer = self.client.post(self.path, data=data, headers=self.headers)
        if answer.status_code != 303:
            self.shown = html.unescape(answer.text)
        return answer.status_code


@pytest.fixture
def tour(tmp_path: Path) -> Tour:
    """A marathon that is prepared."""
    made = Tour(Troupe(tmp_path))
    made.call("registration", "open_cycle", file=cycle_file())
    made.until("mobilised", partial(made.is_in, LEG, "mobilised"))
    made.mobilise(LEG, STARTS[0])
    return made


def must_be_told(first: Browser, second: Browser, mine: dict[str, str], kept: str) -> None:
    """Both have the form open: one saves, the other is told, sends again and wins knowingly."""
    assert first.send(**mine) == 303
    assert second.send(**mine) == 412
    assert CHANGED in second.shown
    assert kept in second.shown
    assert second.send(**mine) == 303


def test_of_two_grids_the_second_is_told(tour: Tour) -> None:
    path = f"/bureau/marathons/{LEG}/grille"
    typed = {"criteria.0.label": "Mien", "criteria.0.weight": "3", "criteria.0.scale_max": "10"}
    one, other = Browser(tour, ALL, path), Browser(tour, ALL, path)
    must_be_told(one, other, typed, 'value="Mien"')
    (criterion,) = tour.ask("jury", "get_grid", marathon=LEG)["criteria"]
    assert (criterion["label"], criterion["weight"]) == ("Mien", 3)


def test_of_two_cards_of_one_juror_the_second_is_told(tour: Tour) -> None:
    run(tour)
    juror = Visitor(JURORS[0], tour.key(JURORS[0]), frozenset({("juror", LEG)}))
    project = tour.projects(LEG)["Laine"]
    path = f"/marathons/{LEG}/jury/{project}"
    typed = {"values.idee": "7", "values.lieu": "8", "comment": "Du soin."}
    one, other = Browser(tour, juror, path), Browser(tour, juror, path)
    must_be_told(one, other, typed, "Du soin.</textarea>")
    who = Actor(juror.key, juror.name, juror.roles)
    mine = tour.ask("jury", "my_scorecard", who, marathon=LEG, project=project)
    assert [version["version"] for version in mine["versions"]] == [1, 2]


def test_of_two_deliberations_the_second_is_told(tour: Tour) -> None:
    run(tour)
    projects = tour.projects(LEG)
    for juror in JURORS:
        for place, project in enumerate(projects.values()):
            tour.score(LEG, juror, project, place + 1)
    tour.at(STARTS[0] + LENGTH)
    tour.until("it has ended", partial(tour.is_in, LEG, "ended"))
    path = f"/bureau/marathons/{LEG}/deliberation"
    one, other = Browser(tour, ALL, path), Browser(tour, ALL, path)
    typed = {f"rank.{projects['Laine']}": "1", "reason": "Coup de cœur."}
    must_be_told(one, other, typed, "Coup de cœur.</textarea>")


def run(tour: Tour) -> None:
    """The marathon is running."""
    tour.at(STARTS[0])
    tour.until("it runs", partial(tour.is_in, LEG, "running"))
