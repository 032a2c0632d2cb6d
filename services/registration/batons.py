"""The baton: what is handed over, which grants it went through, and how it is told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.work import Work
from services.registration import marathons
from services.registration.messages_cycle import Baton
from services.registration.tables import Grant, Marathon, Relay

REUSABLE = ("who_may_vote", "elsewhere_may_vote", "tie_rule", "hold_days")


def latest(work: Work, cycle: str) -> Grant | None:
    """The latest grant of a cycle: the highest term, in it the highest hop."""
    work.session.flush()
    query = select(Grant).where(Grant.cycle == cycle)
    return work.session.scalar(query.order_by(Grant.term.desc(), Grant.hop.desc()).limit(1))


def grant(work: Work, relay: Relay, **between: Any) -> Grant:
    """Keeps the grant of an offer; ``between`` instances it has a package, with its digest, its
    granter and its document."""
    row = Grant(
        cycle=relay.cycle,
        term=relay.term,
        hop=relay.hop,
        marathon=relay.to_marathon,
        relay=relay.id,
        granted_at=work.now,
        **between,
    )
    work.session.add(row)
    return row


def reference(grant: Grant) -> dict[str, Any]:
    """A grant by its name."""
    return {"cycle": grant.cycle, "term": grant.term, "hop": grant.hop}


def packed(work: Work, relay: Relay) -> dict[str, Any]:
    """The baton for an offer that is granted, as JSON; no personal data at all (DESIGN §5)."""
    dumped: dict[str, Any] = Baton().dump(values(work, relay))
    return dumped


def values(work: Work, relay: Relay) -> dict[str, Any]:
    """The same with instants as instants."""
    sender = marathons.found(work, relay.from_marathon)
    return {
        "leg": sender.leg,
        "palmares_digest": (sender.palmares or {}).get("digest"),
        "chain": _chain(work, relay),
        "templates": templates(sender),
    }


def _chain(work: Work, relay: Relay) -> list[dict[str, Any]]:
    """The grants before an offer's, one for each hop: an overtaken one is not on the way."""
    query = select(Grant).where(Grant.cycle == relay.cycle, Grant.hop < relay.hop)
    grants = work.session.scalars(query.order_by(Grant.term, Grant.hop))
    latest = {grant.hop: grant for grant in grants}
    names = ("term", "hop", "marathon", "granted_at")
    return [{name: getattr(latest[hop], name) for name in names} for hop in sorted(latest)]


def templates(marathon: Marathon) -> dict[str, Any]:
    """What the next host may take over."""
    settings = marathons.settings_of(marathon)
    return {"settings": {name: settings[name] for name in REUSABLE}}


NAMES = ("id", "cycle", "term", "hop", "from_marathon", "to_marathon", "state", "deadline")


def state_of(relay: Relay) -> dict[str, Any]:
    """The whole state of an offer."""
    state = {name: getattr(relay, name) for name in NAMES}
    baton = Baton().load(relay.baton) if relay.baton else None
    return {**state, "reason": relay.reason, "baton": baton}


def view_of(relay: Relay) -> dict[str, Any]:
    """An offer as its desks see it."""
    names = ("offered_at", "answered_at", "parcel")
    more = {name: getattr(relay, name) for name in names}
    return {**state_of(relay), **more}


def say(work: Work, relay: Relay, event_type: str) -> None:
    """Says the whole state of an offer."""
    work.session.flush()
    work.say(event_type, relay.id, state_of(relay))
