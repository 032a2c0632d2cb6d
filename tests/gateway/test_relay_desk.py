"""The relay on the desks of several instances: coming, going, refused, stuck; in plain words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gateway.desk import partners
from gateway.desk.next_step import next_step
from services.registration.partners.package import VERDICTS
from tests.gateway.crawl import Visitor, gateway_of
from tests.gateway.stage import TroupeCaller, bearer, parts_of
from tests.registration.partners.stage import CYCLE, Instance, Partners

KEY = re.compile(r'name="form_key" value="(\w+)"')


def organiser(leg: int) -> Visitor:
    """The organiser of one leg."""
    return Visitor(f"organiser-{leg}", f"key-{leg}", frozenset({("organiser", f"{CYCLE}-{leg}")}))


JOINT = Visitor("joint", "key-joint", frozenset({("organiser", None)}))


def site(instance: Instance) -> Flask:
    """The gateway of an instance that has registration alone."""
    app = gateway_of(instance.troupe, [organiser(leg) for leg in range(1, 4)] + [JOINT])
    caller = parts_of(app).caller
    assert isinstance(caller, TroupeCaller)
    caller.away |= {"venues", "voting", "jury"}
    return app


class Desk:
    """The relay's page of a leg, as its organiser sees it."""

    def __init__(self, instance: Instance, leg: int, who: Visitor | None = None) -> None:
        self.app = site(instance)
        self.leg = leg
        self.headers = bearer((who or organiser(leg)).name)
        self.path = f"/bureau/marathons/{CYCLE}-{leg}/relais"

    def words(self, path: str = "") -> str:
        """The words of the page's own part."""
        answer = self.app.test_client().get(path or self.path, headers=self.headers)
        assert answer.status_code == 200
        return words_of(answer)

    def address(self, action: str) -> str:
        """Where the page's link to an action leads; empty where there is none."""
        text = self.app.test_client().get(self.path, headers=self.headers).text
        found = re.search(rf'href="(/faire/{action}[^"]*)"', text)
        return html.unescape(found[1]) if found else ""

    def do(self, action: str, **typed: str) -> TestResponse:
        """Follows the link and sends the form."""
        address = self.address(action)
        assert address, f"no link to {action}"
        client = self.app.test_client()
        shown = client.get(address, headers=self.headers)
        assert shown.status_code == 200
        query = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown.text))
        (key,) = KEY.findall(shown.text)
        data = {**{k: html.unescape(v) for k, v in query.items()}, "form_key": key, **typed}
        return client.post(f"/faire/{action}", data=data, headers=self.headers)


def words_of(answer: TestResponse) -> str:
    """What one reads of a page between its top and its bottom."""
    main = answer.text.split("</header>")[1].split("<footer")[0]
    plain = html.unescape(re.sub(r"<[^>]+>", " ", main))
    return re.sub(r"\s+", " ", plain.replace("\u00a0", " ").replace("\u202f", " "))


def offered(folder: Path) -> Partners:
    """Three instances; the first leg is closed, and its relay offered to the second."""
    made = Partners(folder, ["fumel", "confluent", "villeneuve"])
    made.open()
    made["fumel"].mobilise(1)
    made["fumel"].close(1)
    made.quiet()
    return made


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partners]:
    """A season that is only looked at."""
    made = offered(tmp_path_factory.mktemp("season"))
    yield made
    made.finish()


@pytest.fixture
def season(tmp_path: Path) -> Iterator[Partners]:
    """A season in which something happens."""
    made = offered(tmp_path)
    yield made
    made.finish()


def title(season: Partners, leg: int) -> str:
    """The title of a leg."""
    found = season["fumel"].call("get_marathon", marathon=f"{CYCLE}-{leg}")
    return str(found["title"])


# --- coming -------------------------------------------------------------------------------


def test_the_receiving_side_sees_who_offers_what_until_when(seen: Partners) -> None:
    words = Desk(seen["confluent"], 2).words()
    assert f"Il est proposé à ce marathon par : {title(seen, 1)} (Fumel)" in words
    assert f"Pour {title(seen, 2)}" in words
    assert "Réponse attendue avant le lundi 16 mars 2026" in words
    assert "Cette étape est close." in words
    digest = seen["fumel"].call("get_marathon", marathon=f"{CYCLE}-1")["palmares"]["digest"]
    assert f"L’empreinte de son palmarès publié : {digest}" in words
    assert "Ses réglages, si vous voulez les reprendre : Qui peut voter : Tout le monde" in words
    assert "En cas d’égalité, le prix est partagé" in words
    assert "La chaîne de 1 étape" in words
    assert "Rien sur des personnes" in words


