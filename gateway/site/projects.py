"""The page of a project."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from gateway.asking import ask, parts
from gateway.memory import public
from gateway.site import words
from gateway.site.gaps import part
from gateway.site.marathons import places


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/projets/<project>", "project", public(project))


def project(project: str) -> str:
    """One project: what it is, where it is tried out, what it won."""
    found = ask("registration.get_project", {"project": project})
    of = {"marathon": found["marathon"]}
    marathon = part("registration.get_marathon", of)
    palmares = part("jury.get_palmares", of) or {}
    return render_template(
        "project.html",
        project=found,
        marathon=marathon,
        over=marathon is not None and words.is_over(marathon["state"]),
        place=places(part("venues.list_allocations", of, [])).get(project),
        poll=part("voting.get_poll", of),
        prizes=[won for won in palmares.get("prizes", []) if won["project"] == project],
        ranked=next((row for row in palmares.get("ranks", []) if row["project"] == project), None),
        public=project in palmares.get("public_winners", []),
        address=f"{parts().settings.public_url}{request.path}",
        days=words.days,
    )
