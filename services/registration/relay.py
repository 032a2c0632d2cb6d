"""The relay: offer → answer → grant → receipt (DESIGN §5).

Only a grant makes a holder, and a constraint keeps it the only one of its cycle, term and hop.
Whoever changes the relay holds the cycle's lock, taken after any marathon's.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select

from services.chassis.errors import Invalid, NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.registration import batons, marathons
from services.registration.tables import Cycle, Grant, Marathon, Relay


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


def holds(work: Work, marathon: Marathon) -> bool:
    """Whether a marathon holds the baton: it received the latest grant of its cycle."""
    grant = batons.latest(work, marathon.cycle)
    return grant is not None and grant.marathon == marathon.id and grant.received_at is not None


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

    The baton of a marathon that is over is offered to the next; after the last the cycle is
    finished.
    """
    row = locked_cycle(work, cycle)
    if row.state != "finished":
        _settle(work, row)


def _settle(work: Work, cycle: Cycle) -> None:
    legs = marathons.of_cycle(work, cycle.id)
    _supersede(work, [relay for relay in _open(work, cycle.id) if _is_void(relay, legs)])
    if all(leg.state in marathons.OVER for leg in legs):
        _finish(work, cycle, legs)
        return
    grant = batons.latest(work, cycle.id)
    holder = next((leg for leg in legs if grant and leg.id == grant.marathon), None)
    if grant and holder and holder.state in marathons.OVER and not _open(work, cycle.id):
        _offer_next(work, cycle, grant, holder, legs)


def _open(work: Work, cycle: str) -> list[Relay]:
    work.session.flush()
    query = select(Relay).where(Relay.cycle == cycle, Relay.state == "offered")
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def _is_void(relay: Relay, legs: list[Marathon]) -> bool:
    """Whether an offer's marathon can't take the baton any more."""
    return all(leg.id != relay.to_marathon or leg.state != "announced" for leg in legs)


def _supersede(work: Work, relays: list[Relay]) -> None:
    for relay in relays:
        relay.state = "superseded"
        relay.answered_at = work.now
        batons.say(work, relay, "relay_refused")


def _offer_next(
    work: Work, cycle: Cycle, grant: Grant, holder: Marathon, legs: list[Marathon]
) -> None:
    """Offers the baton to the next marathon to come that was not yet asked for this hop.

    When the next is still a draft, the offer waits for its announcement; when all were asked,
    for the joint body.
    """
    asked = _asked(work, cycle, grant.hop + 1)
    candidates = (
        leg
        for leg in legs
        if leg.leg > holder.leg and leg.state in marathons.TO_COME and leg.id not in asked
    )
    target = next(candidates, None)
    if target is None or target.state == "draft":
        return
    relay = _new(work, cycle, grant, target.id, "offered")
    relay.deadline = work.now + timedelta(days=cycle.answer_days)
    batons.say(work, relay, "relay_offered")


def _asked(work: Work, cycle: Cycle, hop: int) -> set[str]:
    query = select(Relay.to_marathon).where(
        Relay.cycle == cycle.id, Relay.term == cycle.term, Relay.hop == hop
    )
    return set(work.session.scalars(query))


