"""The organisers' desk of a marathon: where it stands, what is missing, the one next action.

The desk itself, and a page for each of its subjects: projects, premises, jury, vote, people.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from gateway.access import Who, admit
from gateway.asking import ask, parts, visitor
from gateway.desk import grids, mail_state, seen
from gateway.desk.acting import DONE
from gateway.desk.next_step import next_step, page_of
from gateway.site import words
from gateway.site.gaps import part
from gateway.site.marathons import in_order, titles
from gateway.site.private import private
from services.chassis.errors import Refusal

PATH = "/bureau/marathons/<marathon>"


def add_to(desk: Blueprint) -> None:
    """Adds these pages."""
    desk.add_url_rule(PATH, "desk", overview)
    for name, (path, values) in PAGES.items():
        desk.add_url_rule(f"{PATH}/{path}", name, _page_of(name, values))
    desk.add_url_rule(f"{PATH}/grille", "grid", grid, methods=["GET", "POST"])
    desk.add_url_rule(f"{PATH}/deliberation", "deliberation", deliberation, methods=["GET", "POST"])


def overview(marathon: str) -> Response:
    """The desk: phases, what is missing before each move, the next action, the log."""
    admit(Who.ORGANISER, visitor(), {"marathon": marathon})
    found = ask("registration.get_desk", {"marathon": marathon})
    return _show(
        "desk.html",
        marathon,
        desk=found,
        marathon=found["marathon"],
        step=next_step(found, parts().clock.now()),
        page_of=page_of,
        boxes=mail_state.boxes(),
    )


def grid(marathon: str) -> Answer:
    """The grid of criteria: a table to fill in; it locks with the first card (RULES J1)."""
    admit(Who.ORGANISER, visitor(), {"marathon": marathon})
    if request.method != "POST":
        stored = part("jury.get_grid", {"marathon": marathon})
        tag = seen.tag_for(stored)
        return _show("grid.html", marathon, rows=grids.rows_of(stored), seen=tag)
    try:
        wanted = {"marathon": marathon, **grids.read(request.form)}
        ask("jury.set_grid", wanted, if_match=seen.given())
    except Refusal as refusal:
        return _show(
            "grid.html",
            marathon,
            refusal.status,
            rows=grids.typed_rows(request.form),
            seen=seen.tag_for(part("jury.get_grid", {"marathon": marathon}), refusal),
            refusal=refusal,
            errors=grids.errors_of(refusal),
        )
    return redirect(f"{url_for('desk.jury', marathon=marathon)}?{DONE}=grille#done", 303)


def deliberation(marathon: str) -> Answer:
    """The ranking with a rank to type beside each; what differs is a placement (RULES J8)."""
    of = {"marathon": marathon}
    admit(Who.ORGANISER, visitor(), of)
    ranking = ask("jury.get_ranking", of)
    refusal = None
    if request.method == "POST":
        try:
            wanted = {**of, **grids.placements(ranking, request.form)}
            ask("jury.deliberate", wanted, if_match=seen.given())
        except Refusal as caught:
            refusal = caught
        else:
            return redirect(f"{url_for('desk.jury', marathon=marathon)}?{DONE}=deliberer#done", 303)
    return _show(
        "deliberation.html",
        marathon,
        refusal.status if refusal else 200,
        ranking=ranking,
        titles=_titles(marathon),
        seen=seen.tag_for(ranking, refusal),
        refusal=refusal,
    )


def _page_of(name: str, values: Callable[[str], dict[str, Any]]) -> Callable[[str], Response]:
    def page(marathon: str) -> Response:
        admit(Who.ORGANISER, visitor(), {"marathon": marathon})
        return _show(f"desk_{name}.html", marathon, **values(marathon))

    return page


def _show(template: str, marathon_id: str, status: int = 200, **values: Any) -> Response:
    values.setdefault("refusal", None)
    if "marathon" not in values:
        values["marathon"] = ask("registration.get_marathon", {"marathon": marathon_id})
    page = render_template(template, phases=words.phases, days=words.days, **values)
    return private(page, status)


# --- what each page shows -----------------------------------------------------------------


def _projects(marathon: str) -> dict[str, Any]:
    of = {"marathon": marathon}
    return {
        "projects": in_order(ask("registration.list_projects", of)),
        "coaches": part("registration.list_coaches", of, []),
    }


def _premises(marathon: str) -> dict[str, Any]:
    of = {"marathon": marathon}
    return {
        "offers": ask("venues.list_premises", of),
        "places": part("venues.list_allocations", of, []),
        "titles": _titles(marathon),
    }


def _jury(marathon: str) -> dict[str, Any]:
    of = {"marathon": marathon}
    return {
        "grid": part("jury.get_grid", of),
        "panel": part("jury.get_panel", of),
        "progress": part("jury.get_progress", of, []),
        "ranking": part("jury.get_ranking", of),
        "prizes": part("jury.list_prizes", of, []),
        "palmares": part("jury.get_palmares", of),
        "outcome": part("voting.get_results", of),
        "titles": _titles(marathon),
    }


def _vote(marathon: str) -> dict[str, Any]:
    poll = part("voting.get_poll", {"marathon": marathon})
    of = {"poll": poll["id"]} if poll else {}
    return {
        "poll": poll,
        "codes": part("voting.list_codes", of, []) if poll else [],
        "cases": part("voting.list_cases", of, []) if poll else [],
        "decisions": part("voting.list_decisions", of, []) if poll else [],
        "me": visitor().actor.key,
        "titles": _titles(marathon),
    }


def _people(marathon: str) -> dict[str, Any]:
    return {"roles": ask("registration.list_roles", {"marathon": marathon})}


def _titles(marathon: str) -> dict[str, str]:
    return titles(part("registration.list_projects", {"marathon": marathon}, []))


PAGES: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "projects": ("projets", _projects),
    "premises": ("locaux", _premises),
    "jury": ("jury", _jury),
    "vote": ("vote", _vote),
    "people": ("personnes", _people),
}
