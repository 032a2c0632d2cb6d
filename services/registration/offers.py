"""An organiser's word about an offer: taken back, or made to a host of their choice."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.errors import NotFound, Refusal
from services.chassis.work import Work
from services.registration import batons, marathons
from services.registration import relay as relays
from services.registration.partners import sharing
from services.registration.tables import Cycle, Grant, Marathon, Relay


def withdraw(work: Work, relay: str, reason: str | None = None) -> dict[str, Any]:
    """Takes an offer back that was not granted yet; the next host is asked.

    Raises ``Refusal("relay_not_open")`` for one that is not open.
    """
    row, _cycle = _own_offer(work, relay)
    if row.state == "withdrawn":
        return batons.view_of(row)
    if row.state not in relays.OPEN:
        raise _not_open()
    row.reason = reason or row.reason
    relays.end(work, row, "withdrawn", "relay_withdrawn")
    relays.settle(work, row.cycle)
    return batons.view_of(row)


def offer_again(work: Work, cycle: str, to_marathon: str) -> dict[str, Any]:
    """Offers the baton to a host that the organiser of the leg that is over chooses.

    It may be one that refused or let its time run out. An offer that is still open is withdrawn
    for it. Raises ``Refusal`` where there is no baton to offer from here, or no such host.
    """
    grant = batons.latest(work, cycle)
    if grant is None:
        relays.found_cycle(work, cycle)
        raise _nothing_to_offer()
    work.actor.must("organiser", grant.marathon)
    legs = relays.lock_all(work, cycle)
    row = relays.locked_cycle(work, cycle)
    target = next((leg for leg in legs if leg.id == to_marathon), None)
    if target is None:
        raise NotFound("marathon", to_marathon)
    grant = _offerable(work, row, legs)
    relays.must_be_free(target, grant.marathon)
    return batons.view_of(_offer_to(work, row, grant, target))


def _offerable(work: Work, cycle: Cycle, legs: list[Marathon]) -> Grant:
    """The grant whose baton this instance may offer now."""
    grant = batons.latest(work, cycle.id)
    holder = next((leg for leg in legs if grant and leg.id == grant.marathon), None)
    if grant is None or holder is None or grant.received_at is None:
        raise _nothing_to_offer()
    if holder.state not in marathons.OVER or sharing.is_elsewhere(work, holder):
        raise _nothing_to_offer()
    # After a restore it might be granted already, and only the partners know.
    relays.must_be_told(work, cycle)
    return grant


def _offer_to(work: Work, cycle: Cycle, grant: Grant, target: Marathon) -> Relay:
    open_now = relays.open_offers(work, cycle.id)
    there = [relay for relay in open_now if relay.to_marathon == target.id]
    if there:
        return there[0]
    for relay in open_now:
        relays.end(work, relay, "withdrawn", "relay_withdrawn")
    query = select(Relay).where(
        Relay.cycle == cycle.id,
        Relay.term == cycle.term,
        Relay.hop == grant.hop + 1,
        Relay.to_marathon == target.id,
    )
    relay = work.session.scalar(query) or relays.new(work, cycle, grant, target.id, "offered")
    relay.state, relay.offered_at, relay.answered_at = "offered", work.now, None
    relay.reason, relay.reminders = None, 0
    relays.ask_host(work, cycle, relay)
    return relay


def _own_offer(work: Work, relay: str) -> tuple[Relay, Cycle]:
    row = work.session.get(Relay, relay)
    if row is None:
        raise NotFound("relay", relay)
    work.actor.must("organiser", row.from_marathon)
    marathons.locked(work, row.from_marathon)
    cycle = relays.locked_cycle(work, row.cycle)
    work.session.refresh(row)
    return row, cycle


def _not_open() -> Refusal:
    return Refusal(
        "relay_not_open",
        "Cette offre n’attend plus de réponse.",
        "Seul le syndicat mixte peut encore réattribuer le relais.",
    )


def _nothing_to_offer() -> Refusal:
    return Refusal(
        "nothing_to_offer",
        "Cette instance n’a pas de relais à proposer maintenant.",
        "Un relais se propose une fois le marathon qui le porte clos ou annulé.",
    )
