from __future__ import annotations

import copy
import pickle
import stat
import traceback
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from services.registration.partners import keys


def test_a_key_is_written_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    key, path = keys.generate(), tmp_path / "relay.pem"
    keys.save_private(key, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert keys.load_private(path).public == key.public


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    first, path = keys.generate(), tmp_path / "relay.pem"
    keys.save_private(first, path)
    with pytest.raises(FileExistsError):
        keys.save_private(keys.generate(), path)
    assert keys.load_private(path).public == first.public


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "relay.pem"
    keys.save_private(keys.generate(), path)
    path.chmod(mode)
    with pytest.raises(keys.KeyUnusable, match="chmod 600") as caught:
        keys.load_private(path)
    assert f"{mode:04o}" in str(caught.value)


def _pem(private: Any, form: Any = forms.PrivateFormat.PKCS8, password: bytes = b"") -> bytes:
    how = forms.BestAvailableEncryption(password) if password else forms.NoEncryption()
    written: bytes = private.private_bytes(forms.Encoding.PEM, form, how)
    return written


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"SECRETSECRET", "PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n", "PEM"),
        (_pem(ed25519.Ed25519PrivateKey.generate(), password=b"x"), "password"),
        (_pem(ec.generate_private_key(ec.SECP256R1())), "Ed25519"),
    ],
)
def test_a_file_that_is_no_such_key_is_refused_and_not_quoted(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "relay.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(keys.KeyUnusable, match=reason) as caught:
        keys.load_private(path)
    assert "SECRET" not in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert "SECRET" not in shown


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(keys.KeyUnusable, match="No such file"):
        keys.load_private(tmp_path / "nothing.pem")


def test_a_key_shows_only_its_name() -> None:
    key = keys.from_seed(b"s" * 32)
    assert repr(key) == str(key) == f"SigningKey({key.id})"
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="not copied"):
            copied(key)


def test_the_first_vector_of_rfc_8032_is_signed_as_there() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = keys.from_seed(seed)
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.public.hex() == public
    assert key.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert keys.is_signed(key.public, b"", key.sign(b""))
    assert not keys.is_signed(key.public, b"x", key.sign(b""))


@pytest.mark.parametrize("text", ["", "AAAA", "A" * 44, "é" * 44, "A" * 42 + "B=", " " * 44])
def test_a_text_that_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(keys.KeyUnusable, match="base64"):
        keys.public_of(text)


def test_a_public_key_is_read_as_written() -> None:
    key = keys.generate()
    assert keys.public_of(keys.encode(key.public)) == key.public


def test_a_key_under_which_anybody_signs_is_refused() -> None:
    for y in _small_order():
        for sign in (0, 1):
            raw = (y | sign << 255).to_bytes(32, "little")
            with pytest.raises(keys.KeyUnusable, match="anybody"):
                keys.public_of(keys.encode(raw))
    assert not keys.is_weak(keys.generate().public)


def _small_order() -> set[int]:
    """The y of all points whose order divides 8, by their definition (RFC 8032 §5.1).

    Doubling thrice takes exactly these to the neutral point: y = 1 halves to ±1, these to 0,
    and 0 to the roots of d·y⁴ + 2·y² − 1.
    """
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    found = {0, 1, p - 1}
    root = _root(1 + d, p)
    for sign in (1, -1):
        squared = (-1 + sign * root) * pow(d, -1, p) % p
        if pow(squared, (p - 1) // 2, p) == 1:
            y = _root(squared, p)
            found |= {y, p - y}
    assert len(found) == 5
    return found | {y + p for y in found if y + p < 2**255}


def _root(square: int, p: int) -> int:
    root = pow(square, (p + 3) // 8, p)
    if root * root % p != square % p:
        root = root * pow(2, (p - 1) // 4, p) % p
    assert root * root % p == square % p
    return root
