"""An organiser runs a marathon from the desk to its closing, by the pages alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.forms.fields import shown
from tests.journeys.browser.conftest import Visit, Visits
from tests.journeys.browser.town import LEGS, ORGANISER, Town

DESK = f"/bureau/marathons/{LEGS[0]}"
TEAMS = ("Le four commun", "La laine d’ici", "Vélos retapés")
CLOSE = "Clôturer définitivement le marathon"
JURORS = ("alix@example.org", "basile@example.org", "camille@example.org")


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "profile", ["desktop", pytest.param("phone without JavaScript", marks=pytest.mark.long)]
)
def test_a_marathon_from_the_desk_to_its_closing(
    profile: str, fresh_town: Town, visit: Visits
) -> None:
    """On a phone without scripts in the long run: forms are filled in so by all who take part, in
    ``test_people``, and the closing in ``test_closing``."""
    town = fresh_town
    with visit(profile, town) as me:
        me.sign_in(ORGANISER)
        me.page.get_by_role("link", name="Marathon 1").first.click()
        announce(me, town)
        decide_projects(me, town)
        place_teams(me, town)
        convene(me, town)
        run(me, town)
        award(me, town)
        close(me, town)


def see_the_offer(me: Visit, town: Town) -> None:
    """The page of the closing tells of the offer by itself; without scripts when asked again."""
    me.go(f"{DESK}/cloture")

    def told() -> bool:
        if not me.with_scripts:
            me.press("Actualiser")
        return me.page.get_by_text("Relais proposé").count() > 0

    town.until(told, "the offer is told of")


def test_the_desk_of_a_closed_marathon_offers_nothing_that_can_not_be_done(
    closed: Town, visit: Visits
) -> None:
    with visit("desktop", closed) as me:
        me.sign_in(ORGANISER)
        for page in ("", "/projets", "/locaux", "/jury", "/vote", "/cloture"):
            me.go(f"{DESK}{page}")
            me.look()
            assert me.page.locator("main a[href^='/faire/']").all_inner_texts() == []


def announce(me: Visit, town: Town) -> None:
    """Dates, host town, its reveal, the mobilisation."""
    me.press("Dates et réglages")
    starts = town.now() + timedelta(days=20)
    me.fill("Début des 36 heures", shown("instant", starts.isoformat()))
    me.press("Enregistrer")
    assert me.told() == "Les changements sont enregistrés."
    me.press("Choisir la ville hôte")
    me.page.get_by_label("Ville hôte").select_option("47179")
    me.press("Enregistrer")
    assert "Secrète" in me.page.content()
    me.look()
    me.press("Révéler la ville hôte")
    me.press("La révéler à tous")
    assert me.told() == "La ville hôte est maintenant publique."
    # Which was all that the mobilisation waited for.
    town.until(lambda: town.state(LEGS[0]) == "mobilised", "mobilised")


def decide_projects(me: Visit, town: Town) -> None:
    """Three projects are accepted, and all decisions published together."""
    ids = [town.team(LEGS[0], title, "submitted") for title in TEAMS]
    me.go(f"{DESK}/projets")
    for title in TEAMS:
        me.press(f"Retenir : {title}")
        me.press("Retenir")
        assert "reste secrète" in me.told()
    me.press("Publier toutes les décisions ensemble")
    me.press("Publier")
    for project in ids:
        town.post(f"/projects/{project}/confirmation")


def place_teams(me: Visit, town: Town) -> None:
    """Premises are entered for their owner and approved; every team gets a place."""
    starts = town.get(f"/marathons/{LEGS[0]}")["starts_at"]
    ends = town.get(f"/marathons/{LEGS[0]}")["ends_at"]
    me.go(f"{DESK}/locaux")
    me.press("Saisir un local pour son propriétaire")
    me.fill("Nom", "Ancienne mercerie")
    me.fill("Rue", "Rue de la Halle")
    me.fill("Code postal", "47500")
    me.page.get_by_label("Commune").select_option("47179")
    me.fill("Surface en m²", "80")
    me.fill("Nombre d’équipes possibles", "4")
    me.page.get_by_label("Accès de plain-pied").select_option("yes")
    me.page.get_by_label("Électricité").check()
    me.fill("Libre à partir de", shown("instant", starts))
    me.fill("Libre jusqu’à", shown("instant", ends))
    me.fill("Nom du propriétaire", "Fabrice Propriétaire")
    me.fill("Adresse électronique du propriétaire", "fabrice@example.org")
    me.press("Proposer mon local")
    me.press("Approuver : Ancienne mercerie")
    me.press("Approuver")
    assert me.told() == "Le local est approuvé."

    def placed() -> bool:
        me.go(f"{DESK}/locaux")
        me.press("Trouver une place à chaque équipe")
        me.press("Proposer des places")
        return me.page.locator(".badge", has_text="Proposée").count() == len(TEAMS)

    town.until(placed, "a place for every team")
    me.press("Confirmer toutes les places")
    me.press("Tout confirmer")
    assert me.page.locator(".badge", has_text="Confirmée").count() == len(TEAMS)


def convene(me: Visit, town: Town) -> None:
    """Jurors, the grid, the panel, a prize, the poll."""
    me.go(f"{DESK}/personnes")
    for juror in JURORS:
        me.press("Donner un rôle à quelqu’un")
        me.page.get_by_label("Rôle").select_option("juror")
        me.page.get_by_label("Nom", exact=True).fill(juror.partition("@")[0].title())
        me.page.get_by_label("Adresse électronique", exact=True).fill(juror)
        me.press("Donner le rôle")
    me.go(f"{DESK}/jury")
    me.press("Fixer la grille")
    me.page.get_by_label("Critère 1", exact=True).fill("Utilité")
    me.page.get_by_label("Poids du critère 1").fill("2")
    me.page.get_by_label("Critère 2", exact=True).fill("Solidité du modèle")
    me.press("Enregistrer la grille")
    assert me.page.get_by_text("Solidité du modèle").count() == 1
    me.press("Ajouter un prix")
    me.page.get_by_label("Nom", exact=True).fill("Six mois de loyer")
    me.page.get_by_label("Type de prix").select_option("rent")
    me.press("Ajouter")
    me.press("Convoquer le jury")
    me.press_until_told("Convoquer", "Le jury est convoqué.")
    me.go(f"{DESK}/vote")
    me.press("Préparer le vote du public")
    me.press_until_told("Préparer", "Le vote est prêt")


def run(me: Visit, town: Town) -> None:
    """The 36 hours: start, teams, keys, paper codes, cards."""
    town.until(
        lambda: town.get(f"/marathons/{LEGS[0]}/missing?to=running") == [], "nothing is missing"
    )
    me.go(DESK)
    me.press("Lancer les 36 heures")
    me.press("Faire avancer")
    starts = town.get(f"/marathons/{LEGS[0]}")["starts_at"]
    town.move_clock(datetime.fromisoformat(starts))
    town.until(lambda: town.state(LEGS[0]) == "running", "running")
    # Twenty days have passed, and a session lasts fourteen.
    me.sign_in(ORGANISER)
    me.go(f"{DESK}/projets")
    me.press(f"L’équipe est là : {TEAMS[0]}")
    me.press("Présente")
    assert me.told() == "L’équipe est accueillie."
    me.go(f"{DESK}/vote")
    town.until(lambda: town.get(f"/marathons/{LEGS[0]}/poll")["open"], "the poll is open")
    me.press("Éditer des codes papier")
    me.fill("Lieu", "Mairie")
    me.fill("Nombre de codes", "3")
    me.press("Éditer les codes")
    codes = me.page.locator(".codes code").all_inner_texts()
    assert len(codes) == 3
    me.look()
    poll = town.get(f"/marathons/{LEGS[0]}/poll")
    winner = next(one["id"] for one in poll["candidates"] if one["title"] == TEAMS[1])
    for code in codes[:2]:
        town.post(f"/polls/{poll['id']}/ballots", code=code, project=winner)


def award(me: Visit, town: Town) -> None:
    """The end: cards are in, the jury departs from nothing, a prize, the awards."""
    ends = town.get(f"/marathons/{LEGS[0]}")["ends_at"]
    town.move_clock(datetime.fromisoformat(ends))
    town.until(lambda: town.state(LEGS[0]) == "ended", "ended")
    town.until(lambda: town.ask("GET", f"/marathons/{LEGS[0]}/poll/results").ok, "counted")
    me.go(DESK)
    me.press("Vers la page du jury")
    me.press("Enregistrer la délibération")
    me.look()
    me.page.get_by_label(f"Rang décidé pour {TEAMS[0]}").fill("1")
    me.press("Enregistrer la délibération")
    # A rank that no card says needs a reason; what was typed is still there.
    assert me.page.get_by_label(f"Rang décidé pour {TEAMS[0]}").input_value() == "1"
    me.look()
    me.fill("Motif, si un rang diffère", "Le jury a visité le four.")
    me.press("Enregistrer la délibération")
    assert "1 · Le four commun" in me.page.locator(".ranking").inner_text()
    me.press("Attribuer : Six mois de loyer")
    me.page.get_by_label("Projet").select_option(label=TEAMS[0])
    me.press("Attribuer")
    me.press("Publier le palmarès")
    me.press_until_told("Publier", "Le palmarès est public.")
    me.look()


def close(me: Visit, town: Town) -> None:
    """The closing passes the relay on, which the next marathon's desk accepts."""
    town.until(lambda: town.state(LEGS[0]) == "deliberated", "deliberated")
    me.go(DESK)
    me.press("Vers la clôture")
    me.look()
    town_name = "Pour clôturer, tapez le nom de la ville hôte"
    me.fill(town_name, "Monflanquin")
    me.press(CLOSE)
    assert "rien n’a été clôturé" in me.page.get_by_role("alert").inner_text()
    assert me.page.get_by_label(town_name).input_value() == "Monflanquin"
    me.look()
    assert town.state(LEGS[0]) == "deliberated"
    me.fill(town_name, "monsempron libos")
    me.press(CLOSE)
    assert "Ce marathon est clos." in me.told()
    me.look()
    see_the_offer(me, town)
    second = f"/bureau/marathons/{LEGS[1]}"

    def offered() -> bool:
        me.go(second)
        return me.page.get_by_text("Le relais est proposé à ce marathon").count() > 0

    town.until(offered, "the relay is offered")
    me.look()
    me.press("Répondre à l’offre")
    me.look()
    me.press("Accepter le relais")
    me.press("Accepter le relais")
    assert me.told().startswith("Vous avez accepté")
    me.go(f"/marathons/{LEGS[0]}/resultats")
    assert me.page.get_by_text("Six mois de loyer").count() == 1
