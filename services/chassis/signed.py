"""Short texts that only who has a key can have written, and that anybody can read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any


def sign(key: bytes, claims: dict[str, Any]) -> str:
    """``claims``, JSON-able, as a text that can stand in a form or an address."""
    body = _encode(json.dumps(claims, sort_keys=True).encode())
    return f"{body}.{_encode(_mac(key, body))}"


def read(key: bytes, given: str) -> dict[str, Any] | None:
    """The claims of a text signed with ``key``; ``None`` of any other."""
    body, _, signature = given.partition(".")
    try:
        if not hmac.compare_digest(_mac(key, body), _decode(signature)):
            return None
        claims: dict[str, Any] = json.loads(_decode(body))
    except (ValueError, binascii.Error):
        return None
    return claims


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), hashlib.sha256)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
