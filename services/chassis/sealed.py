"""Messages that only who has a key can read, also on the disk of a broker (AES-256-GCM).

Once the key is destroyed nobody can, wherever copies may lie.
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any

NONCE_BYTES = 12


class NotOpened(Exception):
    """It was sealed with another key, under another name, or changed."""


def seal(key: bytes, name: str, content: Any) -> str:
    """``content``, JSON-able, sealed with a key of 32 bytes; it opens under the same ``name``."""
    nonce = os.urandom(NONCE_BYTES)
    plain = json.dumps(content, separators=(",", ":")).encode()
    return base64.b64encode(nonce + _cipher(key).encrypt(nonce, plain, name.encode())).decode()


def unseal(key: bytes, name: str, given: str) -> Any:
    """The content. Raises :class:`NotOpened`."""
    from cryptography.exceptions import InvalidTag

    try:
        raw = base64.b64decode(given, validate=True)
        plain = _cipher(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], name.encode())
    except (ValueError, InvalidTag) as error:
        raise NotOpened(name) from error
    return json.loads(plain)


def _cipher(key: bytes) -> Any:
    # Here, for a process that seals nothing has no need of it in its memory (ADR 0006).
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
