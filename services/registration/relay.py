"""The relay: offer → answer → grant → receipt (DESIGN §5).

Only a grant makes a holder, and a constraint keeps it the only one of its cycle, term and hop.
Whoever changes the relay holds the cycle's lock, taken after any marathon's.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select

from services.chassis.errors import NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.registration import batons, marathons
from services.registration.partners import chain, handing, letters, sharing, told
from services.registration.tables import Cycle, Grant, Marathon, Relay

TAKEN = ("accepted", "passed", "received")
OPEN = ("offered", "accepted")
"""The offers that wait for an answer, or for the grant that follows it."""


def found_cycle(work: Work, cycle: str) -> Cycle:
    """The cycle of this id. Raises ``NotFound("cycle")``."""
    row = work.session.get(Cycle, cycle)
    if row is None:
        raise NotFound("cycle", cycle)
    return row


def locked_cycle(work: Work, cycle: str) -> Cycle:
    """The cycle as it is now, whose relay nobody else changes until the transaction's end."""
    work.lock(f"cycle:{cycle}")
    work.session.flush()
    row = work.session.get(Cycle, cycle, populate_existing=True)
    if row is None:
        raise NotFound("cycle", cycle)
    return row


def lock_all(work: Work, cycle: str) -> list[Marathon]:
    """Locks all marathons of a cycle, also those that are operated elsewhere, by id."""
    ids = select(Marathon.id).where(Marathon.cycle == cycle).order_by(Marathon.id)
    for marathon in list(work.session.scalars(ids)):
        work.lock(f"marathon:{marathon}")
    # Read (again) after the locks: what was read before them may be somebody's past.
    return sorted(marathons.of_cycle(work, cycle), key=lambda leg: leg.id)


def holds(work: Work, marathon: Marathon) -> bool:
    """Whether a marathon holds the baton: the latest grant of its cycle is its own, effective.

    Between instances, as far as the partners told since our start (DESIGN §5).
    """
    grant = batons.latest(work, marathon.cycle)
    if grant is None or grant.marathon != marathon.id or grant.received_at is None:
        return False
    if was_refused(work, grant):
        return False
    return may_act(work, found_cycle(work, marathon.cycle))


def may_act(work: Work, cycle: Cycle) -> bool:
    """Whether this run knows enough to grant, and to hold: alone always, else once told."""
    return not sharing.is_shared(work, cycle) or told.is_told(work, cycle)


def must_be_free(target: Marathon, holder: str) -> None:
    """Raises ``Refusal("relay_not_takeable")`` unless a marathon may have the baton next."""
    if target.state != "announced" or target.id == holder:
        raise Refusal(
            "relay_not_takeable",
            "Ce marathon ne peut pas recevoir le relais.",
            "Choisissez un marathon annoncé, qui n’a pas commencé et n’a pas déjà le relais.",
        )


def must_be_told(work: Work, cycle: Cycle) -> None:
    """Raises ``Refusal("partners_unheard")`` while too few partners told this run."""
    if not may_act(work, cycle):
        raise Refusal(
            "partners_unheard",
            "Trop peu de partenaires ont dit, depuis le démarrage, où en est le relais.",
            "Réessayez dans quelques secondes.",
            missing=told.missing(work, cycle),
        )


def was_refused(work: Work, grant: Grant) -> bool:
    """Whether a host of ours had refused what a partner granted it all the same.

    The grant counts for all others, for they can't know. The host takes the baton only by the
    joint body's word; it moves on when the marathon is cancelled.
    """
    if grant.granter in (None, sharing.me(work)) or chain.is_raising(grant):
        return False
    row = _offer_of(work, grant)
    if row is None or row.state != "refused":
        return False
    return not sharing.is_elsewhere(work, marathons.found(work, grant.marathon))


def _offer_of(work: Work, grant: Grant) -> Relay | None:
    name = grant.relay or handing.relay_id(*chain.key_of(grant), grant.marathon)
    return work.session.get(Relay, name)


def grant_first(work: Work, cycle: Cycle, marathon: Marathon) -> None:
    """Gives the first leg its baton, at the opening of the cycle."""
    work.session.flush()
    grant = Grant(cycle=cycle.id, term=cycle.term, hop=1, marathon=marathon.id)
    grant.granted_at = grant.received_at = work.now
    work.session.add(grant)
    marathon.baton = batons.reference(grant)


# --- what the state of the cycle requires -------------------------------------------------


def settle(work: Work, cycle: str) -> None:
    """Does all that the cycle requires of its relay now; doing it again changes nothing.

    Without the key to sign what it tells partners it does nothing yet.
    The baton of a marathon that is over is offered to the next; after the last the cycle is
    finished.
    """
    row = locked_cycle(work, cycle)
    if row.state != "finished" and sharing.can_sign(work, row):
        _settle(work, row)


