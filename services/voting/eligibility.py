"""Who may vote: declared, never verified (RULES V14)."""

from __future__ import annotations

from services.chassis import territory
from services.chassis.errors import Forbidden, Invalid, Refusal
from services.chassis.work import Work
from services.voting import candidates, passes
from services.voting.tables import Poll

ELSEWHERE = "elsewhere"


def must_live_here(poll: Poll, commune: str) -> None:
    """Raises ``Refusal("elsewhere_may_not_vote")`` where only the territory's communes vote, and
    ``Invalid("commune_unknown")`` of another code where "elsewhere" would do."""
    if territory.load().commune(commune) is not None:
        return
    if not poll.elsewhere_may_vote:
        raise Refusal(
            "elsewhere_may_not_vote",
            "Ce vote est réservé aux habitants des communes du territoire.",
            "Choisissez votre commune dans la liste.",
            403,
        )
    if commune != ELSEWHERE:
        # The list is of the territory only, on the page as well.
        raise Invalid(
            "commune_unknown",
            "Cette commune n’est pas dans le territoire du programme.",
            "Hors du territoire, indiquez « elsewhere ».",
        )


def must_be_allowed(work: Work, poll: Poll, secret: str, voter: str) -> None:
    """Raises ``Forbidden`` when ``voter`` is of those the marathon's settings keep out."""
    if voter in {passes.voter_key(secret, key) for key in kept_out(work, poll)}:
        raise Forbidden("Dans ce scrutin, les membres des équipes ou du jury ne votent pas.")


def kept_out(work: Work, poll: Poll) -> set[str]:
    """The person_keys that may not vote: team members, jurors, as set."""
    keys: set[str] = set()
    if poll.who_may_vote in ("not_team", "not_team_nor_jury"):
        keys |= _team_members(work, poll)
    if poll.who_may_vote == "not_team_nor_jury":
        keys |= _jurors(work, poll)
    return keys


def _team_members(work: Work, poll: Poll) -> set[str]:
    teams = candidates.standing(work, poll)
    return {key for team in teams for key in (team["holder_key"], *team["member_keys"])}


def _jurors(work: Work, poll: Poll) -> set[str]:
    panels = work.copies("panel", poll.marathon)
    seated = {
        key for panel in panels if panel["status"] == "convened" for key in panel["juror_keys"]
    }
    named = {
        role["person_key"]
        for role in work.copies("role")
        if role["role"] == "juror"
        and role["status"] == "granted"
        and role["marathon"] in (None, poll.marathon)
    }
    return seated | named
