"""Premises of an owner: address, features, when they are free (RULES P1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from services.chassis import territory
from services.chassis.errors import Invalid
from services.chassis.work import Work
from services.venues.fitting import intervals
from services.venues.tables import Premises

ADDRESS = ("house_number", "street", "postal_code", "insee")
FEATURES = (
    "title",
    "surface_m2",
    "capacity",
    "ground_floor",
    "step_free",
    "power",
    "water",
    "toilets",
    "heating",
    "internet",
    "shop_window",
    "activities",
)
MATTERS = frozenset(
    {*ADDRESS, "surface_m2", "capacity", "ground_floor", "step_free", "power", "water"}
    | {"activities", "available"}
)
"""A change of these sends an approved offer back to approval."""


def public_address(premises: Premises) -> str:
    """The address as everybody may read it, on one line."""
    street = f"{premises.house_number} {premises.street}".strip()
    return f"{street}, {premises.postal_code} {premises.commune}"


def available(premises: Premises) -> list[dict[str, Any]]:
    """When the premises are free, as an answer has it."""
    return [{"from_at": start, "to_at": end} for start, end in intervals(premises)]


def values_of(given: dict[str, Any]) -> dict[str, Any]:
    """The columns for what was given. Raises ``Invalid`` for an address that can't be."""
    values = {name: given[name] for name in FEATURES if name in given}
    if "available" in given:
        values["available"] = [
            {name: instant.isoformat() for name, instant in one.items()}
            for one in given["available"]
        ]
    address = given.get("address")
    if address is not None:
        values |= address | {"commune": _commune(address["insee"], address["postal_code"])}
    return values


def _commune(insee: str, postal_code: str) -> str:
    commune = territory.load().commune(insee)
    if commune is None:
        raise Invalid(
            "commune_unknown",
            "Cette commune n’est pas dans le territoire du programme.",
            "Choisissez la commune dans la liste.",
        )
    if postal_code not in commune.postal_codes:
        raise Invalid(
            "postal_code_wrong",
            f"Le code postal de {commune.name} est {' ou '.join(commune.postal_codes)}.",
            commune=commune.name,
            postal_codes=list(commune.postal_codes),
        )
    return commune.name


def known(work: Work, owner_key: str, values: dict[str, Any]) -> Premises | None:
    """The same owner's premises of the same name at the same address."""
    same = {name: values[name] for name in ("title", "house_number", "street", "insee")}
    query = select(Premises).filter_by(owner_key=owner_key, **same).order_by(Premises.id)
    return work.session.scalars(query.execution_options(populate_existing=True)).first()


def new(work: Work, owner_key: str, owner: Mapping[str, Any], values: dict[str, Any]) -> Premises:
    """New premises of an owner."""
    premises = Premises(
        id=work.new_id(),
        owner_key=owner_key,
        owner_siren=owner["siren"],
        contact=dict(owner),
        **values,
    )
    work.session.add(premises)
    work.session.flush()
    return premises


def is_owner(work: Work, premises: Premises) -> bool:
    """Whether the asker owns them."""
    return work.actor.key is not None and work.actor.key == premises.owner_key