def _settle(work: Work, cycle: Cycle) -> None:
    legs = marathons.of_cycle(work, cycle.id)
    grant = batons.latest(work, cycle.id)
    waiting = unreceived(work, cycle.id)
    supersede(work, [relay for relay in waiting if _is_void(relay, legs, grant)])
    if all(leg.state in marathons.OVER for leg in legs):
        _finish(work, cycle, legs)
        return
    holder = next((leg for leg in legs if grant and leg.id == grant.marathon), None)
    if grant is None or holder is None or holder.state not in marathons.OVER:
        return
    is_effective = grant.received_at is not None or not sharing.is_shared(work, cycle)
    if is_effective and not open_offers(work, cycle.id):
        _offer_next(work, cycle, grant, holder, legs)


def open_offers(work: Work, cycle: str) -> list[Relay]:
    """The offers of a cycle that wait for an answer, or for the grant that follows it."""
    work.session.flush()
    query = select(Relay).where(Relay.cycle == cycle, Relay.state.in_(OPEN))
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def unreceived(work: Work, cycle: str) -> list[Relay]:
    """The offers of a cycle that are open, or granted and not yet effective."""
    work.session.flush()
    query = select(Relay).where(Relay.cycle == cycle, Relay.state.in_((*OPEN, "passed")))
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def _is_void(relay: Relay, legs: list[Marathon], grant: Grant | None) -> bool:
    """Whether an offer's marathon can't take the baton any more, or another has it."""
    if relay.state == "passed":
        return grant is not None and relay.term < grant.term
    if grant is not None and (relay.term, relay.hop) <= (grant.term, grant.hop):
        return True
    return all(leg.id != relay.to_marathon or leg.state != "announced" for leg in legs)


def supersede(work: Work, relays: list[Relay]) -> None:
    """Ends offers that another grant has overtaken."""
    for relay in relays:
        if _is_granted(work, relay):
            relay.state = "passed"  # we had forgotten it, and learned it from the partners
            handing.answered(work, relay)
            letters.granted(work, relay)
            continue
        was_accepted = relay.state in TAKEN
        relay.state = "superseded"
        relay.answered_at = work.now
        handing.end(work, relay, "superseded", was_accepted)
        batons.say(work, relay, "relay_refused")


def _is_granted(work: Work, relay: Relay) -> bool:
    grant = work.session.get(Grant, (relay.cycle, relay.term, relay.hop))
    return relay.state in OPEN and grant is not None and grant.marathon == relay.to_marathon


def _offer_next(
    work: Work, cycle: Cycle, grant: Grant, holder: Marathon, legs: list[Marathon]
) -> None:
    """Offers the baton to the next marathon to come that was not yet asked for this hop.

    When the next is still a draft, the offer waits for its announcement; when all were asked,
    for the joint body. A holder elsewhere offers it from there.
    """
    if sharing.is_elsewhere(work, holder) or not may_act(work, cycle):
        return
    asked = _asked(work, cycle, grant.hop + 1)
    candidates = (
        leg
        for leg in legs
        if leg.leg > holder.leg and leg.state in marathons.TO_COME and leg.id not in asked
    )
    target = next(candidates, None)
    if target is None or target.state == "draft":
        return
    relay = new(work, cycle, grant, target.id, "offered")
    ask_host(work, cycle, relay)


def ask_host(work: Work, cycle: Cycle, relay: Relay) -> None:
    """Asks the host of an offer, here or elsewhere, for an answer within its time."""
    relay.deadline = work.now + timedelta(days=cycle.answer_days)
    if sharing.is_shared(work, cycle):
        relay.round = handing.next_round(work, relay)
    handing.offer(work, relay)
    batons.say(work, relay, "relay_offered")


def _asked(work: Work, cycle: Cycle, hop: int) -> set[str]:
    query = select(Relay.to_marathon).where(
        Relay.cycle == cycle.id, Relay.term == cycle.term, Relay.hop == hop
    )
    return set(work.session.scalars(query))


def new(work: Work, cycle: Cycle, grant: Grant, to_marathon: str, state: str) -> Relay:
    """An offer of the hop after a grant, in this state; nobody is told of it here."""
    at = (cycle.id, cycle.term, grant.hop + 1)
    shared = sharing.is_shared(work, cycle)
    relay = Relay(
        id=handing.relay_id(*at, to_marathon) if shared else work.new_id(),
        cycle=cycle.id,
        term=cycle.term,
        hop=grant.hop + 1,
        from_marathon=grant.marathon,
        to_marathon=to_marathon,
        state=state,
        offered_at=work.now,
    )
    work.session.add(relay)
    work.session.flush()
    return relay


