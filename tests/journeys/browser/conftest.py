"""The browser, its four ways to look at pages, and the instance that is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Request, sync_playwright

from deploy.local import Chromium, ServerError
from tests.journeys.browser import marathons
from tests.journeys.browser.looks import must_be_open_to_all
from tests.journeys.browser.staged import Stage
from tests.journeys.browser.town import Town
from tests.servers import NO_BROWSER, absent

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
PROFILES: dict[str, dict[str, Any]] = {
    "desktop": {**DESKTOP},
    "desktop without JavaScript": {**DESKTOP, "java_script_enabled": False},
    "phone": {**PHONE},
    "phone without JavaScript": {**PHONE, "java_script_enabled": False},
}

# Both widths, and pages with and without scripts: the other two ways are for the long run.
LONG = ("desktop without JavaScript", "phone")
every_profile = pytest.mark.parametrize(
    "profile",
    [pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in PROFILES],
)


@pytest.fixture(scope="package")
def playwright_() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright_: Playwright) -> Iterator[Browser]:
    try:
        program = Chromium().program()
    except ServerError as error:
        absent(NO_BROWSER, error)
    started = playwright_.chromium.launch(executable_path=program, args=["--no-sandbox"])
    yield started
    started.close()


# Every town asks for the browser, so that where there is none, none is built. Towns end with
# this package: an instance takes its part of a core even when nobody visits it.


@contextmanager
def opened(folder: Path) -> Iterator[Town]:
    """An instance with a cycle of two legs, stopped in the end."""
    made = Town(folder)
    try:
        made.open()
        yield made
    finally:
        made.instance.stop()


@pytest.fixture(scope="package")
def mobilised(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose marathon is being prepared."""
    with opened(tmp_path_factory.mktemp("mobilised")) as town:
        town.mobilise()
        yield town


@pytest.fixture(scope="package")
def running(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town in its 36 hours: three teams with their places, a jury, a grid, a poll."""
    with opened(tmp_path_factory.mktemp("running")) as town:
        marathons.start(town)
        yield town


@pytest.fixture(scope="package")
def closed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose marathon is over: votes counted, awards published, relay passed on."""
    with opened(tmp_path_factory.mktemp("closed")) as town:
        marathons.start(town)
        marathons.close(town)
        yield town


@pytest.fixture
def fresh_town(browser: Browser, tmp_path: Path) -> Iterator[Town]:
    """An instance of a test's own, for what can be done once only."""
    with opened(tmp_path) as made:
        yield made


class Visit:
    """Somebody's browser window, which remembers whatever went wrong in it."""

    def __init__(self, context: BrowserContext, town: Town | Stage, with_scripts: bool) -> None:
        self.town = town
        self.with_scripts = with_scripts
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.wrong: list[str] = []
        self.page.on("request", self._must_stay_here)
        self.page.on("console", lambda told: self._note(told.type, told.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def _must_stay_here(self, request: Request) -> None:
        if not request.url.startswith((self.town.url, "data:")):
            self.wrong.append(f"asked {request.url}")

    def _note(self, kind: str, text: str) -> None:
        # The status of a form that was refused is no error of the page.
        if kind == "error" and "status of 4" not in text:
            self.wrong.append(text)

    def go(self, path: str) -> None:
        """Opens a page of the site, which must be there."""
        answer = self.page.goto(f"{self.town.url}{path}")
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"

    def press(self, words: str) -> None:
        """Presses a link or a button of the page itself by its words; waits for the next page."""
        main = self.page.locator("main")
        found = main.get_by_role("button", name=words, exact=True).or_(
            main.get_by_role("link", name=words, exact=True)
        )
        with self.page.expect_navigation():
            found.first.click()

    def press_anywhere(self, words: str) -> None:
        """Presses a button wherever it is: in the top or the bottom as well."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=words, exact=True).first.click()

    def fill(self, label: str, text: str) -> None:
        """Types into a field by its label."""
        self.page.get_by_label(label).first.fill(text)

    def look(self) -> None:
        """Looks whether this page is open to all; where scripts run, for that is done by one."""
        if self.with_scripts:
            must_be_open_to_all(self.page)

    def told(self) -> str:
        """What the page says was done, with plain blanks."""
        return plain(self.page.locator(".alert-success").first.inner_text())

    def press_until_told(self, words: str, sentence: str) -> None:
        """Presses until it is done: services hear each other a moment later."""

        def done() -> bool:
            self.press(words)
            found = self.page.locator(".alert-success")
            return found.count() > 0 and sentence in found.first.inner_text()

        assert isinstance(self.town, Town)
        self.town.until(done, f"« {sentence} » after « {words} »")

    def sign_in(self, email: str) -> None:
        """As anybody does in a town: by the code in the mail."""
        self.go("/connexion")
        self.sign_in_here(email)
        assert self.page.url.endswith("/moi")

    def sign_in_here(self, email: str) -> None:
        """From the page that asks to sign in."""
        assert isinstance(self.town, Town)
        seen = self.town.mails_to(email)
        self.fill("Votre adresse électronique", email)
        self.press("M’envoyer le lien")
        self.fill("Code à six chiffres", self.town.code_for(email, seen))
        self.press("Se connecter")


def plain(text: str) -> str:
    """A text whose blanks are all alike: French keeps its signs together."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


Visits = Callable[..., Any]


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Visits:
    """Makes a visit of a profile; at its end nothing may have gone wrong in it.

    On a stage by somebody of that name, for nobody signs in there.

    What the page looked like when a journey failed is kept in the test's folder.
    """

    @contextmanager
    def begin(profile: str, town: Town | Stage, name: str = "") -> Iterator[Visit]:
        headers = {"Authorization": f"Bearer {name}"} if name else {}
        context = browser.new_context(
            **PROFILES[profile], locale="fr-FR", extra_http_headers=headers
        )
        with_scripts = PROFILES[profile].get("java_script_enabled", True)
        made = Visit(context, town, with_scripts)
        try:
            yield made
        except BaseException:
            made.page.screenshot(path=tmp_path / "failed.png", full_page=True)
            raise
        finally:
            context.close()
        assert made.wrong == []

    return begin
