"""The baton between two instances: offers, answers and grants as packages.

For an offer within this instance all of this does nothing but sign the grant, so that others
can follow the chain.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from services.chassis.work import Work
from services.registration import batons, marathons
from services.registration.messages_cycle import Baton
from services.registration.partners import outgoing, sharing
from services.registration.partners.package import digest_of
from services.registration.tables import Cycle, Grant, Marathon, Relay

COUNTED_FROM = datetime(2020, 1, 1, tzinfo=UTC)


def relay_id(cycle: str, term: int, hop: int, to_marathon: str) -> str:
    """An offer by what it is about: the same on both sides, and after a restore."""
    name = f"{cycle} {term} {hop} {to_marathon}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def written(relay: Relay) -> str:
    """An offer as packages name it: which, and the how manieth time."""
    return f"{relay.id}.{relay.round}"


def read(name: str) -> tuple[str, int]:
    """An offer's id and round as a package names it."""
    offer, _dot, number = name.partition(".")
    return offer, int(number)


def seconds(now: datetime) -> int:
    """The clock as terms and rounds are taken from it: what was used and forgotten in a restore
    is never used again. Seconds since 2020.
    """
    return int((now - COUNTED_FROM).total_seconds())


def next_round(work: Work, relay: Relay) -> int:
    """The round in which a host is asked now."""
    return max(relay.round + 1, seconds(work.now))


def next_term(work: Work, cycle: Cycle) -> int:
    """The term that the joint body raises to.

    Between instances it is taken from the clock.
    """
    if not sharing.is_shared(work, cycle):
        return cycle.term + 1
    return max(cycle.term + 1, seconds(work.now))


def _at(relay: Relay) -> tuple[str, int, int]:
    return relay.cycle, relay.term, relay.hop


def _operator(work: Work, marathon: str) -> str | None:
    """The partner who operates a leg elsewhere, None if it is ours."""
    row = work.session.get_one(Marathon, marathon)
    return row.operated_by if sharing.is_elsewhere(work, row) else None


def is_incoming(work: Work, relay: Relay) -> bool:
    """Whether an offer came from another instance."""
    return _operator(work, relay.from_marathon) is not None


# --- the side that passes -----------------------------------------------------------------


def offer(work: Work, relay: Relay) -> None:
    """Offers the baton to a host elsewhere."""
    partner = _operator(work, relay.to_marathon)
    if partner is None:
        return
    sender = marathons.found(work, relay.from_marathon)
    values = {
        "relay": written(relay),
        "from_marathon": relay.from_marathon,
        "to_marathon": relay.to_marathon,
        "deadline": relay.deadline,
        "leg": leg_over(sender),
        "templates": batons.templates(sender),
    }
    outgoing.send(work, partner, "baton.offer", _at(relay), values, relay=relay.id)


def leg_over(marathon: Marathon) -> dict[str, Any] | None:
    """How a leg ended; None of one that did not."""
    if marathon.state not in marathons.OVER:
        return None
    return {
        "marathon": marathon.id,
        "leg": marathon.leg,
        "state": marathon.state,
        "closed_at": marathon.closed_at,
        "palmares_digest": (marathon.palmares or {}).get("digest"),
    }


def answered(work: Work, relay: Relay) -> None:
    """Its answer has come: the offer is not sent again."""
    outgoing.settle(work, relay.id, "baton.offer")


def end(work: Work, relay: Relay, state: str, was_accepted: bool = False) -> None:
    """Tells the other side of an offer that it stands no longer."""
    partner = _operator(work, relay.to_marathon)
    if partner is not None and not is_incoming(work, relay):
        for kind in ("baton.offer", "baton.grant"):
            outgoing.settle(work, relay.id, kind)
        withdraw(work, partner, _at(relay), written(relay), state)
    elif is_incoming(work, relay) and state == "superseded" and not was_accepted:
        target = marathons.found(work, relay.to_marathon)
        if target.state != "announced":
            answer(work, relay, "refused")  # it can't take it any more: the next one may


def withdraw(
    work: Work,
    partner: str,
    at: tuple[str, int, int],
    name: str,
    reason: str,
    reply_to: str | None = None,
) -> None:
    """Tells a partner that an offer, as it named it, stands no longer."""
    values = {"relay": name, "reason": reason}
    outgoing.send(work, partner, "baton.withdraw", at, values, reply_to=reply_to)


def grant(work: Work, relay: Relay, raising: str | None = None) -> Grant:
    """Signs the grant of an offer and keeps it; sends it to a host elsewhere until its receipt.

    With ``raising``, the joint body's reason, it opens a new term.
    """
    relay.baton = batons.packed(work, relay)
    partner = _operator(work, relay.to_marathon)
    package, document = outgoing.signed(
        *(work, "baton.grant", partner or sharing.me(work), _at(relay)),
        _grant_values(work, relay, raising),
    )
    row = batons.grant(
        *(work, relay),
        package=package.id,
        digest=digest_of(document),
        granter=sharing.me(work),
        document=document,
    )
    sharing.touch(work, relay.cycle)
    work.session.flush()
    if partner is not None:
        outgoing.put(work, package, document, relay=relay.id)
    return row


def _grant_values(work: Work, relay: Relay, raising: str | None) -> dict[str, Any]:
    sender = marathons.found(work, relay.from_marathon)
    before = work.session.get(Grant, (relay.cycle, relay.term, relay.hop - 1))
    return {
        "relay": written(relay),
        "from_marathon": relay.from_marathon,
        "to_marathon": relay.to_marathon,
        "granted_at": work.now,
        "leg": leg_over(sender),
        "baton": Baton().load(relay.baton or {}),
        "previous": before.package if before is not None else None,
        "reason": raising,
    }


# --- the side that receives ---------------------------------------------------------------


def answer(work: Work, relay: Relay, answer: str, reply_to: str | None = None) -> None:
    """Answers an offer that came from another instance."""
    partner = _operator(work, relay.from_marathon)
    if partner is None:
        return
    values = {"relay": written(relay), "answer": answer, "reason": relay.reason}
    outgoing.send(
        *(work, partner, "baton.answer", _at(relay), values),
        relay=relay.id,
        reply_to=reply_to or relay_package(relay),
    )


def relay_package(relay: Relay) -> str | None:
    """The package that brought an offer."""
    return (relay.parcel or {}).get("package")


def receipt(
    work: Work, partner: str, at: tuple[str, int, int], name: str | None, grant: str
) -> None:
    """Tells the granter that its grant is stored here."""
    values = {"relay": name, "grant": grant}
    outgoing.send(work, partner, "baton.receipt", at, values, reply_to=grant)