def _finish(work: Work, cycle: Cycle, legs: list[Marathon]) -> None:
    cycle.state = "finished"
    cycle.finished_at = work.now
    ended = [
        {
            "marathon": leg.id,
            "leg": leg.leg,
            "state": leg.state,
            "palmares_digest": (leg.palmares or {}).get("digest"),
        }
        for leg in legs
    ]
    work.say("cycle_finished", cycle.id, {"id": cycle.id, "state": "finished", "legs": ended})


def expire(work: Work) -> None:
    """Ends the offers whose deadline has come, and asks the next host.

    What can't be signed now waits for its key, and keeps nothing else waiting.
    """
    late = select(Relay.cycle).where(Relay.state == "offered", Relay.deadline <= work.now)
    for cycle in sorted(set(work.session.scalars(late))):
        if sharing.can_sign(work, locked_cycle(work, cycle)):
            expire_in(work, cycle)
            settle(work, cycle)


def expire_in(work: Work, cycle: str) -> None:
    """Ends the late offers of a cycle, which is locked."""
    for relay in open_offers(work, cycle):
        if relay.state == "offered" and is_late(work, relay):
            end(work, relay, "expired", "relay_refused")


def end(work: Work, relay: Relay, state: str, event: str) -> None:
    """Ends an open offer without a grant, and says it; its host elsewhere is told."""
    relay.state, relay.answered_at = state, work.now
    handing.end(work, relay, state)
    batons.say(work, relay, event)


def is_late(work: Work, relay: Relay) -> bool:
    """Whether an offer's deadline has come."""
    return relay.deadline is not None and relay.deadline <= work.now


# --- answer, grant, receipt ---------------------------------------------------------------


def answer(work: Work, relay: str, answer: str, reason: str | None = None) -> dict[str, Any]:
    """The offered host's answer; accepting grants the baton.

    The same answer again changes nothing. Raises ``Refusal("relay_superseded")`` for an answer
    that comes too late, ``Refusal("relay_answered")`` for one that contradicts the first.
    """
    row = work.session.get(Relay, relay)
    if row is None:
        raise NotFound("relay", relay)
    work.actor.must("organiser", row.to_marathon)
    marathons.locked(work, row.to_marathon)
    lock_all(work, row.cycle)
    cycle = locked_cycle(work, row.cycle)
    work.session.refresh(row)
    if not _was_answered(row, answer):
        _must_be_open(work, row, cycle)
        _take(work, row, reason) if answer == "accepted" else _refuse(work, row, reason)
    return batons.view_of(row)


def _was_answered(relay: Relay, answer: str) -> bool:
    given = {"refused": "refused", **dict.fromkeys(TAKEN, "accepted")}.get(relay.state)
    if given is not None and given != answer:
        raise Refusal(
            "relay_answered",
            "Une autre réponse a déjà été donnée à cette offre.",
            "Adressez-vous au syndicat mixte pour réattribuer le relais.",
        )
    return given == answer


def _must_be_open(work: Work, relay: Relay, cycle: Cycle) -> None:
    if relay.state != "offered" or is_late(work, relay) or relay.term < cycle.term:
        raise Refusal(
            "relay_superseded",
            "Cette offre n’est plus valable : le relais a été proposé ou confié ailleurs.",
            "Adressez-vous au syndicat mixte si votre ville souhaite encore le recevoir.",
        )


def _refuse(work: Work, relay: Relay, reason: str | None) -> None:
    relay.reason = reason
    refuse(work, relay)
    handing.answer(work, relay, "refused")
    settle(work, relay.cycle)


def refuse(work: Work, relay: Relay) -> None:
    """Notes that the host said no."""
    relay.state, relay.answered_at = "refused", work.now
    handing.answered(work, relay)
    batons.say(work, relay, "relay_refused")


def _take(work: Work, relay: Relay, reason: str | None) -> None:
    target = marathons.found(work, relay.to_marathon)
    if target.state != "announced":
        raise Refusal(
            "relay_not_takeable",
            f"Le marathon est « {marathons.FRENCH[target.state]} » : "
            "il ne peut pas recevoir le relais.",
            state=target.state,
        )
    relay.reason = reason
    cycle = found_cycle(work, relay.cycle)
    if not sharing.is_shared(work, cycle):
        grant_to(work, relay)
        return
    accept(work, relay)
    handing.answer(work, relay, "accepted")
    grant_accepted(work, cycle)


def accept(work: Work, relay: Relay) -> None:
    """Notes that the host said yes; the grant follows."""
    relay.state, relay.answered_at = "accepted", work.now
    handing.answered(work, relay)
    batons.say(work, relay, "relay_accepted")


def grant_accepted(work: Work, cycle: Cycle) -> bool:
    """Grants what a host accepted of a leg of ours, once this run may; whether it did."""
    grant = batons.latest(work, cycle.id)
    accepted = [relay for relay in open_offers(work, cycle.id) if relay.state == "accepted"]
    ready = [one for one in accepted if grant and _may_grant(work, cycle, one, grant)]
    for relay in ready[:1]:
        grant_to(work, relay)
    return bool(ready)


