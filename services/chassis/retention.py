"""For how long something is kept on people: declared beside the purge that keeps the word.

Every service's ``messages`` has its own rows as ``KEPT``; with those of all services, here, they
are the table on the privacy page (RULES D1). What a row means is in the page's catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.chassis import idempotency, mail_queue

LINKS = timedelta(minutes=30)
"""How long a mailed link is good: then the address of one that nobody used goes."""

LIMITS = timedelta(hours=1)
"""The longest window of the limiter."""

PROGRAMME = timedelta(days=730)
"""24 months, for which openings of shops are followed after a marathon."""


@dataclass(frozen=True)
class Kept:
    """One row: ``period`` is None for what ends with something that happens, not with time."""

    name: str
    period: timedelta | None = None


SHARED = (
    Kept("limits", LIMITS),
    Kept("links", LINKS),
    Kept("mails", mail_queue.KEPT),
    Kept("answers", idempotency.KEPT),
)
