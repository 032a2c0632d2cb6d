"""One's own space: what one is here, and the way to each of it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template

from gateway.access import Who, admit
from gateway.asking import ask, visitor
from gateway.site.gaps import part
from gateway.site.operators import elsewhere


def add_to(desk: Blueprint) -> None:
    """Adds the page."""
    desk.add_url_rule("/moi", "mine", mine)


def mine() -> str:
    """Roles, projects and premises of whoever asks."""
    admit(Who.PERSON, visitor(), {})
    held = part("registration.my_data", {}, {})
    marathons = _marathons()
    return render_template(
        "mine.html",
        marathons=marathons,
        organised=[each for each in marathons if visitor().actor.has("organiser", each["id"])],
        judged=[each for each in marathons if visitor().actor.has("juror", each["id"])],
        scrutinised=[each for each in marathons if visitor().actor.has("scrutineer", each["id"])],
        coached=[each for each in marathons if visitor().actor.has("coach", each["id"])],
        open_marathons=[each for each in marathons if _is_open_here(each)],
        projects=held.get("projects", []),
        offers=_offers(marathons),
    )


def _is_open_here(marathon: dict[str, Any]) -> bool:
    """Whether projects and premises are taken on this site."""
    return marathon["state"] == "mobilised" and not elsewhere(marathon)


def _marathons() -> list[dict[str, Any]]:
    return [
        marathon
        for cycle in ask("registration.list_cycles")
        for marathon in ask("registration.get_cycle", {"cycle": cycle["id"]})["marathons"]
    ]


def _offers(marathons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        offer
        for marathon in marathons
        if not elsewhere(marathon)
        for offer in part("venues.list_premises", {"marathon": marathon["id"]}, [])
        if offer["mine"]
    ]
