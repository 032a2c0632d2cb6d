"""How the links to the partners are, and where the relay is: for desks and the operator."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import defer

from services.chassis.work import Work
from services.registration import batons
from services.registration import relay as relays
from services.registration.partners import chain, handing, outgoing, refusals, sharing, told
from services.registration.tables import (
    Cycle,
    Grant,
    HeardFrom,
    Marathon,
    PackageOut,
    Partner,
    RefusedPackages,
    Relay,
)

MOST_SHOWN = 100


def list_partners(work: Work) -> dict[str, Any]:
    """All partners of all cycles, and what was refused of whom; for organisers."""
    cycles = list(work.session.scalars(select(Cycle).order_by(Cycle.opened_at, Cycle.id)))
    key = sharing.signing_key(work)
    return {
        "me": sharing.me(work),
        "key": key.id if key is not None else None,
        "partners": [_partner(work, *entry) for entry in _known(work, cycles).items()],
        "refusals": refusals.lines(work),
    }


def _known(work: Work, cycles: list[Cycle]) -> dict[str, dict[str, Any]]:
    """Every partner by name: of the cycles' files, and those that were added here."""
    found: dict[str, dict[str, Any]] = {}
    for cycle in cycles:
        if not sharing.is_shared(work, cycle):
            continue
        for entry in cycle.file["partners"]:
            line = found.setdefault(entry["name"], {**entry, "cycles": []})
            line["cycles"].append(cycle.id)
    for row in work.session.scalars(select(Partner).where(Partner.removed_at.is_(None))):
        line = found.setdefault(row.name, {"cycles": []})
        line.update(title=row.title, url=row.url, transport=row.transport)
    found.pop(sharing.me(work), None)
    return found


def _partner(work: Work, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    heard = work.session.get(HeardFrom, name)
    unsettled = (PackageOut.settled_at.is_(None), PackageOut.partner == name)
    waiting = select(func.count(), func.min(PackageOut.created_at)).where(*unsettled)
    error = select(PackageOut.error).where(*unsettled, PackageOut.error.is_not(None))
    waits, oldest = work.session.execute(waiting).one()
    number = select(func.sum(RefusedPackages.number)).where(RefusedPackages.partner == name)
    return {
        "name": name,
        "title": entry["title"],
        "url": entry.get("url"),
        "cycles": entry["cycles"],
        "transport": entry.get("transport"),
        "added": sharing.partner(work, name) is not None,
        "heard_at": heard and heard.at,
        "waiting": waits,
        "oldest_waiting_at": oldest,
        "error": work.session.scalar(error.order_by(PackageOut.created_at).limit(1)),
        "refused": work.session.scalar(number) or 0,
    }


def _waiting(work: Work, cycle: str) -> list[PackageOut]:
    """What waits in a cycle, the oldest first, without what it says: that may be megabytes."""
    query = select(PackageOut).where(PackageOut.settled_at.is_(None), PackageOut.cycle == cycle)
    query = query.order_by(PackageOut.created_at, PackageOut.id).limit(MOST_SHOWN)
    return list(work.session.scalars(query.options(defer(PackageOut.document))))


def relay_status(work: Work, cycle: str) -> dict[str, Any]:
    """Where the relay of a cycle is, as this instance knows it. Raises ``NotFound("cycle")``."""
    row = relays.found_cycle(work, cycle)
    shared = sharing.is_shared(work, row)
    query = select(Relay).where(Relay.cycle == cycle)
    offers = work.session.scalars(query.order_by(Relay.term, Relay.hop, Relay.offered_at))
    return {
        "cycle": cycle,
        "state": row.state,
        "me": sharing.me(work),
        "shared": shared,
        "joint_body": sharing.joint_body(row),
        "term": row.term,
        "told": relays.may_act(work, row),
        "not_told_by": told.missing(work, row) if shared else [],
        "chain": [_link(work, row, grant) for grant in chain.of_cycle(work, cycle)],
        "offers": [view_of(work, offer) for offer in offers],
        "waiting": _waiting(work, cycle),
    }


def _link(work: Work, cycle: Cycle, grant: Grant) -> dict[str, Any]:
    names = ("term", "hop", "marathon", "granter", "granted_at")
    body = (grant.document or {}).get("body", {})
    return {
        **{name: getattr(grant, name) for name in names},
        "effective_at": grant.received_at,
        "reason": body.get("reason"),
        "seen": chain.holders(work, cycle, grant),
        "needed": chain.needed(cycle, grant),
    }


def view_of(work: Work, relay: Relay) -> dict[str, Any]:
    """An offer as its desk sees it, with how its delivery goes."""
    incoming = handing.is_incoming(work, relay)
    other = relay.from_marathon if incoming else relay.to_marathon
    leg = work.session.get_one(Marathon, other)
    elsewhere = sharing.is_elsewhere(work, leg)
    sent = _sent(work, relay) if elsewhere and not incoming else None
    return {
        **batons.view_of(relay),
        "incoming": incoming,
        "partner": leg.operated_by if elsewhere else None,
        "sent_at": sent and sent.handed_at,
        "delivered_at": sent and _delivered_at(work, relay, sent),
        "undelivered": sent and sent.error,
    }


def _delivered_at(work: Work, relay: Relay, sent: PackageOut) -> datetime | None:
    """Since when the other instance has it for certain: it took it over HTTPS, or answered it.

    What our own broker took may wait there for as long as the link is cut.
    """
    partner = sharing.partner(work, sent.partner)
    if partner is not None and partner.transport == "https" and sent.error is None:
        return sent.handed_at
    return sent.settled_at if relay.state in (*relays.TAKEN, "refused") else None


def _sent(work: Work, relay: Relay) -> PackageOut | None:
    """The package that last brought an offer, or its grant, to the other side."""
    query = select(PackageOut).where(
        PackageOut.relay == relay.id, PackageOut.kind.in_(outgoing.REPEATED)
    )
    return work.session.scalars(query.order_by(PackageOut.created_at.desc())).first()


def offers_with(work: Work, marathon: str) -> list[dict[str, Any]]:
    """The offers that a marathon made or was made, oldest first."""
    return [view_of(work, row) for row in relays.rows_with(work, marathon)]