def _may_grant(work: Work, cycle: Cycle, relay: Relay, before: Grant) -> bool:
    holder = marathons.found(work, relay.from_marathon)
    return (
        not sharing.is_elsewhere(work, holder)
        and holder.state in marathons.OVER
        and (before.term, before.hop + 1) == (relay.term, relay.hop)
        and (before.marathon, before.received_at is not None) == (holder.id, True)
        and may_act(work, cycle)
    )


def grant_to(work: Work, relay: Relay, raising: str | None = None) -> None:
    """Makes the offer's marathon the holder: the row that a constraint keeps unique."""
    if sharing.is_shared(work, found_cycle(work, relay.cycle)):
        handing.grant(work, relay, raising)
    else:
        relay.baton = batons.packed(work, relay)
        batons.grant(work, relay)
    relay.state, relay.answered_at = "passed", work.now
    work.session.flush()
    batons.say(work, relay, "relay_passed")


def receive(work: Work, relay: str) -> None:
    """The next host's receipt of a grant; doing it again changes nothing.

    The caller holds the receiving marathon's lock. Between instances it takes more than a
    receipt; see ``take_effect``.
    """
    row = work.session.get(Relay, relay)
    if row is None or sharing.is_shared(work, locked_cycle(work, row.cycle)):
        return
    work.session.refresh(row)
    grant = batons.latest(work, row.cycle)
    if row.state != "passed" or grant is None or grant.relay != row.id:
        return
    grant.received_at = work.now
    received(work, row)
    holder = marathons.found(work, row.to_marathon)
    if holder.state not in marathons.OVER:
        holder.baton = batons.reference(grant)
        marathons.say(work, holder)


def received(work: Work, relay: Relay) -> None:
    """Notes that the next host has the baton; again changes nothing."""
    if relay.state != "received":
        if relay.state in OPEN:
            letters.granted(work, relay)  # a notice brought it before the grant itself came
        relay.state = "received"
        batons.say(work, relay, "relay_received")
        letters.next_host(work, relay)


def open_by_cycle(work: Work) -> dict[str, list[Relay]]:
    """By cycle the offers that wait for an answer, or for the grant that follows it."""
    found: dict[str, list[Relay]] = {}
    for relay in work.session.scalars(select(Relay).where(Relay.state.in_(OPEN))):
        found.setdefault(relay.cycle, []).append(relay)
    return found


def remind(work: Work, cycle: str) -> None:
    """Reminds the organisers of a cycle's open offers before their time is over."""
    for relay in open_offers(work, cycle):
        letters.remind(work, relay)


def take_effect(work: Work, cycle: Cycle) -> None:
    """Gives the baton to whom the latest grant is for, once it is effective; again is nothing.

    The caller holds the locks of the cycle's marathons.
    """
    chain.take_effect(work, cycle)
    grant = batons.latest(work, cycle.id)
    if grant is None:
        return
    for one in chain.of_cycle(work, cycle.id):
        if one.term == grant.term and one.received_at is not None:
            _note_received(work, one)
    if grant.received_at is None:
        return
    holder = None if was_refused(work, grant) else grant.marathon
    for leg in marathons.of_cycle(work, cycle.id):
        _carry(work, leg, batons.reference(grant) if leg.id == holder else None)


def _note_received(work: Work, grant: Grant) -> None:
    row = _offer_of(work, grant)
    if row is not None and not was_refused(work, grant):
        received(work, row)


def _carry(work: Work, leg: Marathon, baton: dict[str, Any] | None) -> None:
    """Gives a marathon its baton, or takes it from one that waited with it."""
    if baton == leg.baton or (baton is None and leg.state not in marathons.TO_COME):
        return
    leg.baton = baton
    if leg.state not in marathons.OVER:
        marathons.say(work, leg)


# --- what there is ------------------------------------------------------------------------


def list_relays(work: Work, cycle: str, page: Page) -> Answer:
    """All offers of a cycle, oldest first. Raises ``NotFound("cycle")``."""
    found_cycle(work, cycle)
    query = select(Relay).where(Relay.cycle == cycle)
    order = (Relay.term, Relay.hop, Relay.offered_at, Relay.to_marathon)
    return page.rows(work.session, query, order, batons.view_of)


def rows_with(work: Work, marathon: str) -> list[Relay]:
    """The offers that a marathon made or was made, oldest first."""
    query = select(Relay).where(or_(Relay.from_marathon == marathon, Relay.to_marathon == marathon))
    query = query.order_by(Relay.term, Relay.hop, Relay.offered_at, Relay.to_marathon)
    return list(work.session.scalars(query))
