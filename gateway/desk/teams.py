"""The page of a team: what its holder and its members see and do."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from gateway.access import Who, admit
from gateway.asking import ask, visitor
from gateway.site.gaps import part
from gateway.site.marathons import places
from gateway.site.private import private


def add_to(desk: Blueprint) -> None:
    """Adds the page."""
    desk.add_url_rule("/projets/<project>/equipe", "team", team)


def team(project: str) -> Response:
    """A team's own page: the project's state, its next step, members, join code, requests."""
    admit(Who.SIGNED_IN, visitor(), {})
    found = ask("registration.get_project", {"project": project})
    of = {"marathon": found["marathon"]}
    members = ask("registration.get_team", {"project": project})
    page = render_template(
        "team.html",
        project=found,
        team=members,
        marathon=part("registration.get_marathon", of),
        # Only who runs the team is told its join code.
        runs="join_code" in members,
        place=places(part("venues.list_allocations", of, [])).get(project),
    )
    return private(page)
