"""The partners' instances in words: whether they are heard, what waits, what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.languages import gettext as _
from gateway.languages import ngettext
from gateway.site.gaps import part
from gateway.site.operators import safe_url

STRANGER = "?"

# The signature of such a package was not checked, or did not hold: anybody may have sent it.
UNSIGNED = (
    *("malformed", "too_large", "unknown_version", "wrong_recipient", "unknown_sender"),
    *("unknown_key", "retired_key", "revoked_key", "bad_signature"),
)


@dataclass(frozen=True)
class Known:
    """What this instance knows of its partners."""

    partners: tuple[Mapping[str, Any], ...]
    refusals: tuple[Mapping[str, Any], ...]
    """Each with ``sentence``."""

    titles: Mapping[str, str]


def title_of(name: str, known: Known) -> str:
    """A partner by its title, as far as it is known."""
    return known.titles.get(name, name)


def known() -> Known:
    """All partners and all refusals, as the present organiser may see them."""
    found = part("registration.list_partners", {}) or {}
    listed = found.get("partners", [])
    titles = {each["name"]: each["title"] for each in listed}
    return Known(
        tuple({**each, "url": safe_url(each["url"])} for each in listed),
        tuple({**each, "sentence": sentence(each, titles)} for each in found.get("refusals", [])),
        titles,
    )


def sentence(refusal: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """What was refused of whom and why: « Un paquet signé par X a été refusé : … »."""
    partner, number = refusal["partner"], refusal["number"]
    whose = _whose(refusal["verdict"], number)
    if partner == STRANGER:
        whose = ngettext(
            "A package of somebody unknown was refused:",
            "%(num)s packages of somebody unknown were refused:",
            number,
        )
    said = whose % {"num": number, "name": titles.get(partner, partner)}
    return f"{said} {verdict(refusal['verdict'])}"


def _whose(name: str, number: int) -> str:
    if name in UNSIGNED:
        return ngettext(
            "A package in the name of %(name)s was refused:",
            "%(num)s packages in the name of %(name)s were refused:",
            number,
        )
    return ngettext(
        "A package signed by %(name)s was refused:",
        "%(num)s packages signed by %(name)s were refused:",
        number,
    )


def verdict(name: str) -> str:
    """Why a package is refused, in words."""
    return {**_unsigned(), **_signed()}.get(name, name)


def _unsigned() -> dict[str, str]:
    return {
        "malformed": _("it is not written as partners write to each other."),
        "too_large": _("it is larger than a package may be."),
        "unknown_version": _("it follows another version of the protocol."),
        "wrong_recipient": _("it is addressed to another instance."),
        "unknown_sender": _("its sender is no partner of this instance."),
        "unknown_key": _("the key that signed it is not known here; ask the partner for its card."),
        "retired_key": _("the key that signed it was replaced by another."),
        "revoked_key": _("the key that signed it is revoked."),
        "bad_signature": _("its signature does not hold: it was changed on its way, or forged."),
    }


def _signed() -> dict[str, str]:
    return {
        "time_off": _("its time is in the future or long past: a clock is wrong, or it is old."),
        "unknown_kind": _("it is of a kind that is not known here."),
        "unknown_cycle": _("its cycle is not open here."),
        "same_id_other_content": _("another one with the same number had come before."),
        "wrong_channel": _("it came by the channel of another partner."),
        "early": _("what comes before it is not known here yet; it is sent again by itself."),
        "not_the_holder": _("its sender does not hold the relay that it gives."),
        "leg_not_closed": _("the leg that it comes from is not over."),
        "superseded": _("the relay is further on already."),
        "double_grant": _("the same relay had been given to another marathon; both are kept."),
        "not_for_us": _("it is for a marathon of another instance."),
        "not_allowed": _("its sender may not say this."),
        "taken": _("the relay is taken already."),
        "too_many": _("its sender had sent far more than a relay needs."),
    }
