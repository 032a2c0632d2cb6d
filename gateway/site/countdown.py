"""How long it still is: to the next turn of a marathon, and to the end of the vote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.languages import gettext as _

# By state: which instant comes next.
NEXT = {"announced": "mobilises_at", "mobilised": "starts_at", "running": "ends_at"}


@dataclass(frozen=True)
class Countdown:
    """What comes, when, and how long that is from now, in words."""

    what: str
    at: str
    left: str


def of_marathon(marathon: Mapping[str, Any], now: datetime) -> Countdown | None:
    """The countdown to a marathon's next turn; None where none is known or it is past."""
    name = NEXT.get(marathon["state"], "")
    words = {
        "mobilises_at": _("The mobilisation begins in"),
        "starts_at": _("The 36 hours begin in"),
        "ends_at": _("The 36 hours end in"),
    }
    return _until(words.get(name, ""), marathon.get(name), now)


def of_poll(poll: Mapping[str, Any] | None, now: datetime) -> Countdown | None:
    """The countdown to the end of an open vote."""
    if not poll or not poll["open"]:
        return None
    return _until(_("The vote closes in"), poll["closes_at"], now)


def _until(what: str, at: str | None, now: datetime) -> Countdown | None:
    if not at or datetime.fromisoformat(at) <= now:
        return None
    return Countdown(what, at, in_words(datetime.fromisoformat(at) - now))


def in_words(left: timedelta) -> str:
    """« 3 j 4 h », « 4 h 12 min », « 12 min »; the last minute is « 1 min »."""
    minutes = max(1, left // timedelta(minutes=1))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return _("%(days)s d %(hours)s h", days=days, hours=hours)
    if hours:
        return _("%(hours)s h %(minutes)s min", hours=hours, minutes=rest)
    return _("%(minutes)s min", minutes=rest)
