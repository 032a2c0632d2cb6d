"""The pages over what the four services really answer, from the mobilisation to the relay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from jinja2 import StrictUndefined

from gateway.app import create_app
from tests.gateway.stage import TroupeCaller
from tests.harness import Troupe
from tests.journeys.tour import CYCLE, LEGS, STARTS, Tour, cycle_file

LEG = LEGS[0]
HOME, MARATHON, RESULTS = "/", f"/marathons/{LEG}", f"/marathons/{LEG}/resultats"
POTERIE, JARDIN, LAINE = "Poterie", "Jardin", "Laine"


class Sightseeing(Tour):
    """Plays the first leg and looks at every page at each of its moments."""

    def __init__(self, troupe: Troupe) -> None:
        super().__init__(troupe)
        app = create_app(troupe.settings, TroupeCaller(troupe, deliver=False))
        # A page that names a field which no answer has shall fail here.
        app.jinja_env.undefined = StrictUndefined
        self.client = app.test_client()
        self.memory = app.extensions["memory"]
        self.seen: dict[str, dict[str, str]] = {}

    def play(self) -> None:
        """One leg, and the relay to the next."""
        self.look("nothing")
        self.call("registration", "open_cycle", file=cycle_file())
        self.until("it is mobilised", lambda: self.is_in(LEG, "mobilised"))
        self.look("mobilised")
        self.mobilise(LEG, STARTS[0])
        self.look("prepared")
        self.run(LEG, STARTS[0])
        self.settle()
        self.look("ended")
        self.close(LEG)
        self.pass_on(LEG)
        self.settle()
        self.look("closed")

    def ballots(self, leg: str, projects: dict[str, str]) -> None:
        """The ballots, then a look while the poll is open."""
        super().ballots(leg, projects)
        self.look("running")

    def look(self, moment: str) -> None:
        """Every page that there is now, as a visitor who is not signed in sees it."""
        self.memory.forget()  # the next look is at another moment
        there = moment != "nothing"
        paths = [HOME, *([f"/cycles/{CYCLE}", MARATHON, RESULTS] if there else [])]
        projects = self.projects(LEG) if there else {}
        pages = {path: path for path in paths}
        pages.update({title: f"/projets/{project}" for title, project in projects.items()})
        answers = {name: self.client.get(path) for name, path in pages.items()}
        assert {name: each.status_code for name, each in answers.items()} == dict.fromkeys(
            pages, 200
        )
        self.seen[moment] = {name: each.text for name, each in answers.items()}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    folder: Path = tmp_path_factory.mktemp("sightseeing")
    troupe = Troupe(folder)
    tour = Sightseeing(troupe)
    tour.play()
    yield tour.seen
    troupe.close()


def test_no_part_of_a_page_is_ever_missing(seen: dict[str, dict[str, str]]) -> None:
    assert set(seen) == {"nothing", "mobilised", "prepared", "running", "ended", "closed"}
    for pages in seen.values():
        for text in pages.values():
            assert "momentanément indisponible" not in text


def test_home_follows_the_relay(seen: dict[str, dict[str, str]]) -> None:
    assert "Aucun cycle" in seen["nothing"][HOME]
    assert "Étape 1 sur 2" in seen["running"][HOME]
    assert "Le vote du public est ouvert" in seen["running"][HOME]
    assert "Étape 2 sur 2" in seen["closed"][HOME]
    assert RESULTS in seen["closed"][HOME]


def test_projects_are_shown_once_they_are_announced(seen: dict[str, dict[str, str]]) -> None:
    assert POTERIE not in seen["mobilised"][MARATHON]
    work = ("2 équipes y travaillent", "2 équipes y ont travaillé")
    for moment, over in [("prepared", 0), ("running", 0), ("ended", 1), ("closed", 1)]:
        text = seen[moment][MARATHON]
        assert text.count(f">{POTERIE}</a>") == 1
        # The team that was disqualified has given its place back.
        assert [text.count(work[0]), text.count(work[1])][over] >= 1
        assert text.count(work[1 - over]) == 0
        assert "Ancienne mercerie" in text


def test_no_count_is_shown_before_the_count(seen: dict[str, dict[str, str]]) -> None:
    assert "7 personnes ont déjà voté" in seen["running"][MARATHON]
    assert "personne n’en connaît le résultat" in seen["running"][RESULTS]
    assert "<table>" not in seen["running"][RESULTS]
    # Poterie has three votes two went to Jardin; Laine's one is spoilt.
    for moment in ("ended", "closed"):
        assert '<td class="number">3</td>' in seen[moment][RESULTS]
        assert '<td class="number">2</td>' in seen[moment][RESULTS]


def test_awards_are_shown_once_they_are_published(seen: dict[str, dict[str, str]]) -> None:
    assert "pas encore publié" in seen["ended"][RESULTS]
    text = seen["closed"][RESULTS]
    assert "pas encore publié" not in text
    assert "Loyer" in text
    assert "Loyer" in seen["closed"][POTERIE]
    assert [name for name, text in seen["closed"].items() if "rang 1" in text] == [POTERIE]
    assert "Prix du public" in seen["closed"][POTERIE]
    assert "Prix du public" not in seen["closed"][JARDIN].split("<main")[1].split("Le prix")[0]


def test_disqualified_team_has_no_rank(seen: dict[str, dict[str, str]]) -> None:
    assert "Disqualifié" in seen["closed"][LAINE]
    assert "rang " not in seen["closed"][LAINE]
    podium = seen["closed"][RESULTS].split('class="podium"')[1].split("</ol>")[0]
    assert LAINE not in podium


def test_hours_are_those_of_paris(seen: dict[str, dict[str, str]]) -> None:
    assert STARTS[0] == datetime.fromisoformat("2026-04-01T09:00:00+00:00")
    assert "mercredi 1er avril 2026 à 11\u00a0h" in seen["running"][MARATHON]
