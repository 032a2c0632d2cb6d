"""Offers of premises: offered, approved or refused, withdrawn (RULES P1, P2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from services.chassis.errors import Forbidden, Invalid, NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.venues import allocations, calls, collisions
from services.venues import premises as places
from services.venues.tables import Allocation, Offer, Premises

STANDING = ("offered", "approved")


def offer(work: Work, marathon: str, owner: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """Offers premises for a marathon.

    The same owner's premises of the same name at the same address are the same premises,
    brought up to date. Raises ``Refusal`` "already_offered", "call_not_open", ``Invalid``
    "commune_unknown", "postal_code_wrong", ``Forbidden`` for somebody else's premises.
    """
    owner_key = work.person_key(owner["email"])
    if owner_key != work.actor.key and not work.actor.has("organiser", marathon):
        raise Forbidden("Vous ne pouvez offrir que vos propres locaux, à votre adresse.")
    values = places.values_of(given)
    known = places.known(work, owner_key, values)
    _lock_marathons(work, marathon, known)
    calls.must_be_open(work, calls.found(work, marathon))
    # Two first offers of one place at once: the second finds what the first made.
    work.lock(f"owner:{owner_key}")
    premises = places.known(work, owner_key, values)
    if premises is None:
        premises = places.new(work, owner_key, owner, values)
    else:
        _must_not_be_offered(work, marathon, premises)
        _must_concern_all(work, premises)
        premises.contact, premises.owner_siren = dict(owner), owner["siren"]
        _apply(work, premises, values)
    row = _offered(work, marathon, premises)
    say(work, row, premises)
    return view_of(work, row)


def _must_concern_all(work: Work, premises: Premises) -> None:
    """Premises of an owner are brought up to date by them, or by who organises all they are in."""
    if not places.is_owner(work, premises):
        for row in work.session.scalars(select(Offer).where(Offer.premises == premises.id)):
            work.actor.must("organiser", row.marathon)


def _must_not_be_offered(work: Work, marathon: str, premises: Premises) -> None:
    row = _of(work, marathon, premises)
    if row is not None and row.state in STANDING:
        raise Refusal("already_offered", "Ce local est déjà offert pour ce marathon.")


def _offered(work: Work, marathon: str, premises: Premises) -> Offer:
    """A new offer, or the one that was refused or withdrawn, made again."""
    row = _of(work, marathon, premises)
    if row is None:
        row = Offer(id=work.new_id(), marathon=marathon, premises=premises.id)
        work.session.add(row)
    row.state, row.reason, row.offered_at = "offered", None, work.now
    row.decided_at = row.decided_by = None
    return row


def change(work: Work, offer: str, **given: Any) -> dict[str, Any]:
    """Changes premises; what matters sends their approved offers back to approval (RULES P2).

    Raises ``Refusal`` "offer_over", and what :func:`offer` raises for wrong values.
    """
    row, premises = _locked(work, offer)
    _must_concern(work, row, premises)
    if row.state == "withdrawn" or _is_over(work, row):
        raise Refusal("offer_over", "Cette offre n’est plus d’actualité.")
    _apply(work, premises, places.values_of(given))
    return view_of(work, row)


def decide(
    work: Work,
    offer: str,
    approve: bool,
    reason: str | None = None,
    despite_collisions: bool = False,
) -> dict[str, Any]:
    """Approves or refuses an offer; the same decision again changes nothing.

    The organiser is warned before an approval that collides: ``Refusal("offer_collides")``
    unless ``despite_collisions`` (indico#4129). Raises ``Invalid("reason_missing")`` for a
    refusal without a reason, ``Refusal("offer_decided")``.
    """
    row, premises = _locked(work, offer)
    work.actor.must("organiser", row.marathon)
    state = "approved" if approve else "refused"
    if row.state == state:
        return view_of(work, row)
    if row.state != "offered":
        raise Refusal("offer_decided", "Cette offre n’attend plus de décision.")
    if approve:
        _must_not_collide(work, row, premises, despite_collisions)
    elif reason is None:
        raise Invalid("reason_missing", "Un refus doit dire pourquoi.", "Ajoutez un motif.")
    row.state, row.reason = state, None if approve else reason
    row.decided_at, row.decided_by = work.now, work.actor.key
    say(work, row, premises)
    return view_of(work, row)


def withdraw(work: Work, offer: str, reason: str) -> dict[str, Any]:
    """Withdraws an offer; its teams lose their places there. Again changes nothing.

    Raises ``Refusal("keys_are_out")`` once keys were handed over.
    """
    row, premises = _locked(work, offer)
    _must_concern(work, row, premises)
    if row.state == "withdrawn":
        return view_of(work, row)
    if _is_over(work, row):
        raise Refusal("offer_over", "Cette offre n’est plus d’actualité.")
    if _keys_were_handed_over(work, row):
        raise Refusal(
            "keys_are_out",
            "Des clés de ce local ont été remises à une équipe.",
            "Les clés rendues, le local est libéré à la clôture du marathon.",
        )
    end(work, row, premises, reason)
    return view_of(work, row)


def end(work: Work, row: Offer, premises: Premises, reason: str) -> None:
    """Withdraws an offer whose keys are in."""
    allocations.cancel_all(work, row, reason)
    row.state, row.reason = "withdrawn", reason
    say(work, row, premises)


def get(work: Work, offer: str) -> dict[str, Any]:
    """One offer. Raises ``NotFound`` for one that is none of the asker's business."""
    row = found(work, offer)
    if not _is_shown(work, row, _premises(work, row)):
        raise NotFound("offer", offer)
    return view_of(work, row)


def list_offers(work: Work, marathon: str, page: Page) -> Answer:
    """The offers of a marathon: the approved ones, one's own, for organisers all."""
    return page.rows(
        work.session,
        select(Offer).where(Offer.marathon == marathon),
        (Offer.offered_at, Offer.id),
        lambda row: view_of(work, row),
        shown=lambda row: _is_shown(work, row, _premises(work, row)),
    )


def found(work: Work, offer: str) -> Offer:
    """An offer by its id. Raises ``NotFound("offer")``."""
    row = work.session.get(Offer, offer, populate_existing=True)
    if row is None:
        raise NotFound("offer", offer)
    return row


def say(work: Work, row: Offer, premises: Premises) -> None:
    """Says an offer's state to everybody, without the owner's contact."""
    work.session.flush()
    state = {
        "id": row.id,
        "premises": premises.id,
        "marathon": row.marathon,
        "state": row.state,
        "owner_key": premises.owner_key,
        "owner_siren": premises.owner_siren,
        "insee": premises.insee,
        "capacity": premises.capacity,
        "step_free": premises.step_free,
    }
    work.say("premises_offered", row.id, state)


def view_of(work: Work, row: Offer) -> dict[str, Any]:
    """An offer as far as the asker may know it."""
    premises = _premises(work, row)
    organises = work.actor.has("organiser", row.marathon)
    mine = places.is_owner(work, premises)
    concerns = organises or mine
    return {
        **{name: getattr(premises, name) for name in places.FEATURES},
        "id": row.id,
        "premises": premises.id,
        "marathon": row.marathon,
        "state": row.state,
        "mine": mine,
        "address": {name: getattr(premises, name) for name in places.ADDRESS},
        "public_address": places.public_address(premises),
        "available": places.available(premises),
        "reason": row.reason if concerns else None,
        "contact": premises.contact if concerns else None,
        "collisions": collisions.of(work, row, premises) if organises else None,
    }


def _apply(work: Work, premises: Premises, values: dict[str, Any]) -> None:
    """Writes what differs; all standing offers of the premises follow."""
    changed = {name for name, value in values.items() if getattr(premises, name) != value}
    if not changed:
        return
    for name in changed:
        setattr(premises, name, values[name])
    for row in _standing_offers(work, premises):
        if row.state == "approved" and changed & places.MATTERS:
            row.state, row.decided_at, row.decided_by = "offered", None, None
        say(work, row, premises)
        allocations.check(work, row.marathon)


def _standing_offers(work: Work, premises: Premises) -> list[Offer]:
    query = select(Offer).where(Offer.premises == premises.id, Offer.state.in_(STANDING))
    rows = work.session.scalars(query.order_by(Offer.marathon))
    return [row for row in rows if not _is_over(work, row)]


def _of(work: Work, marathon: str, premises: Premises) -> Offer | None:
    query = select(Offer).filter_by(marathon=marathon, premises=premises.id)
    return work.session.scalars(query).first()


def _locked(work: Work, offer: str) -> tuple[Offer, Premises]:
    """An offer and its premises, with the marathons of all their offers locked, in order."""
    row = found(work, offer)
    _lock_marathons(work, row.marathon, _premises(work, row))
    row = found(work, offer)
    return row, work.session.get_one(Premises, row.premises, populate_existing=True)


def _lock_marathons(work: Work, marathon: str, premises: Premises | None) -> None:
    others = select(Offer.marathon).where(Offer.premises == (premises.id if premises else ""))
    for name in sorted({marathon, *work.session.scalars(others)}):
        work.lock(f"marathon:{name}")


def _premises(work: Work, row: Offer) -> Premises:
    return work.session.get_one(Premises, row.premises)


def _is_shown(work: Work, row: Offer, premises: Premises) -> bool:
    if row.state == "approved" or places.is_owner(work, premises):
        return True
    return work.actor.has("organiser", row.marathon)


def _must_concern(work: Work, row: Offer, premises: Premises) -> None:
    if not places.is_owner(work, premises):
        work.actor.must("organiser", row.marathon)


def _is_over(work: Work, row: Offer) -> bool:
    state = work.copy("marathon", row.marathon)
    return state is not None and state["state"] in calls.OVER


def _must_not_collide(work: Work, row: Offer, premises: Premises, despite: bool) -> None:
    found = collisions.of(work, row, premises)
    if found and not despite:
        raise Refusal(
            "offer_collides",
            " ".join(one["sentence"] for one in found),
            "Vérifiez auprès du propriétaire, puis approuvez malgré tout si c’est voulu.",
            collisions=found,
        )


def _keys_were_handed_over(work: Work, row: Offer) -> bool:
    query = select(Allocation.id).where(
        Allocation.offer == row.id, Allocation.status.in_(("handed_over", "returned"))
    )
    return work.session.scalars(query).first() is not None
