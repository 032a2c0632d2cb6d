"""The joint body's word: another holder by a higher term, and the end of a leg nobody answers for.

Between instances it is the cycle's joint body alone that says it (DESIGN §5).
"""

from __future__ import annotations

from typing import Any

from services.chassis.errors import Invalid, NotFound, Refusal
from services.chassis.work import Work
from services.registration import batons, marathons
from services.registration import relay as relays
from services.registration.partners import handing, mirrors, sharing, told
from services.registration.tables import Cycle, Marathon


def reassign(
    work: Work, cycle: str, to_marathon: str, reason: str, even_unheard: bool = False
) -> dict[str, Any]:
    """Grants the baton to another marathon by raising the term: the joint body only.

    Raises ``Refusal`` while the holder's marathon is being played (its baton moves on when it
    is cancelled), or for a marathon that can't take it; between instances also while most
    partners are silent, unless ``even_unheard``: then the holder may be playing elsewhere.
    """
    work.actor.must("organiser", None)
    legs = relays.lock_all(work, cycle)
    row = relays.locked_cycle(work, cycle)
    grant = batons.latest(work, cycle)
    target = next((leg for leg in legs if leg.id == to_marathon), None)
    holder = next((leg for leg in legs if grant and leg.id == grant.marathon), None)
    if target is None:
        raise NotFound("marathon", to_marathon)
    if grant is None or holder is None:
        raise Invalid("no_baton", "Ce cycle n’a pas de relais en cours.")
    _may_reassign(work, row, even_unheard)
    _may_be_reassigned(holder, target, even_unheard and sharing.is_elsewhere(work, holder))
    relays.supersede(work, relays.unreceived(work, cycle))
    row.term = handing.next_term(work, row)
    if holder.baton is not None and holder.state in marathons.TO_COME:
        holder.baton = None
        marathons.say(work, holder)
    relay = relays.new(work, row, grant, target.id, "passed")
    relay.reason = reason
    relays.grant_to(work, relay, reason)
    return batons.view_of(relay)


def _may_reassign(work: Work, cycle: Cycle, even_unheard: bool) -> None:
    if not sharing.is_shared(work, cycle):
        return
    if sharing.joint_body(cycle) != sharing.me(work):
        raise Refusal(
            "not_the_joint_body",
            "Seul le syndicat mixte du cycle réattribue le relais entre instances.",
            "Adressez-vous à lui.",
            joint_body=sharing.joint_body(cycle),
        )
    if not even_unheard and not told.is_told(work, cycle):
        raise Refusal(
            "partners_unheard",
            "Trop peu de partenaires ont dit, depuis le démarrage, où en est le relais.",
            "Attendez qu’ils répondent, ou confirmez que vous réattribuez sans les entendre.",
            missing=told.missing(work, cycle),
        )


def may_give_up(work: Work, marathon: str) -> bool:
    """Whether a leg is elsewhere and this instance the joint body's of its cycle."""
    row = marathons.found(work, marathon)
    cycle = relays.found_cycle(work, row.cycle)
    is_ours = sharing.joint_body(cycle) == sharing.me(work)
    return is_ours and sharing.is_elsewhere(work, row)


def give_up(work: Work, marathon: str, reason: str) -> Marathon:
    """Cancels a leg elsewhere of which nothing is heard any more: the joint body only.

    All partners are told; so the cycle can end without it.
    """
    work.actor.must("organiser", None)
    row = marathons.found(work, marathon)
    relays.lock_all(work, row.cycle)
    cycle = relays.locked_cycle(work, row.cycle)
    if row.state not in marathons.OVER:
        mirrors.give_up(work, cycle, row, work.now, reason)
        relays.settle(work, cycle.id)
    return row


def _may_be_reassigned(holder: Marathon, target: Marathon, may_play: bool) -> None:
    relays.must_be_free(target, holder.id)
    if not may_play and holder.state not in (*marathons.OVER, *marathons.TO_COME):
        raise Refusal(
            "holder_is_playing",
            f"Le relais est à « {holder.title} », {marathons.FRENCH[holder.state]}.",
            "Attendez sa clôture, ou annulez ce marathon : son relais passera plus loin.",
            holder=holder.title,
            state=holder.state,
        )
