"""The Ed25519 keys with which instances sign what they send each other (RFC 8032).

A private key stands in a file of its own, which only its owner reads; nothing here prints one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from pathlib import Path
from typing import Any

PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64
KEY_ID_DIGITS = 16
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyUnusable(ValueError):
    """A key that can't be used; the sentence says why, and what to do, and holds no secret."""


class SigningKey:
    """A private key; it tells its public half and signs, and shows nothing else."""

    __slots__ = ("_private", "id", "public")

    def __init__(self, private: Any) -> None:
        self._private = private
        self.public: bytes = private.public_key().public_bytes_raw()
        self.id = key_id(self.public)

    def __repr__(self) -> str:
        return f"SigningKey({self.id})"

    def __reduce__(self) -> Any:
        raise TypeError("a private key is not copied or stored but with save_private")

    def sign(self, message: bytes) -> bytes:
        """The signature, of 64 bytes: always the same of the same message."""
        signature: bytes = self._private.sign(message)
        return signature


def key_id(public: bytes) -> str:
    """A key by its name: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public).hexdigest()[:KEY_ID_DIGITS]


def generate() -> SigningKey:
    """A new key, from the system's own chance."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return SigningKey(Ed25519PrivateKey.generate())


def from_seed(seed: bytes) -> SigningKey:
    """The key of a seed of 32 bytes: for test vectors, whose keys everybody knows."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed))


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of a public key signed exactly this message."""
    # Here, for a process that verifies nothing has no need of it in its memory (ADR 0006).
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# --- as text ------------------------------------------------------------------------------


def encode(raw: bytes) -> str:
    """Bytes as base64 (RFC 4648 §4, with padding)."""
    return base64.b64encode(raw).decode("ascii")


def decode(text: str, length: int) -> bytes | None:
    """The bytes of a base64 text, or None if it is not the one way to write ``length`` bytes."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    # The last digit has bits that nobody reads: two texts would be one signature.
    return raw if len(raw) == length and encode(raw) == text else None


def public_of(text: str) -> bytes:
    """The 32 bytes of a public key, as the cycle file has it. Raises :class:`KeyUnusable`."""
    raw = decode(text, PUBLIC_BYTES)
    if raw is None:
        raise KeyUnusable("a public key is 32 bytes in base64: 44 characters that end with =")
    if is_weak(raw):
        raise KeyUnusable("this public key is one under which anybody can sign: ask for another")
    return raw


FIELD = 2**255 - 19
SMALL_ORDER = frozenset(
    (
        0,
        1,
        FIELD - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    )
)
"""The y of the eight points of edwards25519 whose order divides 8 (a test computes them)."""


def is_weak(public: bytes) -> bool:
    """Whether signatures can be had without the private half: the point is of a small order.

    RFC 8032 verifies under such keys; who has one could deny whatever they signed.
    """
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    return y % FIELD in SMALL_ORDER


# --- in a file ----------------------------------------------------------------------------


def save_private(key: SigningKey, path: Path) -> None:
    """Writes a private key into a new file (PEM, PKCS #8) that only its owner reads.

    Raises ``FileExistsError``: a key is never overwritten.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(_pem(key))
        file.flush()
        os.fsync(file.fileno())


def _pem(key: SigningKey) -> bytes:
    from cryptography.hazmat.primitives import serialization as forms

    pem: bytes = key._private.private_bytes(
        forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
    )
    return pem


def load_private(path: Path) -> SigningKey:
    """The key of a file. Raises :class:`KeyUnusable`."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(16_384)
    except OSError as error:
        raise KeyUnusable(f"the private key {path} can't be read: {error.strerror}") from None
    if mode & OTHERS:
        raise KeyUnusable(
            f"the private key {path} can be read by others than its owner "
            f"(mode {stat.S_IMODE(mode):04o}): run chmod 600 {path}; if anybody else may have "
            "seen it, make another with marathon instance rotate-key"
        )
    return SigningKey(_private_of(content, path))


def _private_of(content: bytes, path: Path) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What the library says may quote the file.
        raise KeyUnusable(
            f"{path} is no private key: it must be PEM, PKCS #8, without a password"
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} is a private key of another kind: it must be Ed25519")
    return private