def test_its_desk_points_there(seen: Partners) -> None:
    desk = seen["confluent"].call("get_desk", marathon=f"{CYCLE}-2")
    step = next_step(desk, seen.now)
    assert (step.page, step.words) == ("relay", "Answer the offer")


def test_accepting_passes_it_on(season: Partners) -> None:
    desk = Desk(season["confluent"], 2)
    answer = desk.do("accepter-le-relais")
    assert answer.status_code == 303
    season.quiet()
    assert season["confluent"].holds(2)
    assert "Relais reçu" in desk.words()
    assert "Le relais arrive" not in desk.words()
    going = Desk(season["fumel"], 1).words()
    assert "Relais reçu" in going
    assert "Il est arrivé." in going
    assert "Remis le 2 mars 2026" in going
    # What is granted can't be taken back, and there is no more to offer.
    assert Desk(season["fumel"], 1).address("retirer-l-offre-du-relais") == ""
    assert Desk(season["fumel"], 1).address("proposer-le-relais") == ""


def test_a_refusal_needs_a_reason_and_the_other_side_reads_it(season: Partners) -> None:
    desk = Desk(season["confluent"], 2)
    empty = desk.do("refuser-le-relais", reason="  ")
    assert empty.status_code == 422
    assert "Il reste quelque chose à remplir." in words_of(empty)
    assert 'aria-invalid="true"' in empty.text
    assert season["confluent"].relays() == [(f"{CYCLE}-2", "offered")]
    assert desk.do("refuser-le-relais", reason="La halle est en travaux.").status_code == 303
    season.quiet()
    going = Desk(season["fumel"], 1).words()
    assert "Relais refusé" in going
    assert "Motif : La halle est en travaux." in going
    # And the next host is asked by itself.
    assert f"Relais proposé · Vers {title(season, 3)} (Villeneuve)" in going
    assert "Le relais arrive" in Desk(season["villeneuve"], 3).words()
    # When all were asked, the organiser asks one again, and may think better of it.
    Desk(season["villeneuve"], 3).do("refuser-le-relais", reason="Non plus.")
    season.quiet()
    told = season["fumel"].call("get_desk", marathon=f"{CYCLE}-1")
    assert next_step(told, season.now).sentence == (
        "The relay was refused: offer it to another host."
    )
    passing = Desk(season["fumel"], 1)
    assert passing.do("proposer-le-relais", to_marathon=f"{CYCLE}-2").status_code == 303
    season.quiet()
    assert "Le relais arrive" in desk.words()
    assert passing.do("retirer-l-offre-du-relais", reason="Erreur.").status_code == 303
    season.quiet()
    assert "Offre retirée" in passing.words()
    assert "Offre retirée" in desk.words()


# --- going --------------------------------------------------------------------------------


def test_the_passing_side_sees_it_sent(seen: Partners) -> None:
    words = Desk(seen["fumel"], 1).words()
    assert f"Relais proposé · Vers {title(seen, 2)} (Confluent)" in words
    # Handed to a broker of one's own: whether it has arrived, its answer will show.
    assert "Envoyé le 2 mars 2026" in words
    assert "rien ne montre encore qu’il est arrivé" in words
    assert "Remis le" not in words
    assert "ensuite, la ville suivante est sollicitée." in words


def test_what_is_not_delivered_is_said(tmp_path: Path) -> None:
    made = Partners(tmp_path, ["fumel", "confluent"])
    made.open()
    made["fumel"].mobilise(1)
    made["fumel"].close(1)
    words = Desk(made["fumel"], 1).words()
    made.finish()
    assert "Pas encore remis ; l’envoi se répète tout seul." in words
    assert "attendent leur réponse, depuis le 2 mars 2026" in words


def test_an_offer_that_runs_out_is_said(season: Partners) -> None:
    season.move(timedelta(days=15))
    season.quiet()
    words = Desk(season["fumel"], 1).words()
    assert f"Sans réponse à temps · Vers {title(season, 2)} (Confluent)" in words
    assert f"Relais proposé · Vers {title(season, 3)} (Villeneuve)" in words


# --- the joint body -----------------------------------------------------------------------


