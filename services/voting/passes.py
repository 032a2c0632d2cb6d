"""Voter keys and passes: made with a secret of the poll that is destroyed with the link."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import NamedTuple

from services.chassis import signed
from services.chassis.errors import Refusal
from services.voting.rules import RULES


def voter_key(secret: str, who: str) -> str:
    """The key under which ``who`` (a person_key, or ``code:`` and a hash) votes (RULES V1)."""
    return _mac(secret.encode(), who.encode()).hex()


def keyed_tracker(secret: str, voter: str, key: str) -> str:
    """The tracker of a ballot cast under an idempotency key: the same each time, and unknown to
    whoever lacks the poll's secret."""
    tracker = _mac(_mac(secret.encode(), b"tracker"), f"{voter}:{key}".encode())
    return tracker[: RULES.tracker_bytes].hex()


class Bearer(NamedTuple):
    """Who shows a pass: their voter key, and the domain of the address they proved."""

    voter: str
    domain: str


def sign(secret: str, poll: str, voter: str, closes_at: datetime, domain: str = "") -> str:
    """A pass: lets ``voter`` vote, and vote again, until the poll closes.

    The poll's window decides; ``expires`` only tells a browser how long to keep the pass.
    """
    claims = {"poll": poll, "voter": voter, "expires": closes_at.isoformat(), "domain": domain}
    return signed.sign(pass_key(secret), claims)


def bearer(secret: str, poll: str, given: str) -> Bearer:
    """Who shows a pass for ``poll``. Raises ``Refusal("pass_invalid")``."""
    claims = signed.read(pass_key(secret), given)
    if claims is None or claims.get("poll") != poll:
        raise Refusal(
            "pass_invalid",
            "Ce laissez-passer ne permet pas de voter ici.",
            "Demandez un nouveau lien de vote.",
            403,
        )
    return Bearer(str(claims["voter"]), str(claims.get("domain", "")))


def verify(secret: str, poll: str, given: str) -> str:
    """The voter key of a pass for ``poll``. Raises ``Refusal("pass_invalid")``."""
    return bearer(secret, poll, given).voter


def pass_key(secret: str) -> bytes:
    """The key that passes are signed with.

    One of its own: a gateway is given it to check passes, and still can't make the voter key of
    a person it knows.
    """
    return _mac(secret.encode(), b"pass")


def batch_key(secret: str) -> bytes:
    """The key that ballots are sealed with on their way from a gateway."""
    return _mac(secret.encode(), b"batch")


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, hashlib.sha256)
