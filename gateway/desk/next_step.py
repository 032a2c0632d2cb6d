"""The one next thing an organiser does, and which page mends what is missing (RULES C2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.languages import gettext as _

# The page of the desk on which a missing thing is mended, by the beginning of its code.
PAGES = {
    "teams": "projects",
    "premises": "premises",
    "panel": "jury",
    "quorum": "jury",
    "palmares": "jury",
    "poll": "vote",
}


@dataclass(frozen=True)
class Step:
    """What to do next: a sentence, and the action or the page of the desk that does it."""

    sentence: str
    words: str = ""
    action: str = ""
    page: str = ""
    values: Mapping[str, str] | None = None


def page_of(code: str) -> str:
    """The page of the desk where what is missing is mended; empty for the desk itself."""
    return next((page for start, page in PAGES.items() if code.startswith(start)), "")


def next_step(desk: Mapping[str, Any], now: datetime) -> Step:
    """The one next action of a marathon's organisers, from what their desk shows."""
    offered = [relay for relay in desk["relays"] if _is_asked(desk, relay)]
    if offered:
        return Step(
            _("The relay is offered to this marathon: accept it to begin the mobilisation."),
            _("Answer the offer"),
            "repondre-au-relais",
            values={"relay": offered[0]["id"]},
        )
    if _is_looked_at(desk):
        return Step(
            _("Ballots wait for a look before they are counted: see what is unusual, and decide."),
            _("To the vote’s page"),
            page="vote",
        )
    if desk["marathon"]["state"] == "running" and not _is_past(desk["marathon"]["ends_at"], now):
        return Step(
            _("The 36 hours are under way; they end by themselves. Welcome the teams."),
            _("To the projects’ page"),
            page="projects",
        )
    return STEPS[desk["marathon"]["state"]](desk)


def _is_looked_at(desk: Mapping[str, Any]) -> bool:
    """Whether cases in quarantine hold the count (RULES V9, V15)."""
    poll = desk.get("poll")
    return bool(poll and poll["state"] == "closed" and poll.get("quarantined"))


def _is_past(instant: str | None, now: datetime) -> bool:
    return instant is None or datetime.fromisoformat(instant) <= now


def _is_asked(desk: Mapping[str, Any], relay: Mapping[str, Any]) -> bool:
    return (relay["state"], relay["to_marathon"]) == ("offered", desk["marathon"]["id"])


def _announced(desk: Mapping[str, Any]) -> Step:
    if desk["host"] is None:
        return Step(
            _("Choose the host town: nobody else sees it before it is revealed."),
            _("Choose the host town"),
            "ville-hote",
        )
    if desk["host"]["revealed_at"] is None:
        return Step(
            _("Reveal the host town when its hour has come."),
            _("Reveal the host town"),
            "reveler-la-ville-hote",
        )
    return _move(desk, "mobilised", _("Begin the mobilisation"))


def _mobilised(desk: Mapping[str, Any]) -> Step:
    return _move(desk, "running", _("Start the 36 hours"))


def _running(desk: Mapping[str, Any]) -> Step:
    return _move(desk, "ended", _("End the 36 hours"))


def _ended(_desk: Mapping[str, Any]) -> Step:
    return Step(
        _("The jury deliberates: record its decision, award the prizes, publish the awards."),
        _("To the jury’s page"),
        page="jury",
    )


def _deliberated(_desk: Mapping[str, Any]) -> Step:
    return Step(
        _("The awards are published: close the marathon to pass the relay on."),
        _("Close the marathon"),
        "clore",
    )


def _over(_desk: Mapping[str, Any]) -> Step:
    return Step(_("Nothing is left to do here: the relay has moved on."))


def _move(desk: Mapping[str, Any], to: str, words: str) -> Step:
    """The move, or the first thing that it still needs."""
    missing = _missing(desk, to)
    if missing:
        page = page_of(missing[0]["code"])
        return Step(missing[0]["hint"] or missing[0]["message"], _("See to it"), page=page)
    return Step(_("Everything is ready."), words, "faire-avancer", values={"to": to})


def _missing(desk: Mapping[str, Any], to: str) -> list[dict[str, Any]]:
    moves = (move["missing"] for move in desk["next"] if move["to"] == to)
    found: list[dict[str, Any]] = next(moves, [])
    return found


STEPS = {
    "draft": _announced,
    "announced": _announced,
    "mobilised": _mobilised,
    "running": _running,
    "ended": _ended,
    "deliberated": _deliberated,
    "closed": _over,
    "cancelled": _over,
}
