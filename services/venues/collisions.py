"""Offers of one place for two marathons at a time: warned of before an approval (RULES P2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.work import Work
from services.venues.tables import Offer, Premises

PLACE = ("house_number", "street", "insee")


def of(work: Work, offer: Offer, premises: Premises) -> list[dict[str, Any]]:
    """The other standing offers at the same address whose marathon is at the same time.

    Also those of the same marathon, if somebody else made them; two names for two rooms of one
    owner at one address are two premises.
    """
    same = [getattr(Premises, name) == getattr(premises, name) for name in PLACE]
    query = (
        select(Offer, Premises)
        .join(Premises, Premises.id == Offer.premises)
        .where(*same, Offer.id != offer.id, Offer.state.in_(("offered", "approved")))
        .order_by(Offer.marathon, Offer.id)
    )
    mine = work.copy("marathon", offer.marathon)
    found = []
    for other, place in work.session.execute(query).all():
        theirs = work.copy("marathon", other.marathon)
        own = (other.marathon, place.owner_key) == (offer.marathon, premises.owner_key)
        if not own and _overlap(mine, theirs):
            found.append(_collision(other, place, offer))
    return found


def _overlap(mine: dict[str, Any] | None, theirs: dict[str, Any] | None) -> bool:
    if not mine or not theirs or None in (mine["starts_at"], theirs["starts_at"]):
        return False
    starts = max(mine["starts_at"], theirs["starts_at"])
    return bool(starts < min(mine["ends_at"], theirs["ends_at"]))


def _collision(other: Offer, place: Premises, offer: Offer) -> dict[str, Any]:
    where = "ce marathon" if other.marathon == offer.marathon else other.marathon
    state = "déjà approuvé" if other.state == "approved" else "aussi offert"
    return {
        "offer": other.id,
        "marathon": other.marathon,
        "sentence": f"Le même lieu est {state} pour {where}, aux mêmes dates : « {place.title} ».",
    }
