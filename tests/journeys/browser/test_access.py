"""Every page for everybody: no accessibility rule broken, by keyboard alone, on 320 pixels."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from gateway.desk.actions import ACTIONS
from tests.gateway.stage import StandIn, stand_in_app
from tests.journeys.browser.conftest import Visit, Visits
from tests.journeys.browser.town import LEGS, ORGANISER, Town

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW = {"width": 320, "height": 640}
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
    "site.confirm_vote": "/vote/confirm?poll={poll}&token=x",
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
    "desk.grid": f"{DESK}/grille",
    "desk.act": "/faire/proposer-un-local?marathon=deux-etapes-1&retour=/moi",
}
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
    return {
        "project": running.get(f"/marathons/{LEGS[0]}/projects")[0]["id"],
        "offer": running.get(f"/marathons/{LEGS[0]}/premises")[0]["id"],
        "poll": running.get(f"/marathons/{LEGS[0]}/poll")["id"],
    }


def must_be_open_to_all(page: Page, where: str) -> None:
    """No rule of WCAG 2.2 AA is broken, and nothing is wider than the window."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
    broken = [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found.response["violations"]
        for node in one["nodes"][:3]
    ]
    assert broken == [], where
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    wide = page.evaluate("document.scrollingElement.scrollWidth")
    assert wide <= NARROW["width"], f"{where}: {page.evaluate(TOO_WIDE)}"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_organisers_pages(running: Town, ids: dict[str, str], visit: Visits, language: str) -> None:
    with visit("desktop", running) as me:
        me.sign_in(ORGANISER)
        if language == "en":
            me.press_anywhere("English")
        for endpoint, path in PAGES.items():
            look(me, endpoint, path.format(**ids))


def test_jurors_pages(running: Town, ids: dict[str, str], visit: Visits) -> None:
    with visit("desktop", running) as me:
        me.sign_in("camille@example.org")
        for endpoint, path in JURORS.items():
            look(me, endpoint, path.format(**ids))


def test_strangers_pages(running: Town, ids: dict[str, str], visit: Visits) -> None:
    with visit("phone", running) as me:
        for endpoint in ("site.home", "site.marathon", "site.project", "site.results"):
            look(me, endpoint, PAGES[endpoint].format(**ids))


def test_forms_of_all_actions(running: Town, ids: dict[str, str], visit: Visits) -> None:
    given = {**ids, "marathon": LEGS[0], "key": "x", "relay": "x", "role_id": "x", "prize": "x"}
    with visit("desktop", running) as me:
        me.sign_in(ORGANISER)
        for action in ACTIONS.values():
            names = (*action.route.path_fields, *action.given, "marathon")
            query = "&".join(f"{name}={given.get(name, 'x')}" for name in names)
            look(me, action.name, f"/faire/{action.name}?{query}&retour=/moi")


def look(me: Visit, name: str, path: str) -> None:
    """Opens a page and looks at it."""
    me.page.set_viewport_size({"width": 1280, "height": 800})
    me.go(path)
    must_be_open_to_all(me.page, f"{name} {path}")


TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter(it => it.getBoundingClientRect().right > innerWidth)
  .map(it => it.outerHTML.slice(0, 120)).slice(0, 4)"""


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
    email = "basile@example.org"
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


def enter(me: Visit) -> None:
    """Presses Enter and waits for the next page."""
    with me.page.expect_navigation():
        me.page.keyboard.press("Enter")