def _new(work: Work, cycle: Cycle, grant: Grant, to_marathon: str, state: str) -> Relay:
    relay = Relay(
        id=work.new_id(),
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
    """Ends the offers whose deadline has come, and asks the next host."""
    late = select(Relay.cycle).where(Relay.state == "offered", Relay.deadline <= work.now)
    for cycle in sorted(set(work.session.scalars(late))):
        locked_cycle(work, cycle)
        for relay in _open(work, cycle):
            if relay.deadline is not None and relay.deadline <= work.now:
                relay.state, relay.answered_at = "expired", work.now
                batons.say(work, relay, "relay_refused")
        settle(work, cycle)


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
    cycle = locked_cycle(work, row.cycle)
    work.session.refresh(row)
    if not _was_answered(row, answer):
        _must_be_open(work, row, cycle)
        _take(work, row, reason) if answer == "accepted" else _refuse(work, row, reason)
    return batons.view_of(row)


def _was_answered(relay: Relay, answer: str) -> bool:
    given = {"refused": "refused", "passed": "accepted", "received": "accepted"}.get(relay.state)
    if given is not None and given != answer:
        raise Refusal(
            "relay_answered",
            "Une autre réponse a déjà été donnée à cette offre.",
            "Adressez-vous au syndicat mixte pour réattribuer le relais.",
        )
    return given == answer


def _must_be_open(work: Work, relay: Relay, cycle: Cycle) -> None:
    late = relay.deadline is not None and relay.deadline <= work.now
    if relay.state != "offered" or late or relay.term < cycle.term:
        raise Refusal(
            "relay_superseded",
            "Cette offre n’est plus valable : le relais a été proposé ou confié ailleurs.",
            "Adressez-vous au syndicat mixte si votre ville souhaite encore le recevoir.",
        )


def _refuse(work: Work, relay: Relay, reason: str | None) -> None:
    relay.state, relay.answered_at, relay.reason = "refused", work.now, reason
    batons.say(work, relay, "relay_refused")
    settle(work, relay.cycle)


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
    _grant(work, relay)


def _grant(work: Work, relay: Relay) -> None:
    """Makes the offer's marathon the holder: the row that a constraint keeps unique."""
    grant = Grant(
        cycle=relay.cycle,
        term=relay.term,
        hop=relay.hop,
        marathon=relay.to_marathon,
        relay=relay.id,
        granted_at=work.now,
    )
    relay.baton = batons.packed(work, relay)
    work.session.add(grant)
    relay.state, relay.answered_at = "passed", work.now
    work.session.flush()
    batons.say(work, relay, "relay_passed")


def receive(work: Work, relay: str) -> None:
    """The next host's receipt of a grant; doing it again changes nothing.

    The caller holds the receiving marathon's lock.
    """
    row = work.session.get(Relay, relay)
    if row is None:
        return
    locked_cycle(work, row.cycle)
    work.session.refresh(row)
    grant = batons.latest(work, row.cycle)
    if row.state != "passed" or grant is None or grant.relay != row.id:
        return
    row.state, grant.received_at = "received", work.now
    batons.say(work, row, "relay_received")
    holder = marathons.found(work, row.to_marathon)
    if holder.state not in marathons.OVER:
        holder.baton = batons.reference(grant)
        marathons.say(work, holder)


# --- the joint body's word ----------------------------------------------------------------


def reassign(work: Work, cycle: str, to_marathon: str, reason: str) -> dict[str, Any]:
    """Grants the baton to another marathon by raising the term: the joint body only.

    Raises ``Refusal`` while the holder's marathon is being played (its baton moves on when it
    is cancelled), or for a marathon that can't take it.
    """
    work.actor.must("organiser", None)
    legs = _all_locked(work, cycle)
    row = locked_cycle(work, cycle)
    grant = batons.latest(work, cycle)
    target = next((leg for leg in legs if leg.id == to_marathon), None)
    holder = next((leg for leg in legs if grant and leg.id == grant.marathon), None)
    if target is None:
        raise NotFound("marathon", to_marathon)
    if grant is None or holder is None:
        raise Invalid("no_baton", "Ce cycle n’a pas de relais en cours.")
    _may_be_reassigned(holder, target)
    _supersede(work, _unreceived(work, cycle))
    row.term += 1
    if holder.baton is not None and holder.state in marathons.TO_COME:
        holder.baton = None
        marathons.say(work, holder)
    relay = _new(work, row, grant, target.id, "passed")
    relay.reason = reason
    _grant(work, relay)
    return batons.view_of(relay)


def _all_locked(work: Work, cycle: str) -> list[Marathon]:
    ids = select(Marathon.id).where(Marathon.cycle == cycle).order_by(Marathon.id)
    return [marathons.locked(work, marathon) for marathon in list(work.session.scalars(ids))]


def _unreceived(work: Work, cycle: str) -> list[Relay]:
    work.session.flush()
    query = select(Relay).where(Relay.cycle == cycle, Relay.state.in_(("offered", "passed")))
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def _may_be_reassigned(holder: Marathon, target: Marathon) -> None:
    if holder.id == target.id or target.state != "announced":
        raise Refusal(
            "relay_not_takeable",
            "Ce marathon ne peut pas recevoir le relais.",
            "Choisissez un marathon annoncé, qui n’a pas commencé et n’a pas déjà le relais.",
        )
    if holder.state not in marathons.OVER and holder.state not in marathons.TO_COME:
        raise Refusal(
            "holder_is_playing",
            f"Le relais est à « {holder.title} », {marathons.FRENCH[holder.state]}.",
            "Attendez sa clôture, ou annulez ce marathon : son relais passera plus loin.",
            holder=holder.title,
            state=holder.state,
        )


def list_relays(work: Work, cycle: str, page: Page) -> Answer:
    """All offers of a cycle, oldest first. Raises ``NotFound("cycle")``."""
    found_cycle(work, cycle)
    query = select(Relay).where(Relay.cycle == cycle)
    order = (Relay.term, Relay.hop, Relay.offered_at, Relay.to_marathon)
    return page.rows(work.session, query, order, batons.view_of)


def offers_with(work: Work, marathon: str) -> list[dict[str, Any]]:
    """The offers that a marathon made or was made, oldest first."""
    query = select(Relay).where(or_(Relay.from_marathon == marathon, Relay.to_marathon == marathon))
    query = query.order_by(Relay.term, Relay.hop, Relay.offered_at, Relay.to_marathon)
    return [batons.view_of(row) for row in work.session.scalars(query)]
