"""Who is who: one mailbox is one person, known by a key that does not tell the address."""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from pathlib import Path

from services.chassis.errors import Invalid

PROVIDERS = Path(__file__).with_name("data") / "mail_providers.json"
LONGEST = 254
LONGEST_LOCAL = 64
# What real mailboxes use: no quotes, no spaces, nothing that a mail header could misread.
LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Provider:
    """How one provider reads the part before the @."""

    tag: str | None
    ignores_dots: bool
    same_mailbox_as: str | None


def address(raw: str) -> str:
    """An address as one may write to it: trimmed, its domain in lower case and ASCII.

    Raises ``Invalid("email_invalid")``; the form is checked, not whether the mailbox exists
    (RULES R6).
    """
    local, at, domain = raw.strip().rpartition("@")
    domain = _ascii_domain(domain)
    written = f"{local}@{domain}"
    fine = at and len(local) <= LONGEST_LOCAL and len(written) <= LONGEST
    if not (fine and LOCAL.fullmatch(local) and _is_domain(domain)):
        raise _invalid()
    return written


def canonical_email(raw: str) -> str:
    """The one form of all addresses that lead to the same mailbox (RULES V2).

    Lower case throughout; tag and dots go only where the provider ignores them. Raises
    ``Invalid("email_invalid")``.
    """
    local, _, domain = address(raw).lower().rpartition("@")
    provider = providers().get(domain)
    if provider is None:
        return f"{local}@{domain}"
    if provider.tag:
        # A mailbox whose whole name is a tag has no name left: then it is not a tag.
        local = local.split(provider.tag, 1)[0] or local
    if provider.ignores_dots:
        local = local.replace(".", "")
    return f"{local}@{provider.same_mailbox_as or domain}"


def person_key(secret: bytes, canonical: str) -> str:
    """The key of a person: 64 hex digits, the same in all services of an instance."""
    return keyed_hash(secret, "person", canonical)


def keyed_hash(secret: bytes, purpose: str, value: str) -> str:
    """HMAC-SHA-256 of ``value`` for one purpose, 64 hex digits.

    Hashes for different purposes have nothing in common, so no table can be joined to another
    by them.
    """
    return hmac.new(secret, f"{purpose}:{value}".encode(), hashlib.sha256).hexdigest()


@functools.cache
def providers() -> dict[str, Provider]:
    """The data table of providers, by domain."""
    table = json.loads(PROVIDERS.read_text(encoding="utf-8"))["providers"]
    return {
        domain: Provider(entry["tag"], entry["ignores_dots"], entry.get("same_mailbox_as"))
        for entry in table
        for domain in entry["domains"]
    }


def _ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    return len(labels) >= 2 and all(LABEL.fullmatch(label) for label in labels)


def _invalid() -> Invalid:
    return Invalid(
        "email_invalid",
        "Cette adresse électronique n’est pas complète ou contient une erreur.",
        "Écrivez-la sous la forme nom@exemple.fr.",
    )
