"""Whether everybody can use a page: axe-core's rules, and a window of 320 pixels."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW = ViewportSize(width=320, height=640)
AXE = Axe()
OPTIONS = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}

TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter(it => it.getBoundingClientRect().right > innerWidth)
  .map(it => it.outerHTML.slice(0, 120)).slice(0, 4)"""


def must_be_open_to_all(page: Page) -> None:
    """No rule of WCAG 2.2 AA is broken, and nothing is wider than a narrow window.

    The window is then as wide as it was.
    """
    found = AXE.run(page, options=OPTIONS)
    broken = [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found.response["violations"]
        for node in one["nodes"][:3]
    ]
    assert broken == [], page.url
    before = page.viewport_size
    page.set_viewport_size(NARROW)
    wide = page.evaluate("document.scrollingElement.scrollWidth")
    assert wide <= NARROW["width"], f"{page.url}: {page.evaluate(TOO_WIDE)}"
    if before:
        page.set_viewport_size(before)
