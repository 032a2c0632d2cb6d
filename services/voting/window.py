"""When a poll opens and closes. Pure: the half-open window ``opens ≤ t < closes`` (RULES V3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.voting.rules import RULES
from services.voting.tables import Poll

EARLY = timedelta(seconds=RULES.early_closing_s)
BEGUN = frozenset({"running", "ended", "deliberated", "closed"})
OVER = BEGUN - {"running"}


class Window(NamedTuple):
    """Two instants, where known."""

    opens_at: datetime | None
    closes_at: datetime | None

    @property
    def is_sound(self) -> bool:
        """Whether both are known and something lies between them."""
        return bool(self.opens_at and self.closes_at and self.opens_at < self.closes_at)


def own(marathon: dict[str, Any]) -> Window:
    """The window that the marathon's settings declare; by default its start and end."""
    settings = marathon["settings"]
    return Window(
        settings["poll_opens_at"] or marathon["starts_at"],
        settings["poll_closes_at"] or marathon["ends_at"],
    )


def plan(marathon: dict[str, Any]) -> str:
    """What an organiser's own window was asked over, as one comparable text.

    The start is not in it: registration stamps it when the marathon really starts, and an
    early start changes nothing about what was asked.
    """
    opens_at, closes_at = marathon["settings"]["poll_opens_at"], own(marathon).closes_at
    return "/".join(moment.isoformat() if moment else "" for moment in (opens_at, closes_at))


def declared(poll: Poll, marathon: dict[str, Any]) -> Window:
    """The window asked for by the organiser, until the marathon's plan changes."""
    base = own(marathon)
    if poll.asked_over is None or not _is_same_plan(poll.asked_over, plan(marathon)):
        return base
    return Window(poll.asked_opens_at or base.opens_at, poll.asked_closes_at or base.closes_at)


def _is_same_plan(before: str, now: str) -> bool:
    # An end that was not known when asked is stamped at the start: that is no change of plan.
    return before == now or (before.endswith("/") and now.startswith(before))


def moved(closes_at: datetime, wanted: datetime, now: datetime) -> datetime:
    """Where the closing of an open poll goes: later at once, earlier only ``EARLY`` ahead."""
    return wanted if wanted >= closes_at else min(closes_at, max(wanted, now + EARLY))


def cut(closes_at: datetime, marathon: dict[str, Any], now: datetime) -> datetime:
    """The closing once the marathon has ended: ``EARLY`` after that was heard, if not before.

    However late it is heard: until then gateways go by the closing that they know, and each
    ballot of which they give a receipt must be inside the window.
    """
    return min(closes_at, now + EARLY) if marathon["state"] in OVER else closes_at


def is_open(poll: Poll, marathon: dict[str, Any] | None, now: datetime) -> bool:
    """Whether a ballot is accepted at ``now``; true from the very instant of the opening."""
    if poll.opens_at is None or poll.closes_at is None:
        return False
    due = poll.state == "open" or next_step(poll, marathon, now) == "open"
    return due and poll.opens_at <= now < poll.closes_at


def next_step(poll: Poll, marathon: dict[str, Any] | None, now: datetime) -> str | None:
    """What the poll must do at ``now``: open, close, count, unlink, or nothing yet."""
    if marathon is None or poll.opens_at is None or poll.closes_at is None:
        return None
    if poll.state == "prepared":
        return "open" if marathon["state"] in BEGUN and now >= poll.opens_at else None
    if poll.state == "open":
        return "close" if now >= poll.closes_at else None
    if poll.state == "closed":
        return "count" if marathon["state"] in OVER else None
    if poll.state == "counted" and poll.unlinked_at is None:
        return "unlink" if _hold_is_over(marathon, now) else None
    return None


def _hold_is_over(marathon: dict[str, Any], now: datetime) -> bool:
    since = marathon["closed_at"]
    hold = timedelta(days=marathon["settings"]["hold_days"])
    return marathon["state"] == "closed" and since is not None and now >= since + hold
