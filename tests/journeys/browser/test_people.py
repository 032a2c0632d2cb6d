"""A resident, a holder, an owner and a juror, on phone and desktop, with and without JavaScript.

The ordinary run has a desktop with scripts and a phone without; the long one the other two.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from gateway.forms.fields import shown
from services.voting.count import record_digest
from tests.journeys.browser.conftest import PROFILES, Visit, Visits, every_profile, plain
from tests.journeys.browser.marathons import JURORS, MARATHON, WINNER, open_poll, project
from tests.journeys.browser.town import ORGANISER, Town


def number_of(profile: str) -> int:
    """Each way to look at pages has its own people: they share an instance."""
    return list(PROFILES).index(profile)


FOCUS_IS = "(id) => document.activeElement.id === id"


@every_profile
def test_a_resident_finds_a_project_and_votes(profile: str, running: Town, visit: Visits) -> None:
    email = f"rene{number_of(profile)}@example.org"
    with visit(profile, running) as me:
        me.go("/")
        assert me.page.get_by_role("img", name="Carte du territoire").is_visible()
        me.press("Voir ce marathon")
        me.press("Four")
        assert me.page.get_by_role("heading", level=1).inner_text() == "Four"
        assert "Rue inventée" in me.page.locator("main").inner_text()
        assert "Le vote du public est ouvert" in me.page.locator("main").inner_text()
        poll = running.until(lambda: open_poll(running), "the poll is open")
        me.page.reload()
        me.press("Voter pour ce projet")
        me.look()
        me.fill("Votre adresse électronique", email)
        me.fill("Votre commune", "Pène d’Agenais")
        me.press("M’envoyer le lien")
        # Refused, and nothing typed is lost.
        assert me.page.get_by_label("Votre adresse électronique").input_value() == email
        assert "Vouliez-vous dire : Penne-d'Agenais" in plain(me.page.locator("form").inner_text())
        me.look()
        me.fill("Votre commune", "penne d'agenais")
        seen = running.mails_to(email)
        me.press("M’envoyer le lien")
        me.look()
        link = running.link_for(email, seen, "/vote/confirm")
        # Twice: whoever looks at a link before the person does must not vote with it.
        me.go(link)
        me.go(link)
        title = me.page.get_by_role("heading", level=1).inner_text()
        assert plain(title) == "Confirmez votre vote pour Four"
        me.look()
        me.press("Je confirme mon vote")
        first = me.page.locator(".receipt").inner_text()
        assert len(first) == 32
        me.look()
        me.page.get_by_text("Changer mon vote").click()
        me.page.get_by_label("Laine").check()
        me.press("Voter pour ce projet à la place")
        assert me.page.locator(".receipt").inner_text() not in ("", first)
        assert "ce vote remplace le précédent" in me.page.locator("main").inner_text()
        # The link is used up, and says so without voting again.
        me.page.goto(f"{running.url}{link}")
        assert "a déjà servi" in me.page.locator(".alert-danger").inner_text()
        running.until(lambda: running.get(f"/polls/{poll}")["voters"], "a vote is stored")


@every_profile
def test_a_resident_votes_with_the_code_of_the_mail(
    profile: str, running: Town, visit: Visits
) -> None:
    email = f"colette{number_of(profile)}@example.org"
    running.until(lambda: open_poll(running), "the poll is open")
    with visit(profile, running) as me:
        me.go(f"/projets/{project(running, 'Laine')}/voter")
        me.fill("Votre adresse électronique", email)
        me.fill("Votre commune", "ailleurs")
        seen = running.mails_to(email)
        me.press("M’envoyer le lien")
        me.fill("Code à six chiffres", "000 000")
        me.press("Je confirme mon vote")
        assert "n’est pas valable" in me.page.locator(".alert-danger").inner_text()
        typed = me.page.get_by_label("Code à six chiffres")
        assert typed.get_attribute("aria-describedby") == "refused"
        me.fill("Code à six chiffres", running.code_for(email, seen))
        me.press("Je confirme mon vote")
        assert len(me.page.locator(".receipt").inner_text()) == 32


@every_profile
def test_a_resident_votes_with_a_printed_code_at_home_and_at_the_tablet(
    profile: str, running: Town, visit: Visits
) -> None:
    poll = running.until(lambda: open_poll(running), "the poll is open")
    codes = running.post(f"/polls/{poll}/codes", place=f"Halle {profile}", count=2)["codes"]
    with visit(profile, running) as me:
        me.go(f"/marathons/{MARATHON}")
        me.press("J’ai un code imprimé")
        me.page.get_by_label("Four").check()
        me.fill("Votre code", codes[0].lower().replace("-", " "))
        me.press("Je vote")
        receipt = me.page.locator(".receipt").inner_text()
        assert len(receipt) == 32
        me.go(f"/votes/{poll}/borne")
        me.page.get_by_label("Laine").check()
        # Somebody's who voted already; the choice stays.
        me.fill("Votre code", codes[0])
        me.press("Je vote")
        assert "a déjà servi" in me.page.locator(".alert-danger").inner_text()
        assert me.page.get_by_label("Laine").is_checked()
        me.look()
        me.fill("Votre code", codes[1])
        me.press("Je vote")
        me.look()
        assert len(me.page.locator(".receipt").inner_text()) == 32
        assert me.page.locator(".qr svg").is_visible()
        assert me.page.locator("header a, footer a, footer button").count() == 0
        me.press("Votant suivant")
        assert me.page.url == f"{running.url}/votes/{poll}/borne"
        assert me.page.get_by_label("Votre code").input_value() == ""


@every_profile
def test_a_resident_finds_the_result_and_checks_it(
    profile: str, closed: Town, visit: Visits
) -> None:
    title = plain(closed.get(f"/marathons/{MARATHON}")["title"])
    with visit(profile, closed) as me:
        me.go("/")
        me.press(f"Voir le palmarès : {title}")
        me.look()
        first = me.page.locator(".podium li", has_text="1").first
        assert WINNER in first.inner_text()
        assert "Six mois de loyer" in me.page.locator("main").inner_text()
        line = me.page.locator("tr", has_text=WINNER)
        assert "Prix du public" in line.inner_text()
        assert line.locator("td").first.inner_text() == "3"
        found = dict(
            zip(
                me.page.locator("dl.facts dt").all_inner_texts(),
                map(int, me.page.locator("dl.facts dd").all_inner_texts()),
                strict=True,
            )
        )
        accepted, *parts = found.values()
        assert (accepted, sum(parts)) == (3, 3)
        digest = me.page.locator(".digest").all_inner_texts()
        me.press("Le procès-verbal, en fichier")
        record = json.loads(me.page.locator("body").inner_text())["record"]
        assert record_digest(record) in digest
        me.go(f"/marathons/{MARATHON}/resultats")
        me.press(WINNER)
        assert me.page.get_by_role("heading", level=1).inner_text() == WINNER


@every_profile
def test_a_holder_registers_submits_and_confirms(
    profile: str, mobilised: Town, visit: Visits
) -> None:
    number = number_of(profile)
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
        me.look()
        # From the summary one gets to the field.
        summary.get_by_role("link", name="Surface nécessaire").click()
        assert me.page.url.endswith(f"#{wrong.get_attribute('id')}")
        me.page.wait_for_function(FOCUS_IS, arg=wrong.get_attribute("id"))
        me.fill("L’idée", "Réparer ensemble.")
        me.fill("Activité", "réparation")
        me.fill("Surface nécessaire", "20")
        me.press("Enregistrer mon projet")
        assert "brouillon" in me.told()
        made = me.page.url.split("/projets/")[1].split("/")[0]
        me.press("Déposer le projet")
        me.press("Déposer mon projet")
        mobilised.post(f"/projects/{made}/decision", decision="accepted")
        me.go("/moi")
        me.press(f"Atelier {number}")
        # Decided, but a secret until all decisions are published.
        assert me.page.get_by_role("link", name="Confirmer la venue de l’équipe").count() == 0
        mobilised.post(f"/marathons/{MARATHON}/decisions")
        me.go(f"/projets/{made}/equipe")
        me.look()
        me.press("Confirmer la venue de l’équipe")
        me.press("Notre équipe participe")
        assert me.told() == "Votre équipe participe : merci."


@every_profile
def test_an_owner_offers_and_hands_over(profile: str, mobilised: Town, visit: Visits) -> None:
    number = number_of(profile)
    tenant = f"Locataire {'abcd'[number]}"
    team = mobilised.team(MARATHON, tenant)
    with visit(profile, mobilised) as me:
        me.sign_in(f"fabrice{number}@example.org")
        me.go(f"/marathons/{MARATHON}")
        me.press("Proposer un local")
        offer_premises(me, mobilised, f"Boutique {number}", house=str(number + 1))
        # Their own address is there already.
        mail = me.page.get_by_label("Adresse électronique du propriétaire")
        assert mail.input_value() == f"fabrice{number}@example.org"
        me.press("Proposer mon local")
        assert "Merci" in me.told()
        me.go("/moi")
        me.press(f"Boutique {number}")
        me.press("Modifier l’offre")
        me.fill("Surface en m²", "45")
        me.press("Enregistrer")
        assert "45 m²" in me.page.locator("main").inner_text()
        assert me.page.get_by_role("link", name="Approuver le local").count() == 0
        offer = me.page.url.split("/locaux/")[1].split("?")[0]
        mobilised.post(f"/offers/{offer}/decision", approve=True)
        mobilised.post(f"/marathons/{MARATHON}/allocations", project=team, offer=offer)
        me.go(f"/locaux/{offer}")
        me.look()
        me.press(f"Confirmer : {tenant}")
        me.press("Confirmer")
        assert me.told() == "La place est confirmée."
        me.press(f"Remettre les clés : {tenant}")
        me.press("Clés remises")
        assert me.told() == "Les clés sont chez l’équipe."
        me.look()


def offer_premises(me: Visit, town: Town, title: str, house: str) -> None:
    """Fills in the form of an offer; who lends it is there already but for the name."""
    starts = datetime.fromisoformat(town.get(f"/marathons/{MARATHON}")["starts_at"])
    me.fill("Nom", title)
    me.fill("Numéro", house)
    me.fill("Rue", "Rue inventée")
    me.fill("Code postal", "47500")
    me.page.get_by_label("Commune").select_option("47179")
    me.fill("Surface en m²", "40")
    me.fill("Nombre d’équipes possibles", "1")
    me.page.get_by_label("Accès de plain-pied").select_option("yes")
    me.fill("Libre à partir de", shown("instant", starts.isoformat()))
    me.fill("Libre jusqu’à", shown("instant", (starts + timedelta(days=3)).isoformat()))
    me.fill("Nom du propriétaire", "Fabrice Inventé")


@every_profile
def test_a_juror_scores(profile: str, running: Town, visit: Visits) -> None:
    juror = JURORS[number_of(profile)]
    with visit(profile, running) as me:
        me.sign_in(f"{juror}@example.org")
        me.page.get_by_role("link", name="Noter les projets").first.click()
        me.press("Laine")
        me.fill("Idée", "douze")
        me.press("Enregistrer ma grille")
        assert me.page.get_by_label("Idée").input_value() == "douze"
        assert me.page.get_by_label("Idée").get_attribute("aria-invalid") == "true"
        me.look()
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
        me.press("Vélos")
        me.press("Me récuser pour ce projet")
        me.fill("Motif", "Une cousine est de l’équipe.")
        me.press("Me récuser")
        assert me.told() == "Vous êtes récusé pour ce projet : votre grille ne compte pas."
        line = me.page.locator("li", has_text="Vélos")
        assert line.locator(".badge").inner_text() == "récusé"
        assert line.get_by_role("link").count() == 0
        me.look()


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
