"""The closing in a real browser: typed wrong, typed right, gone back, and looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.gateway.crawl import Visitor
from tests.gateway.endings import LEG, copied
from tests.journeys.browser.conftest import Visits, every_profile, plain
from tests.journeys.browser.staged import Stage, staged

PATH = f"/bureau/marathons/{LEG}/cloture"
TOWN = "Pour clôturer, tapez le nom de la ville hôte"
CLOSE = "Clôturer définitivement le marathon"
ODILE = Visitor("odile", "odile-key", frozenset({("organiser", LEG)}))


@pytest.fixture
def stage(browser: Browser, awarded_once: Path, tmp_path: Path) -> Iterator[Stage]:
    """A marathon whose awards are published."""
    with staged(copied(awarded_once, tmp_path, 2), [ODILE]) as made:
        yield made


@every_profile
def test_closing_without_fear(profile: str, stage: Stage, visit: Visits) -> None:
    with visit(profile, stage, "odile") as me:
        me.go(f"/bureau/marathons/{LEG}")
        me.press("Vers la clôture")
        me.look()
        me.fill(TOWN, "Monflanquin")
        me.press(CLOSE)
        assert "rien n’a été clôturé" in me.page.get_by_role("alert").inner_text()
        assert me.page.get_by_label(TOWN).input_value() == "Monflanquin"
        assert stage.tour.is_in(LEG, "deliberated")
        me.look()
        me.fill(TOWN, "monsempron libos")
        me.press(CLOSE)
        assert stage.tour.is_in(LEG, "closed")
        assert "Ce marathon est clos." in me.told()
        me.look()
        assert me.page.get_by_text("Relais proposé").count() == 0
        stage.tour.settle()
        if me.with_scripts:
            me.page.get_by_text("Relais proposé").wait_for(timeout=15_000)
        else:
            me.press("Actualiser")
        assert "réponse attendue avant le" in plain(me.page.locator("main").inner_text())
        me.look()


def test_the_way_back_leads_to_no_form_that_could_close_again(stage: Stage, visit: Visits) -> None:
    with visit("desktop", stage, "odile") as me:
        me.go(PATH)
        me.fill(TOWN, "Monsempron-Libos")
        me.press(CLOSE)
        me.page.go_back()
        assert "Ce marathon est clos." in me.told()
        assert me.page.get_by_role("button", name=CLOSE).count() == 0


def test_two_quick_presses_close_once(stage: Stage, visit: Visits) -> None:
    with visit("desktop", stage, "odile") as me:
        me.go(PATH)
        me.fill(TOWN, "Monsempron-Libos")
        me.page.get_by_role("button", name=CLOSE).dblclick()
        me.page.get_by_text("Ce marathon est clos.").wait_for()
    log = stage.tour.ask("registration", "list_moves", marathon=LEG)
    assert [line["to"] for line in log].count("closed") == 1
