"""Registration's packages as a courier sees them (services/chassis/courier.py)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from services.chassis.core import Core
from services.chassis.courier import Destination, Outcome, Parcel
from services.chassis.work import Work
from services.registration.partners import incoming, outgoing
from services.registration.partners.canonical import canonical
from services.registration.tables import PackageOut, Partner

STOP = ("superseded", "taken")
"""Verdicts after which a package is not sent again: it is of no use any more."""


class Depot:
    """What is to be sent to partners, and what they sent; each call a transaction."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def is_open(self) -> bool:
        """Whether this instance has a key, without which nobody knows it."""
        return self.core.settings.relay_key_file is not None

    def destinations(self) -> Sequence[Destination]:
        """The partners that were added and not removed, but for ourselves."""
        found: Sequence[Destination] = self.core.within(_destinations)
        return found

    def waiting(self) -> Sequence[str]:
        """The names of the partners for whom something is due."""
        found: Sequence[str] = self.core.within(_waiting)
        return found

    def parcels(self, partner: str, most: int) -> Sequence[Parcel]:
        """What is due for a partner, the oldest first."""
        due = self.core.within(lambda work: outgoing.due(work, partner, most))
        return [Parcel(one.id, canonical(one.document)) for one in due]

    def settle(self, partner: str, outcome: Outcome) -> None:
        """Notes what was handed over, and what was not."""
        self.core.within(lambda work: _settle(work, partner, outcome))

    def receive(self, raw: bytes, via: str) -> str:
        """Takes or refuses a package that came by a partner's channel."""
        verdict: str = self.core.within(lambda work: incoming.receive(work, raw, via)).verdict
        return verdict


def _destinations(work: Work) -> list[Destination]:
    query = select(Partner).where(
        Partner.removed_at.is_(None), Partner.name != work.settings.instance
    )
    rows = work.session.scalars(query.order_by(Partner.name))
    return [Destination(row.name, row.transport, row.relay_url) for row in rows]


def _waiting(work: Work) -> list[str]:
    due = (PackageOut.settled_at.is_(None), PackageOut.due_at <= work.now)
    query = select(PackageOut.partner).where(*due).distinct()
    return list(work.session.scalars(query.order_by(PackageOut.partner)))


def _settle(work: Work, partner: str, outcome: Outcome) -> None:
    outgoing.handed(work, [(name, partner) for name in outcome.taken])
    for name, complaint in outcome.taken.items():
        row = work.session.get(PackageOut, (name, partner))
        if row is not None and complaint is not None:
            row.error = complaint[:200]
        if row is not None and complaint in STOP:
            row.settled_at = work.now
    if outcome.failed is not None:
        name, reason = outcome.failed
        outgoing.not_handed(work, name, partner, reason)
