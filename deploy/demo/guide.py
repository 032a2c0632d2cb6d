"""What a visitor of the demonstration reads: the address, who to be, what to look at first."""

from __future__ import annotations

from typing import Any

from deploy.play.cast import Person, person
from deploy.play.script import Leg, Script

ORGANISER = Person("Organisatrice de démonstration", "organisatrice@example.org")
RESIDENT = Person("Habitante de démonstration", "habitante@example.org")


def guide(url: str, found: dict[str, Any], script: Script) -> str:
    """The guide for a summary of the play: plain text."""
    return "\n".join(
        (
            "",
            f"  {url}   is ready.  Ctrl-C stops it.",
            "",
            f"  {script.invented.strip()}",
            "",
            "  Who to be: sign in with one of these addresses; the mail with its link and code",
            f"  is on {url}/courriels",
            *(f"    {role:<16} {who.email}" for role, who in accounts(script)),
            "",
            "  What to look at first:",
            *(f"    {what:<28} {url}{path}" for what, path in sights(found)),
            *over(found),
            "",
            "  Started again it keeps its data: make demo. To start anew: make demo FRESH=1",
            "",
        )
    )


def over(found: dict[str, Any]) -> list[str]:
    """What to say once the vote of the demonstration is over; it is open for a day."""
    if any(one["state"] == "running" for one in found["marathons"]):
        return []
    return ["", "  The vote that was open is over by now: make demo FRESH=1 opens a new one."]


def accounts(script: Script) -> list[tuple[str, Person]]:
    """A ready account for each role, in the leg that is being voted on."""
    leg = _shown(script)

    def of(*part: object) -> Person:
        return person(script.seed, leg.leg, *part)

    return [
        ("organiser", ORGANISER),
        ("juror", of("juror", leg.jurors - 1)),
        ("coach", of("coach", 0)),
        ("project holder", of("holder", 0)),
        ("team member", of("member", 0, 1)),
        ("owner", of("owner", 0)),
        ("resident", RESIDENT),
    ]


def _shown(script: Script) -> Leg:
    voting = [leg for leg in script.legs if leg.until == "voting"]
    return (voting or list(script.legs))[0]


def sights(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Pages worth looking at, by what is there."""
    closed = [one["marathon"] for one in found["marathons"] if one["state"] == "closed"]
    running = [one["marathon"] for one in found["marathons"] if one["state"] == "running"]
    to_come = [one["marathon"] for one in found["marathons"] if one["state"] == "announced"]
    return [
        ("the season", "/"),
        *(("a vote that is open now", f"/marathons/{name}") for name in running[:1]),
        *(("a palmarès and its record", f"/marathons/{name}/resultats") for name in closed[-1:]),
        *(("a host town still secret", f"/marathons/{name}") for name in to_come[:1]),
        ("the API", "/api/v1/openapi.json"),
    ]
