"""Legs that others operate: on every page that shows the cycle, and with nothing to do here."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.site import relay_way
from gateway.site.laurels import of_marathon
from gateway.site.operators import elsewhere, safe_url
from services.chassis.errors import NotFound
from tests.gateway import samples
from tests.gateway.stage import StandIn, bearer, person
from tests.gateway.test_pages import Page, season

URL = "https://confluent.example.org/relais"
SHOWN: dict[str, Any] = {
    "number": 2,
    "digest": "ab" * 32,
    "ranks": [{"rank": 1, "projects": ["Le <four>", "La laine"]}, {"rank": 3, "projects": ["X"]}],
    "prizes": [{"prize": "Six mois de loyer", "project": "La laine"}],
    "public_winners": ["Le vélo"],
}


def operated(leg: int, url: str | None = URL, **more: Any) -> dict[str, Any]:
    """A leg that another instance operates."""
    operator = {"name": "confluent", "title": "CC du Confluent", "url": url, "elsewhere": True}
    shown = {"palmares_shown": SHOWN} if leg == 2 else {"palmares_shown": None}
    return {**samples.marathon(leg), "operator": operator, **shown, **more}


def home(leg: int) -> dict[str, Any]:
    """A leg of this instance."""
    operator = {"name": "fumel", "title": "CC Fumel", "url": None, "elsewhere": False}
    return {**samples.marathon(leg), "operator": operator, "palmares_shown": None}


@pytest.fixture
def caller(caller: StandIn) -> StandIn:
    """A season of which legs 2 and 4 are elsewhere; 4 has no public host yet."""
    season(caller)
    legs = [home(1), operated(2), home(3), operated(4), home(5)]
    caller.answers["registration.get_cycle"] = {**samples.cycle(), "marathons": legs}
    caller.answers["registration.get_marathon"] = lambda wanted: legs[
        int(wanted["marathon"][-1]) - 1
    ]
    titles = {name: title for name, title, _pitch in samples.PROJECTS}
    published = samples.palmares()
    for line in (*published["ranks"], *published["prizes"]):
        line["project_title"] = titles[line["project"]]
    caller.answers["jury.get_palmares"] = published
    return caller


def text_of(client: FlaskClient, path: str, **how: Any) -> str:
    """A page with plain blanks."""
    answer = client.get(path, **how)
    assert answer.status_code == 200
    return answer.text.replace("\u00a0", " ").replace("\u202f", " ")


def words_of(text: str) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def test_the_cycle_shows_whose_leg_it_is_and_who_won(client: FlaskClient, caller: StandIn) -> None:
    text = text_of(client, "/")
    links = [each for each in Page(client.get("/").text).all("a") if each["href"] == URL]
    assert len(links) == 2
    assert {each["rel"] for each in links} == {"noopener"}
    words = words_of(text)
    assert "Organisé par CC du Confluent, sur son site" in words
    assert "Premier du jury : Le <four>, La laine Prix du public : Le vélo" in words
    # A leg of this instance, from its own jury.
    assert "Premier du jury : Le Vélo du Lot Prix du public : L’Épicerie des voisins" in words


def test_its_page_is_short_and_there_is_nothing_to_do(client: FlaskClient, caller: StandIn) -> None:
    caller.asked.clear()
    for service in ("venues", "voting", "jury"):
        for door in ("list_allocations", "get_poll", "get_palmares", "get_results"):
            caller.answers[f"{service}.{door}"] = NotFound("marathon", "x")
    answer = client.get(f"/marathons/{samples.CYCLE}-2")
    assert answer.status_code == 200
    page = Page(answer.text)
    main = answer.text.split("<main")[1].split("</main>")[0]
    assert "<form" not in main
    assert not any("/faire/" in (each["href"] or "") for each in page.all("a"))
    assert not any("/voter" in (each["href"] or "") for each in page.all("a"))
    assert [each["rel"] for each in page.all("a") if each["href"] == URL] == ["noopener"]
    words = words_of(main)
    assert "Le <four>" in words
    assert "Six mois de loyer" in words
    assert "<four>" not in main
    assert SHOWN["digest"] in words
    # Nobody here was asked for what nobody here knows of.
    assert {door.split(".")[0] for door, *_rest in caller.asked} == {"registration"}


def test_the_results_of_a_leg_elsewhere_are_on_its_page(
    client: FlaskClient, caller: StandIn
) -> None:
    one = client.get(f"/marathons/{samples.CYCLE}-2").text
    other = client.get(f"/marathons/{samples.CYCLE}-2/resultats").text
    assert one.split("<main")[1].split("</main>")[0] == other.split("<main")[1].split("</main>")[0]


def test_a_host_that_is_not_revealed_elsewhere_is_secret_here(
    client: FlaskClient, caller: StandIn
) -> None:
    words = words_of(text_of(client, f"/marathons/{samples.CYCLE}-4"))
    assert "Ville hôte Bientôt révélée" in words
    home_words = words_of(text_of(client, "/"))
    assert "Étape 4, ville hôte secrète : Annoncé." in home_words
    assert text_of(client, "/").count("station-secret") == 2


def test_a_leg_elsewhere_on_stage_is_shown_without_its_poll(
    client: FlaskClient, caller: StandIn
) -> None:
    legs = [home(1), home(2), operated(3), home(4), home(5)]
    caller.answers["registration.get_cycle"] = {**samples.cycle(), "marathons": legs}
    caller.asked.clear()
    text = text_of(client, "/")
    assert "Le vote du public est ouvert" not in text
    assert "voting.get_poll" not in {door for door, *_rest in caller.asked}
    assert "Organisé par CC du Confluent" in words_of(text)


def test_no_project_is_registered_here_for_a_leg_elsewhere(
    client: FlaskClient, caller: StandIn
) -> None:
    legs = [home(1), operated(3, state="mobilised"), {**home(5), "state": "mobilised"}]
    caller.answers["registration.get_cycle"] = {**samples.cycle(), "marathons": legs}
    caller.answers["registration.my_data"] = {}
    caller.answers["venues.list_premises"] = []
    caller.people["odile"] = person()
    text = text_of(client, "/moi", headers=bearer("odile"))
    assert f"marathon={samples.CYCLE}-5" in text
    assert f"marathon={samples.CYCLE}-3" not in text


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (URL, URL),
        ("http://x.example.org:8080/a?b=c", "http://x.example.org:8080/a?b=c"),
        ("javascript:alert(1)", ""),
        ("JavaScript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//x.example.org", ""),
        ("/moi", ""),
        ("ftp://x.example.org", ""),
        ("https://", ""),
        ("https://fumel.example.org@x.example.org/", ""),
        ("https://x.example.org\\@y.example.org", ""),
        ("https://x.exam ple.org", ""),
        ("https://x.example.org\n", ""),
        ("https://[x", ""),
        ("https://x.example.org:99999999/", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_only_a_web_address_becomes_a_link(url: str | None, found: str) -> None:
    assert safe_url(url) == found


def test_without_an_address_there_is_the_name_alone(client: FlaskClient, caller: StandIn) -> None:
    legs = [home(1), operated(2, url="javascript:alert(1)")]
    caller.answers["registration.get_cycle"] = {**samples.cycle(), "marathons": legs}
    caller.answers["registration.get_marathon"] = legs[1]
    for path in ("/", f"/marathons/{samples.CYCLE}-2"):
        text = text_of(client, path)
        assert "javascript:" not in text
        assert "Organisé par CC du Confluent, sur son propre site" in words_of(text)


def test_what_is_at_home_is_nobody_elses() -> None:
    assert elsewhere(home(1)) is None
    assert elsewhere(samples.marathon(1)) is None
    assert elsewhere(None) is None


def test_no_awards_no_laurels() -> None:
    assert of_marathon(operated(4)) is None
    # The digest came with a grant, the notice with the titles is still on its way.
    assert of_marathon(operated(2, palmares_shown=None)) is None


# --- the way ------------------------------------------------------------------------------


def test_the_way_goes_as_far_as_the_relay_has_come() -> None:
    legs = [
        samples.marathon(1),
        {**samples.marathon(2), "state": "cancelled"},
        samples.marathon(3),
        {**samples.marathon(4), "host_name": "Monflanquin"},
        samples.marathon(5),
    ]
    way = relay_way.of_cycle(legs, legs[2]["id"])
    assert [one.kind for one in way.stations] == ["past", "cancelled", "now", "next", "secret"]
    assert [one.travelled for one in way.stretches] == [True, True, False, False]
    assert len({(one.x, one.y) for one in way.stations}) == 5
    assert all(17 < one.x < way.width - 17 and 17 < one.y < way.height - 17 for one in way.stations)


def test_the_way_of_no_leg_and_of_one() -> None:
    assert relay_way.of_cycle([], None).stations == ()
    one = relay_way.of_cycle([samples.marathon(3)], None)
    assert (len(one.stations), one.stretches) == (1, ())


def test_the_way_is_told_in_words(client: FlaskClient, caller: StandIn) -> None:
    words = words_of(text_of(client, "/"))
    assert "Le parcours du relais" in words
    assert "Étape 1, Monsempron-Libos : Terminé." in words
    assert "Étape 5, ville hôte secrète : Annoncé." in words
