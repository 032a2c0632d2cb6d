"""The pages over sample answers: what they show, what they hide, what they survive."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.chassis.errors import NotFound, Refusal, Unavailable
from tests.gateway import samples
from tests.gateway.stage import StandIn, person

MARATHON = f"/marathons/{samples.CYCLE}-3"
SHARING = ("mailto:?", "sms:?", "https://wa.me/?")
PAGES = (
    "/",
    f"/cycles/{samples.CYCLE}",
    MARATHON,
    f"{MARATHON}/resultats",
    "/projets/p1",
    "/connexion",
    "/connexion/lien?token=t",
    "/vote/confirm?poll=poll1&token=t",
    "/courriels",
    "/rien",
)


def season(caller: StandIn) -> StandIn:
    """Services with a season on its way."""
    caller.answers.update(
        {
            "registration.list_cycles": [
                {"id": samples.CYCLE, "title": "x", "state": "open", "opened_at": "2023"}
            ],
            "registration.get_cycle": samples.cycle(),
            "registration.get_marathon": lambda wanted: samples.marathon(
                int(wanted["marathon"][-1])
            ),
            "registration.list_projects": samples.projects(),
            "registration.get_project": samples.projects()[0],
            "venues.list_allocations": samples.allocations(),
            "voting.get_poll": samples.poll(),
            "voting.get_results": samples.results(),
            "voting.get_record": {"record": {}, "digest": "d"},
            "jury.get_palmares": samples.palmares(),
        }
    )
    return caller


@pytest.fixture
def caller(caller: StandIn) -> StandIn:
    """Services with a season on its way."""
    return season(caller)


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("path", PAGES)
def test_page_stands_on_its_own(client: FlaskClient, caller: StandIn, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == (404 if path == "/rien" else 200)
    page = Page(answer.text)
    assert page.all("html") == [{"lang": "fr"}]
    assert len(page.all("h1")) == 1
    # A script is a file of ours that a page can do without; nothing is written into the page.
    scripts = page.all("script")
    assert all((each["src"] or "").startswith("/static/") and "defer" in each for each in scripts)
    assert page.all("style") == []
    assert [tag for tag in page.tags if "style" in tag[1]] == []
    assert [tag for tag in page.tags if any(name.startswith("on") for name in tag[1])] == []
    addresses = [
        attributes.get(name) or ""
        for _tag, attributes in page.tags
        for name in ("href", "src", "action")
        if name in attributes
    ]
    assert [each for each in addresses if not each.startswith(("/", "#", *SHARING))] == []
    assert page.all("a")[0]["href"] == "#main"
    ids = [attributes["id"] for _tag, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "Licence Ouverte 2.0" in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_page_has_levels_of_headings_without_gaps(
    client: FlaskClient, caller: StandIn, path: str
) -> None:
    tags = [tag for tag, _attributes in Page(client.get(path).text).tags]
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_home_shows_where_the_cycle_stands(client: FlaskClient, caller: StandIn) -> None:
    text = client.get("/").text
    assert "Étape 3 sur 5" in text
    assert text.count("Ville hôte\u00a0: bientôt révélée") == 2
    assert "du 2 au 3 juin 2023" in text
    assert 'aria-current="step"' in text


def test_home_without_a_cycle_says_so(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["registration.list_cycles"] = []
    assert "Aucun cycle" in client.get("/").text


def test_marathon_shows_projects_in_the_order_of_their_numbers(
    client: FlaskClient, caller: StandIn
) -> None:
    text = client.get(MARATHON).text
    places = [text.index(f"/projets/p{number}") for number in range(1, 7)]
    assert places == sorted(places)
    assert "1\u202f234 personnes ont déjà voté" in text
    assert text.count("3 équipes y travaillent") == 2


def test_results_show_counts_and_digests(client: FlaskClient, caller: StandIn) -> None:
    text = client.get(f"{MARATHON}/resultats").text
    assert '<td class="number">412</td>' in text
    assert samples.results()["record_digest"] in text
    assert samples.palmares()["digest"] in text
    assert text.count("ex æquo") == 2


def test_results_before_the_count_show_no_number(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["voting.get_results"] = Refusal("poll_not_counted", "Pas encore.")
    caller.answers["jury.get_palmares"] = NotFound("palmares", "x")
    text = client.get(f"{MARATHON}/resultats").text
    assert "personne n’en connaît le résultat" in text
    assert "412" not in text


@pytest.mark.parametrize("away", ["venues", "voting", "jury"])
@pytest.mark.parametrize("path", ["/", MARATHON, f"{MARATHON}/resultats", "/projets/p1"])
def test_page_shows_the_rest_when_a_service_is_away(
    client: FlaskClient, caller: StandIn, away: str, path: str
) -> None:
    asked = {door for door in caller.answers if door.startswith(away)}
    caller.answers.update({door: Unavailable(away) for door in asked})
    answer = client.get(path)
    assert answer.status_code == 200
    wanted = {door for door, *_rest in caller.asked} & asked
    assert ("momentanément indisponible" in answer.text) == bool(wanted)


def test_page_without_registration_is_503(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["registration.list_cycles"] = Unavailable("registration")
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert "Momentanément indisponible" in answer.text


def test_text_of_people_is_shown_not_run(client: FlaskClient, caller: StandIn) -> None:
    project = {**samples.projects()[0], "title": "<script>x</script>", "pitch": "<b>&"}
    caller.answers["registration.get_project"] = project
    text = client.get("/projets/p1").text
    assert "<script" not in text
    assert "&lt;script&gt;x" in text


# --- sign-in ------------------------------------------------------------------------------


def test_sign_in_by_code(client: FlaskClient, caller: StandIn) -> None:
    caller.people["s1"] = person(name="Camille")
    caller.answers["registration.sign_in"] = {"session": "s1"}
    assert "six chiffres" in client.post("/connexion", data={"email": "c@example.org"}).text
    asked = {"email": "c@example.org", "ip": "127.0.0.1", "language": "fr"}
    assert caller.asked[-1][1] == asked
    code = {"email": "c@example.org", "code": " 123 456 "}
    answer = client.post("/connexion/code", data=code)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/moi")
    assert caller.asked[-1][1] == {"email": "c@example.org", "code": "123456"}
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Camille" in client.get("/connexion").text


@pytest.mark.parametrize("path", ["/connexion/lien?token=t", "/vote/confirm?poll=poll1&token=t"])
def test_opening_a_mailed_link_uses_nothing_up(
    client: FlaskClient, caller: StandIn, path: str
) -> None:
    for method in ("GET", "HEAD", "GET"):
        answer = client.open(path, method=method)
        assert answer.status_code == 200
        assert answer.headers["Referrer-Policy"] == "strict-origin"
        assert answer.headers["Cache-Control"] == "no-store"
    assert {door for door, *_rest in caller.asked} <= {"voting.get_poll", "voting.look_at_proof"}


def test_sign_in_by_link_takes_the_button(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["registration.sign_in"] = {"session": "s1"}
    answer = client.post("/connexion/lien", data={"token": "t"})
    assert answer.status_code == 303
    assert caller.asked[-1][:2] == ("registration.sign_in", {"token": "t"})


def test_sign_in_that_fails_says_why_and_keeps_the_address(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers["registration.sign_in"] = Refusal("proof_used", "Ce code a déjà servi.")
    answer = client.post("/connexion/code", data={"email": "c@example.org", "code": "1"})
    assert answer.status_code == 409
    assert "Ce code a déjà servi." in answer.text
    assert 'value="c@example.org"' in answer.text
    assert "Set-Cookie" not in answer.headers


def test_sign_in_drops_what_the_cookie_held_before(client: FlaskClient, caller: StandIn) -> None:
    with client.session_transaction() as session:
        session.update(session="planted", other="x", language="en")
    caller.answers["registration.sign_in"] = {"session": "s1"}
    client.post("/connexion/lien", data={"token": "t"})
    with client.session_transaction() as session:
        assert {name: session[name] for name in session if name != "_permanent"} == {
            "session": "s1",
            "language": "en",
        }


def test_sign_out_ends_the_session_everywhere_it_is_known(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.people["s1"] = person()
    with client.session_transaction() as session:
        session["session"] = "s1"
    assert client.post("/deconnexion").status_code == 303
    assert caller.asked[-1][:2] == ("registration.sign_out", {"session": "s1"})
    del caller.people["s1"]
    assert client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/projets/p1", "/projets/p1"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_language_leads_back_to_this_site_only(
    client: FlaskClient, wanted: str, led_to: str
) -> None:
    answer = client.post("/langue", data={"language": "en", "next": wanted})
    assert answer.headers["Location"] == led_to


def test_language_comes_back_to_the_whole_address(client: FlaskClient) -> None:
    text = client.get("/connexion/lien?token=a%26b").text
    assert '<input type="hidden" name="next" value="/connexion/lien?token=a%26b">' in text
    wanted = {"language": "en", "next": "/connexion/lien?token=a%26b"}
    assert client.post("/langue", data=wanted).headers["Location"] == wanted["next"]
    # There is no way back to the answer of a command.
    for path in ("/connexion", "/connexion/code", "/connexion/lien", "/vote/confirm"):
        assert 'action="/langue"' not in client.post(path, data={}).text


# --- the vote -----------------------------------------------------------------------------


def test_vote_from_the_mailed_link(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["voting.exchange_proof"] = {"pass": "pp"}
    caller.answers["voting.cast"] = {"receipt": "abc-def"}
    text = client.post("/vote/confirm", data={"poll": "poll1", "token": "t", "project": "p1"}).text
    asked: list[Any] = [each[:2] for each in caller.asked[-3:-1]]
    assert asked == [
        ("voting.exchange_proof", {"poll": "poll1", "token": "t"}),
        ("voting.cast", {"poll": "poll1", "project": "p1", "pass": "pp", "ip": "127.0.0.1"}),
    ]
    assert "abc-def" in text
    assert "seul le dernier compte" in text


def test_vote_with_a_used_link_says_so(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["voting.exchange_proof"] = Refusal("proof_used", "Ce lien a déjà servi.")
    answer = client.post("/vote/confirm", data={"poll": "poll1", "token": "t"})
    assert answer.status_code == 409
    assert "Ce lien a déjà servi." in answer.text
