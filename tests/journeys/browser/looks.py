"""Whether everybody can use a page: axe-core's rules, and a window of 320 pixels."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW = ViewportSize(width=320, height=640)
AXE = Axe()
OPTIONS = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations", "incomplete"]}

TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter(it => it.getBoundingClientRect().right > innerWidth)
  .map(it => it.outerHTML.slice(0, 120)).slice(0, 4)"""


def must_be_open_to_all(page: Page) -> None:
    """No rule of WCAG 2.2 AA is broken, and nothing is wider than a narrow window.

    The window is then as wide as it was.
    """
    found = AXE.run(page, options=OPTIONS).response
    broken = [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]
    broken += [f"unseen: {node['html'][:160]}" for node in _unseen(found["incomplete"])]
    assert broken == [], page.url
    before = page.viewport_size
    page.set_viewport_size(NARROW)
    wide = page.evaluate("document.scrollingElement.scrollWidth")
    assert wide <= NARROW["width"], f"{page.url}: {page.evaluate(TOO_WIDE)}"
    if before:
        page.set_viewport_size(before)


def _unseen(incomplete: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Texts in the very colour of their ground: axe is not sure that they are meant to be seen."""
    return [node for one in incomplete for node in one["nodes"] if _is_unseen(node)]


def _is_unseen(node: dict[str, Any]) -> bool:
    told = [check["data"] for check in (*node["any"], *node["all"], *node["none"])]
    return any(isinstance(data, dict) and data.get("messageKey") == "equalRatio" for data in told)
