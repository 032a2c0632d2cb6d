"""A resident, a holder, an owner and a juror, on phone and desktop, with and without JavaScript."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.forms.fields import shown
from tests.journeys.browser.conftest import PROFILES, Visits, plain
from tests.journeys.browser.town import LEGS, ORGANISER, Town

MARATHON = LEGS[0]
every_profile = pytest.mark.parametrize("profile", PROFILES)


@every_profile
def test_a_resident_finds_a_project(profile: str, running: Town, visit: Visits) -> None:
    with visit(profile, running) as me:
        me.go("/")
        assert me.page.get_by_role("img", name="Carte du territoire").is_visible()
        me.press("Voir ce marathon")
        me.press("Four")
        assert me.page.get_by_role("heading", level=1).inner_text() == "Four"
        assert "Rue inventée" in me.page.locator("main").inner_text()
        assert "Le vote du public est ouvert" in me.page.locator("main").inner_text()


@every_profile
def test_a_holder_registers_submits_and_confirms(
    profile: str, mobilised: Town, visit: Visits
) -> None:
    number = list(PROFILES).index(profile)
    email = f"honore{number}@example.org"
    with visit(profile, mobilised) as me:
        me.go(f"/marathons/{MARATHON}")
        me.press("Inscrire un projet")
        # Who is unknown signs in, and comes back to the form.
        me.sign_in_here(email)
        me.fill("Nom", f"Atelier {number}")
        me.fill("Surface nécessaire", "beaucoup")
        me.press("Enregistrer mon projet")
        # Refused: said first, beside each field, and nothing typed is lost.
        summary = me.page.get_by_role("alert")
        assert summary.locator("a").all_inner_texts()[0] == "L’idée, en quelques phrases"
        assert me.page.get_by_label("Surface nécessaire").input_value() == "beaucoup"
        wrong = me.page.get_by_label("Surface nécessaire")
        assert wrong.get_attribute("aria-invalid") == "true"
        assert me.page.get_by_label("Nom").first.input_value() == f"Atelier {number}"
        me.fill("L’idée", "Réparer ensemble.")
        me.fill("Activité", "réparation")
        me.fill("Surface nécessaire", "20")
        me.press("Enregistrer mon projet")
        assert "brouillon" in me.told()
        project = me.page.url.split("/projets/")[1].split("/")[0]
        me.press("Déposer le projet")
        me.press("Déposer mon projet")
        mobilised.post(f"/projects/{project}/decision", decision="accepted")
        mobilised.post(f"/marathons/{MARATHON}/decisions")
        me.go(f"/projets/{project}/equipe")
        me.press("Confirmer la venue de l’équipe")
        me.press("Notre équipe participe")
        assert me.told() == "Votre équipe participe : merci."


@every_profile
def test_an_owner_offers_and_hands_over(profile: str, mobilised: Town, visit: Visits) -> None:
    number = list(PROFILES).index(profile)
    view = mobilised.get(f"/marathons/{MARATHON}")
    starts = datetime.fromisoformat(view["starts_at"])
    with visit(profile, mobilised) as me:
        me.sign_in(f"fabrice{number}@example.org")
        me.go(f"/marathons/{MARATHON}")
        me.press("Proposer un local")
        me.fill("Nom", f"Boutique {number}")
        me.fill("Rue", "Rue inventée")
        me.fill("Code postal", "47500")
        me.page.get_by_label("Commune").select_option("47179")
        me.fill("Surface en m²", "40")
        me.fill("Nombre d’équipes possibles", "1")
        me.page.get_by_label("Accès de plain-pied").select_option("yes")
        me.fill("Libre à partir de", shown("instant", starts.isoformat()))
        me.fill("Libre jusqu’à", shown("instant", (starts + timedelta(days=3)).isoformat()))
        # Their own address is there already.
        mail = me.page.get_by_label("Adresse électronique du propriétaire")
        assert mail.input_value() == f"fabrice{number}@example.org"
        me.fill("Nom du propriétaire", "Fabrice Inventé")
        me.press("Proposer mon local")
        assert "Merci" in me.told()
        me.go("/moi")
        me.press(f"Boutique {number}")
        me.press("Modifier l’offre")
        me.fill("Surface en m²", "45")
        me.press("Enregistrer")
        assert "45 m²" in me.page.locator("main").inner_text()


@every_profile
def test_a_juror_scores(profile: str, running: Town, visit: Visits) -> None:
    juror = ("alix", "basile", "camille", "alix")[list(PROFILES).index(profile)]
    with visit(profile, running) as me:
        me.sign_in(f"{juror}@example.org")
        me.page.get_by_role("link", name="Noter les projets").first.click()
        me.press("Laine")
        me.fill("Idée", "douze")
        me.press("Enregistrer ma grille")
        assert me.page.get_by_label("Idée").input_value() == "douze"
        assert me.page.get_by_label("Idée").get_attribute("aria-invalid") == "true"
        me.fill("Idée", "7,5")
        me.fill("Lieu", "")
        me.press("Enregistrer ma grille")
        assert me.told() == "Votre grille est enregistrée."
        assert me.page.locator("li", has_text="Laine").locator(".badge").inner_text() == "incomplet"
        me.press("Laine")
        me.fill("Lieu", "9")
        me.press("Enregistrer ma grille")
        badge = me.page.locator("li", has_text="Laine").locator(".badge").inner_text()
        assert plain(badge) == "noté : 8.50 / 10"


def test_two_organisers_do_not_overwrite_each_other(mobilised: Town, visit: Visits) -> None:
    form = f"/faire/reglages?marathon={MARATHON}&retour=/bureau/marathons/{MARATHON}"
    with visit("desktop", mobilised) as one, visit("desktop", mobilised) as other:
        for me in (one, other):
            me.sign_in(ORGANISER)
            me.go(form)
        one.fill("Nom", "Marathon de l’une")
        one.press("Enregistrer")
        assert one.told() == "Les changements sont enregistrés."
        other.fill("Nom", "Marathon de l’autre")
        other.press("Enregistrer")
        assert "entre-temps" in other.page.get_by_role("alert").inner_text()
        assert other.page.get_by_label("Nom").first.input_value() == "Marathon de l’autre"
    assert mobilised.get(f"/marathons/{MARATHON}")["title"] == "Marathon de l’une"


def test_a_form_that_is_sent_twice_is_done_once(running: Town, visit: Visits) -> None:
    with visit("desktop", running) as me:
        me.sign_in(ORGANISER)
        me.go(f"/bureau/marathons/{MARATHON}/jury")
        me.press("Ajouter un prix")
        me.page.get_by_label("Nom", exact=True).fill("Un prix unique")
        me.page.get_by_label("Type de prix").select_option("money")
        form = me.page.locator("main form")
        sent = {
            field.get_attribute("name"): field.input_value()
            for field in form.locator("input:not([type=checkbox]), select, textarea").all()
        }
        address = f"{running.url}{form.get_attribute('action')}"
        for _ in range(2):
            me.page.request.post(address, form=sent, headers={"Origin": running.url})
    prizes = running.get(f"/marathons/{MARATHON}/prizes")
    assert [prize["title"] for prize in prizes].count("Un prix unique") == 1