def test_the_joint_body_alone_gives_it_elsewhere(season: Partners) -> None:
    assert Desk(season["fumel"], 1).address("reattribuer-le-relais") == ""
    assert Desk(season["confluent"], 2, JOINT).address("reattribuer-le-relais") == ""
    joint = Desk(season["fumel"], 1, JOINT)
    assert "Quand le relais est bloqué" in joint.words()
    unsaid = joint.do("reattribuer-le-relais", to_marathon=f"{CYCLE}-3", reason="")
    assert unsaid.status_code == 422
    done = joint.do(
        "reattribuer-le-relais", to_marathon=f"{CYCLE}-3", reason="Confluent ne répond pas."
    )
    assert done.status_code == 303
    season.quiet()
    assert season["villeneuve"].holds(3)
    words = Desk(season["confluent"], 2).words()
    assert "par décision du syndicat mixte Confluent ne répond pas." in words


def test_unheard_partners_are_named_and_explained(season: Partners) -> None:
    season["fumel"].restart()
    joint = Desk(season["fumel"], 1, JOINT)
    words = joint.words()
    assert "n’ont pas encore répondu : Confluent, Villeneuve." in words
    typed = {"to_marathon": f"{CYCLE}-3", "reason": "Bloqué."}
    refused = joint.do("reattribuer-le-relais", **typed)
    assert refused.status_code == 409
    assert "Trop peu de partenaires ont dit" in words_of(refused)
    assert "Même si tous n’ont pas été entendus" in words_of(refused)
    assert "Appelez d’abord ses organisateurs." in words_of(refused)
    assert "Bloqué.</textarea>" in refused.text
    assert joint.do("reattribuer-le-relais", even_unheard="true", **typed).status_code == 303


# --- partners -----------------------------------------------------------------------------


def test_partners_and_what_was_refused_are_in_plain_words(season: Partners) -> None:
    sent = [one for one in season.sent if one.recipient == "confluent"][-1]
    forged = {**sent.document, "to": "confluent", "body": {**sent.document["body"], "x": 1}}
    season["confluent"].receive(forged, "fumel")
    season["confluent"].receive({**sent.document, "from": "nobody"}, None)
    words = Desk(season["confluent"], 2).words()
    assert "Les instances partenaires" in words
    assert "Dernières nouvelles le 2 mars 2026" in words
    assert "Un paquet au nom de Fumel a été refusé : " in words
    assert "Un paquet d’un expéditeur inconnu a été refusé : son expéditeur n’est pas" in words
    text = Desk(season["confluent"], 2)
    page = text.app.test_client().get(text.path, headers=text.headers).text
    assert re.search(r'<a href="https://fumel.example.org" rel="noopener">', page)


@pytest.mark.parametrize(
    "verdict", [one for one in VERDICTS if one not in ("accepted", "repeated")]
)
def test_every_verdict_has_its_words(verdict: str, app: Flask) -> None:
    with app.test_request_context():
        app.preprocess_request()
        assert partners.verdict(verdict) != verdict
        line: dict[str, Any] = {"partner": "x", "verdict": verdict, "number": 3}
        assert partners.sentence(line, {"x": "Ici"}).startswith("3 paquets")


# --- a leg elsewhere ----------------------------------------------------------------------


def test_the_desk_of_a_leg_elsewhere_can_only_be_looked_at(seen: Partners) -> None:
    joint = Desk(seen["fumel"], 2, JOINT)
    words = joint.words(f"/bureau/marathons/{CYCLE}-2")
    assert "conduite sur une autre instance" in words
    assert "Confluent conduit cette étape sur son propre site" in words
    assert "Choisir la ville hôte" not in words
    assert "Dates et réglages" not in words
    # Nor is the offer that it made to that leg answered here.
    assert joint.address("accepter-le-relais") == ""
    assert joint.address("refuser-le-relais") == ""


def test_a_leg_elsewhere_is_not_closed_here(seen: Partners) -> None:
    joint = Desk(seen["fumel"], 2, JOINT)
    words = joint.words(f"/bureau/marathons/{CYCLE}-2/cloture")
    assert "conduite sur une autre instance" in words
    assert "Clôturer définitivement" not in words


def test_the_public_pages_of_a_leg_elsewhere_are_there(seen: Partners) -> None:
    app = site(seen["confluent"])
    answer = app.test_client().get(f"/marathons/{CYCLE}-1")
    assert answer.status_code == 200
    assert 'href="https://fumel.example.org"' in answer.text
    assert "Vers le site de Fumel" in words_of(answer)
    assert "Organisé par Fumel" in words_of(app.test_client().get("/"))
