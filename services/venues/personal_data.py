"""What venues holds on a person, shown to them (RULES D2); ``reactions.forget`` erases it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select

from services.chassis import held
from services.chassis.work import Work
from services.venues import premises as places
from services.venues.tables import Allocation, Offer, Premises


def my_data(work: Work) -> dict[str, Any]:
    """All that venues holds on the asker."""
    key = held.asker(work)
    mine = select(Premises).where(Premises.owner_key == key).order_by(Premises.id)
    return {
        "premises": [_premises(work, row) for row in work.session.scalars(mine)],
        "decisions": _decisions(work, key),
        "keys": _keys(work, key),
        **held.on(work, key),
    }


def _premises(work: Work, row: Premises) -> dict[str, Any]:
    offers = select(Offer).where(Offer.premises == row.id).order_by(Offer.offered_at, Offer.id)
    return {
        **held.columns(row, "id", "owner_siren", "contact", *places.FEATURES, "available"),
        "public_address": places.public_address(row),
        "offers": [_offer(work, offer) for offer in work.session.scalars(offers)],
    }


def _offer(work: Work, offer: Offer) -> dict[str, Any]:
    seats = select(Allocation).where(Allocation.offer == offer.id)
    shown = ("project", "seat", "from_at", "to_at", "status", "reason")
    times = ("keys_out_at", "keys_back_at")
    return {
        **held.columns(offer, "id", "marathon", "state", "reason", "offered_at", "decided_at"),
        "allocations": [
            held.columns(seat, *shown, *times)
            for seat in work.session.scalars(seats.order_by(Allocation.from_at, Allocation.id))
        ],
    }


def _decisions(work: Work, key: str) -> list[dict[str, Any]]:
    """Offers on which the asker decided, as an organiser."""
    query = select(Offer).where(Offer.decided_by == key).order_by(Offer.decided_at, Offer.id)
    shown = ("id", "marathon", "state", "reason", "decided_at")
    return [held.columns(row, *shown) for row in work.session.scalars(query)]


def _keys(work: Work, key: str) -> list[dict[str, Any]]:
    """Keys that the asker handed over or took back."""
    query = select(Allocation).where(
        or_(Allocation.keys_out_by == key, Allocation.keys_back_by == key)
    )
    rows = work.session.scalars(query.order_by(Allocation.keys_out_at, Allocation.id))
    return [
        {
            **held.columns(row, "marathon", "project", "keys_out_at", "keys_back_at"),
            "handed_over_by_me": row.keys_out_by == key,
            "taken_back_by_me": row.keys_back_by == key,
        }
        for row in rows
    ]
