"""The protocol as somebody else would implement it: from its description and files alone.

Nothing of this project is imported here but the script that makes the files, which are read
with ``json``, ``re`` and ``cryptography``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.registration.partners import schema
from tests.registration.partners import vectors

RELAY = Path(__file__).resolve().parents[3] / "docs" / "relay"
LIMIT = 2**53 - 1


def _file(name: str) -> Any:
    return json.loads((RELAY / "vectors" / name).read_text(encoding="utf-8"))


def _named(name: str) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in _file(name)]


def test_the_files_are_current() -> None:
    for path, content in vectors.files().items():
        assert path.read_text() == content, "python -m tests.registration.partners.vectors"
    assert schema.PATH.read_text() == schema.text(), (
        "python -m services.registration.partners.schema"
    )


# --- another implementation ---------------------------------------------------------------


class Bad(Exception):
    pass


def _read(raw: bytes) -> Any:
    def number(text: str) -> int:
        if re.search(r"[.eEIN]", text) or abs(int(text)) > LIMIT:
            raise Bad
        return int(text)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in items}) < len(items):
            raise Bad
        return dict(items)

    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=pairs,
            parse_int=number,
            parse_float=number,
            parse_constant=number,
        )
    except (ValueError, RecursionError):
        raise Bad from None


def _write(value: Any, depth: int = 0) -> str:
    if isinstance(value, (dict, list)) and depth == 32:
        raise Bad
    if isinstance(value, list):
        return "[" + ",".join(_write(item, depth + 1) for item in value) + "]"
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        inner = (_write(name) + ":" + _write(value[name], depth + 1) for name in names)
        return "{" + ",".join(inner) + "}"
    if isinstance(value, str):
        return '"' + "".join(map(_character, value)) + '"'
    return json.dumps(value)


def _character(character: str) -> str:
    short = {"\b": "b", "\t": "t", "\n": "n", "\f": "f", "\r": "r", '"': '"', "\\": "\\"}
    if character in short:
        return "\\" + short[character]
    if character == "\0" or "\ud800" <= character <= "\udfff":
        raise Bad
    return character if character >= " " else f"\\u{ord(character):04x}"


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Bad from None


def _fits(value: Any, rule: dict[str, Any], root: dict[str, Any]) -> None:
    """As much of JSON Schema as the file uses."""
    if "$ref" in rule:
        return _fits(value, root["$defs"][rule["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in rule and not any(_is(value, part, root) for part in rule["anyOf"]):
        raise Bad
    for part in rule.get("allOf", ()):
        if _is(value, part["if"], root):
            _fits(value, part["then"], root)
    _fits_type(value, rule)
    return _fits_inside(value, rule, root)


def _fits_inside(value: Any, rule: dict[str, Any], root: dict[str, Any]) -> None:
    if isinstance(value, str):
        _fits_text(value, rule)
    elif isinstance(value, int):
        _fits_number(value, rule)
    elif isinstance(value, list):
        _fits_list(value, rule, root)
    elif isinstance(value, dict):
        _fits_object(value, rule, root)


def _is(value: Any, rule: dict[str, Any], root: dict[str, Any]) -> bool:
    try:
        _fits(value, rule, root)
    except Bad:
        return False
    return True


def _fits_type(value: Any, rule: dict[str, Any]) -> None:
    kinds = {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "boolean": isinstance(value, bool),
        "null": value is None,
    }
    wanted = rule.get("type", list(kinds))
    if not any(kinds[one] for one in ([wanted] if isinstance(wanted, str) else wanted)):
        raise Bad
    if "const" in rule and value != rule["const"]:
        raise Bad
    if "enum" in rule and value not in rule["enum"]:
        raise Bad


def _fits_number(value: int, rule: dict[str, Any]) -> None:
    if not rule.get("minimum", value) <= value <= rule.get("maximum", value):
        raise Bad


def _fits_list(value: list[Any], rule: dict[str, Any], root: dict[str, Any]) -> None:
    if len(value) > rule.get("maxItems", len(value)):
        raise Bad
    for item in value:
        _fits(item, rule.get("items", {}), root)


def _fits_text(value: str, rule: dict[str, Any]) -> None:
    if not rule.get("minLength", 0) <= len(value) <= rule.get("maxLength", len(value)):
        raise Bad
    if "pattern" in rule and not re.search(rule["pattern"][:-1] + r"\Z", value):
        raise Bad
    if rule.get("format") == "date-time":
        _instant(value)


def _fits_object(value: dict[str, Any], rule: dict[str, Any], root: dict[str, Any]) -> None:
    known = rule.get("properties", {})
    if set(rule.get("required", ())) - set(value):
        raise Bad
    if rule.get("additionalProperties") is False and set(value) - set(known):
        raise Bad
    for name, inner in value.items():
        _fits(inner, known.get(name, {}), root)


def _verdict(raw: bytes, me: str, now: datetime, known: list[dict[str, Any]]) -> str:
    """§6 of the protocol, in its order."""
    if len(raw) > 1024 * 1024:
        return "too_large"
    rules = json.loads((RELAY / "package.schema.json").read_text(encoding="utf-8"))
    envelope = {name: part for name, part in rules.items() if name != "allOf"}
    try:
        document = _read(raw)
        _write(document)
        version = document.get("format") if isinstance(document, dict) else None
        if isinstance(version, int) and not isinstance(version, bool) and version != 1:
            return "unknown_version"
        _fits(document, envelope, rules)
        if (verdict := _of_sender(document, me, known)) is not None:
            return verdict
        sent_at = _instant(document["sent_at"])
        if not now - timedelta(days=60) <= sent_at <= now + timedelta(minutes=5):
            return "time_off"
        if document["kind"] not in rules["$defs"]:
            return "unknown_kind"
        _fits(document, rules, rules)
    except Bad:
        return "malformed"
    return "valid"


def _of_sender(document: dict[str, Any], me: str, known: list[dict[str, Any]]) -> str | None:
    if document["to"] != me:
        return "wrong_recipient"
    theirs = [key for key in known if key["partner"] == document["from"]]
    if not theirs:
        return "unknown_sender"
    for key in theirs:
        public = base64.b64decode(key["public"])
        if hashlib.sha256(public).hexdigest()[:16] == document["key"]:
            return _of_key(document, key, public)
    return "unknown_key"


def _of_key(document: dict[str, Any], key: dict[str, Any], public: bytes) -> str | None:
    if key["state"] == "revoked":
        return "revoked_key"
    rest = {name: value for name, value in document.items() if name != "signature"}
    try:
        signature = base64.b64decode(document["signature"], validate=True)
        if base64.b64encode(signature).decode() != document["signature"]:
            return "bad_signature"
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _write(rest).encode())
    except (ValueError, InvalidSignature):
        return "bad_signature"
    if key["state"] != "retired":
        return None
    until = key["until"] and _instant(key["until"])
    return None if until and _instant(document["sent_at"]) <= until else "retired_key"


# --- against the files --------------------------------------------------------------------


@pytest.mark.parametrize("vector", _named("keys.json"))
def test_a_key_is_made_of_its_seed(vector: dict[str, str]) -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["seed_hex"]))
    public = private.public_key().public_bytes_raw()
    assert base64.b64encode(public).decode() == vector["public"]
    assert hashlib.sha256(public).hexdigest()[:16] == vector["key"]


@pytest.mark.parametrize("vector", _named("canonical.json"))
def test_a_text_has_its_canonical_form_or_none(vector: dict[str, str]) -> None:
    raw = bytes.fromhex(vector["text_hex"]) if "text_hex" in vector else vector["text"].encode()
    try:
        form = _write(_read(raw))
    except Bad:
        form = None
    assert form == vector["canonical"]


@pytest.mark.parametrize("vector", _named("packages.json"))
def test_a_package_is_signed_as_described(vector: dict[str, Any]) -> None:
    [alpha] = (key for key in _file("keys.json") if key["name"] == "alpha")
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(alpha["seed_hex"]))
    document = vector["document"]
    signed = _write({name: document[name] for name in document if name != "signature"})
    assert signed == vector["signed"]
    assert base64.b64encode(private.sign(signed.encode())).decode() == document["signature"]
    assert vector["signature"] == document["signature"]
    assert hashlib.sha256(signed.encode()).hexdigest() == vector["digest"]


@pytest.mark.parametrize("vector", _named("verdicts.json"))
def test_a_message_has_its_verdict(vector: dict[str, Any]) -> None:
    raw = b" " * vector["size"] if "size" in vector else vector["message"].encode()
    now = _instant(vector["now"])
    assert _verdict(raw, "beta", now, vector["keys"]) == vector["verdict"]


def test_the_files_have_a_vector_of_every_verdict_that_a_package_has_by_itself() -> None:
    text = (RELAY.parent / "relay-protocol.md").read_text(encoding="utf-8")
    table = text.split("<!-- verdicts of a package by itself -->")[1].split("<!-- end -->")[0]
    described = set(re.findall(r"^\| `([a-z_]+)`", table, re.MULTILINE))
    assert described == {vector["verdict"] for vector in _file("verdicts.json")} - {"valid"}
