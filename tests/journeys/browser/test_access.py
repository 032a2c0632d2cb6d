"""Every page for everybody: no accessibility rule broken, by keyboard alone, on 320 pixels."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from gateway.desk.actions import ACTIONS
from tests.gateway.stage import StandIn, stand_in_app
from tests.journeys.browser.conftest import Visit, Visits
from tests.journeys.browser.marathons import open_poll, project
from tests.journeys.browser.town import LEGS, Town

DESK = f"/bureau/marathons/{LEGS[0]}"

# Pages by their endpoint: the address as the organiser of a running marathon opens it.
PAGES: dict[str, str] = {
    "site.home": "/",
    "site.cycle": "/cycles/deux-etapes",
    "site.marathon": f"/marathons/{LEGS[0]}",
    "site.results": f"/marathons/{LEGS[0]}/resultats",
    "site.project": "/projets/{project}",
    "site.sign_in": "/connexion",
    "site.sign_in_link": "/connexion/lien?token=x",
    "site.confirm_vote": "/vote/confirm?poll={poll}&token={token}",
    "site.vote_by_code": "/vote/code",
    "site.change_vote": "/vote/changer",
    "site.vote": "/projets/{project}/voter",
    "site.vote_on_paper": "/votes/{poll}/code",
    "site.any_code": "/code",
    "site.kiosk": "/votes/{poll}/borne",
    "site.receipt": "/votes/{poll}/recu",
    "site.mails": "/courriels",
    "site.legal_notice": "/mentions-legales",
    "site.privacy": "/confidentialite",
    "site.accessibility": "/accessibilite",
    "site.my_data": "/moi/donnees",
    "site.erased": "/moi/efface",
    "reference": "/api/v1/",
    "desk.mine": "/moi",
    "desk.team": "/projets/{project}/equipe",
    "desk.offer": "/locaux/{offer}",
    "desk.desk": DESK,
    "desk.projects": f"{DESK}/projets",
    "desk.premises": f"{DESK}/locaux",
    "desk.jury": f"{DESK}/jury",
    "desk.vote": f"{DESK}/vote",
    "desk.people": f"{DESK}/personnes",
    "desk.relay": f"{DESK}/relais",
    "desk.closing": f"{DESK}/cloture",
    "desk.grid": f"{DESK}/grille",
    "desk.invalidation": f"{DESK}/vote/annulation",
    "desk.scrutiny": f"/marathons/{LEGS[0]}/scrutin",
    "desk.act": "/faire/proposer-un-local?marathon=deux-etapes-1&retour=/moi",
}
ENGLISH = (
    "site.home", "site.marathon", "site.project", "site.results", "site.sign_in", "site.vote",
    "site.vote_on_paper", "site.kiosk", "site.receipt",
)  # fmt: skip
JURORS: dict[str, str] = {
    "desk.cards": f"/marathons/{LEGS[0]}/jury",
    "desk.card": f"/marathons/{LEGS[0]}/jury/{{project}}",
}
ELSEWHERE = {
    "desk.deliberation": "opens once the marathon has ended: test_organiser goes there",
    "site.download_my_data": "a file, no page",
    "site.my_data_file": "a file, no page",
    "static": "no page",
    "healthz": "no page",
    "readyz": "no page",
    "metrics": "no page",
    "openapi": "no page",
}


def test_every_page_is_in_these_tables(tmp_path: Any) -> None:
    app = stand_in_app(tmp_path, StandIn(), demo=True, smtp_url=f"folder:{tmp_path}")
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.endpoint.startswith("api-")
    }
    assert pages - ELSEWHERE.keys() == PAGES.keys() | JURORS.keys()


@pytest.fixture(scope="module")
def ids(running: Town) -> dict[str, str]:
    """What addresses are filled in with."""
    poll = running.until(lambda: open_poll(running), "the poll is open")
    asked = {"email": "regarde@example.org", "commune": "47179"}
    running.post(f"/polls/{poll}/requests", **asked, project=project(running, "Four"))
    link = running.link_for(asked["email"], set(), "/vote/confirm")
    return {
        "token": link.rpartition("token=")[2],
        "prize": running.post(f"/marathons/{LEGS[0]}/prizes", kind="rent", title="Loyer")["id"],
        "project": running.get(f"/marathons/{LEGS[0]}/projects")[0]["id"],
        "offer": running.get(f"/marathons/{LEGS[0]}/premises")[0]["id"],
        "poll": poll,
    }


@pytest.fixture(scope="module")
def everywhere(running: Town) -> str:
    """The address of an organiser of all marathons: nobody else has the care of the mails."""
    email = "partout@example.org"
    running.instance.marathon("organiser", "add", email, "--name", "Ophélie Partout")
    return email


def test_organisers_pages(
    everywhere: str, running: Town, ids: dict[str, str], visit: Visits
) -> None:
    with visit("desktop", running) as me:
        me.sign_in(everywhere)
        for path in PAGES.values():
            look(me, path.format(**ids))


def test_jurors_pages(running: Town, ids: dict[str, str], visit: Visits) -> None:
    with visit("desktop", running) as me:
        me.sign_in("flore@example.org")
        for path in JURORS.values():
            look(me, path.format(**ids))


def test_strangers_pages_in_english(running: Town, ids: dict[str, str], visit: Visits) -> None:
    with visit("phone", running) as me:
        me.go("/")
        me.press_anywhere("English")
        for endpoint in ENGLISH:
            look(me, PAGES[endpoint].format(**ids))
            assert me.page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("part", [0, 1])
def test_forms_of_all_actions(
    part: int, everywhere: str, running: Town, ids: dict[str, str], visit: Visits
) -> None:
    given = {**ids, "marathon": LEGS[0]}
    with visit("desktop", running) as me:
        me.sign_in(everywhere)
        for action in list(ACTIONS.values())[part::2]:
            names = (*action.route.path_fields, *action.given, "marathon")
            query = "&".join(f"{name}={given.get(name, 'x')}" for name in names)
            look(me, f"/faire/{action.name}?{query}&retour=/moi")


def test_the_page_that_is_not_there(running: Town, visit: Visits) -> None:
    with visit("desktop", running) as me:
        me.page.goto(f"{running.url}/nulle-part")
        me.look()


def look(me: Visit, path: str) -> None:
    """Opens a page and looks at it."""
    me.go(path)
    me.look()


# --- by keyboard --------------------------------------------------------------------------


def tab_to(page: Page, words: str, most: int = 60) -> None:
    """Goes on with Tab until what has the focus says ``words``; the focus must be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        assert found["outline"] not in ("none", "0px"), found
        if words in found["words"]:
            return
    raise AssertionError(f"the keyboard does not reach « {words} »")


