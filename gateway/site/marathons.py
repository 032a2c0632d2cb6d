"""Pages of a marathon: what it asks, where it stands, who takes part; then its results."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template

from gateway.asking import ask
from gateway.memory import public
from gateway.site import words
from gateway.site.gaps import part
from gateway.site.operators import Operator, elsewhere

# Places that are settled; a proposal is nobody's address yet.
SETTLED = ("confirmed", "handed_over", "returned", "released")
BEFORE_POLL = (None, "draft", "prepared")


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/marathons/<marathon>", "marathon", public(marathon))
    site.add_url_rule("/marathons/<marathon>/resultats", "results", public(results))


def marathon(marathon: str) -> str:
    """One marathon."""
    of = {"marathon": marathon}
    found = ask("registration.get_marathon", of)
    if operator := elsewhere(found):
        return _elsewhere(found, operator)
    return render_template(
        "marathon.html",
        marathon=found,
        cycle=part("registration.get_cycle", {"cycle": found["cycle"]}),
        projects=in_order(part("registration.list_projects", of, [])),
        places=places(part("venues.list_allocations", of, [])),
        poll=part("voting.get_poll", of),
        over=words.is_over(found["state"]),
        phases=words.phases,
        days=words.days,
    )


def results(marathon: str) -> str:
    """The palmarès, the public prize and the record of the poll, each once it is there."""
    of = {"marathon": marathon}
    found = ask("registration.get_marathon", of)
    if operator := elsewhere(found):
        return _elsewhere(found, operator)
    outcome = part("voting.get_results", of)
    record = part("voting.get_record", {"poll": outcome["poll"]}) if outcome else None
    return render_template(
        "results.html",
        marathon=found,
        palmares=part("jury.get_palmares", of),
        outcome=outcome,
        record=record,
        titles=titles(part("registration.list_projects", of, [])),
        days=words.days,
    )


def _elsewhere(marathon: dict[str, Any], operator: Operator) -> str:
    """A leg that another instance operates: what that one shows of it, and the way there."""
    return render_template(
        "marathon_elsewhere.html",
        marathon=marathon,
        operator=operator,
        cycle=part("registration.get_cycle", {"cycle": marathon["cycle"]}),
        phases=words.phases,
        days=words.days,
    )


def in_order(projects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By team number, those without one last: an order that tells nothing of any vote."""
    return sorted(projects, key=lambda each: (each.get("team_number") or 1_000_000, each["title"]))


def places(allocations: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Each project's settled place."""
    return {
        allocation["project"]: allocation
        for allocation in allocations
        if allocation["status"] in SETTLED
    }


def titles(projects: list[dict[str, Any]]) -> dict[str, str]:
    """Each project's title."""
    return {project["id"]: project["title"] for project in projects}
