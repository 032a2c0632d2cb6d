"""Voter keys and passes: made with a secret of the poll that is destroyed with the link."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime

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


def sign(secret: str, poll: str, voter: str, closes_at: datetime) -> str:
    """A pass: lets ``voter`` vote, and vote again, until the poll closes.

    The poll's window decides; ``expires`` only tells a browser how long to keep the pass.
    """
    claims = {"poll": poll, "voter": voter, "expires": closes_at.isoformat()}
    body = _encode(json.dumps(claims, sort_keys=True).encode())
    return f"{body}.{_encode(_mac(_pass_key(secret), body.encode()))}"


def verify(secret: str, poll: str, given: str) -> str:
    """The voter key of a pass for ``poll``. Raises ``Refusal("pass_invalid")``."""
    body, _, signature = given.partition(".")
    try:
        genuine = hmac.compare_digest(_mac(_pass_key(secret), body.encode()), _decode(signature))
        claims = json.loads(_decode(body)) if genuine else {}
    except (ValueError, binascii.Error):
        claims = {}
    if claims.get("poll") != poll:
        raise Refusal(
            "pass_invalid",
            "Ce laissez-passer ne permet pas de voter ici.",
            "Demandez un nouveau lien de vote.",
            403,
        )
    return str(claims["voter"])


def _pass_key(secret: str) -> bytes:
    # A key of its own: a gateway can be given it to check passes, and still can't make the
    # voter key of a person it knows.
    return _mac(secret.encode(), b"pass")


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, hashlib.sha256)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