FOCUSED = """() => {
  const it = document.activeElement, style = getComputedStyle(it);
  const label = it.labels && it.labels[0] ? it.labels[0].innerText : "";
  const ring = style.outlineStyle === "none" ? style.boxShadow : style.outlineStyle;
  return {words: `${it.innerText || ""} ${label} ${it.getAttribute("aria-label") || ""}`,
          outline: ring};
}"""


def test_by_keyboard_alone(running: Town, visit: Visits) -> None:
    email = "elio@example.org"
    with visit("desktop", running) as me:
        me.go("/")
        tab_to(me.page, "Aller au contenu")
        me.page.keyboard.press("Enter")
        assert me.page.evaluate("document.activeElement.id") == "main"
        me.go("/connexion")
        seen = running.mails_to(email)
        tab_to(me.page, "Votre adresse électronique")
        me.page.keyboard.type(email)
        enter(me)
        tab_to(me.page, "Code à six chiffres")
        me.page.keyboard.type(running.code_for(email, seen))
        enter(me)
        tab_to(me.page, "Noter les projets")
        enter(me)
        tab_to(me.page, "Vélos")
        enter(me)
        tab_to(me.page, "Idée")
        me.page.keyboard.type("6")
        tab_to(me.page, "Lieu")
        me.page.keyboard.type("8")
        tab_to(me.page, "Enregistrer ma grille")
        enter(me)
        assert me.told() == "Votre grille est enregistrée."
        tab_to(me.page, "Four")
        enter(me)
        tab_to(me.page, "Me récuser pour ce projet")
        enter(me)
        tab_to(me.page, "Motif")
        me.page.keyboard.type("Une voisine.")
        tab_to(me.page, "Me récuser")
        enter(me)
        assert me.told().startswith("Vous êtes récusé pour ce projet")


def enter(me: Visit) -> None:
    """Presses Enter and waits for the next page."""
    with me.page.expect_navigation():
        me.page.keyboard.press("Enter")
