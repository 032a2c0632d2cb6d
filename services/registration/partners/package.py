"""Packages between instances: signed, opened, refused (docs/relay-protocol.md). No database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.registration.partners import bodies, keys
from services.registration.partners.canonical import NotCanonical, canonical, read

__all__ = ["canonical"]

FORMAT = 1
MOST_BYTES = 1024 * 1024
AHEAD = timedelta(minutes=5)
"""How far a sender's clock may be before ours."""

OLDEST = timedelta(days=60)

KINDS = tuple(bodies.BODIES)

VERDICTS = (
    *("accepted", "repeated"),
    *("malformed", "too_large", "unknown_version", "wrong_recipient"),
    *("unknown_sender", "unknown_key", "retired_key", "revoked_key", "bad_signature"),
    *("time_off", "unknown_kind", "unknown_cycle", "same_id_other_content", "wrong_channel"),
    *("early", "not_the_holder", "leg_not_closed", "superseded", "double_grant"),
    *("not_for_us", "not_allowed", "taken", "too_many"),
)
"""All verdicts; those of a package by itself are made here, the others by what it would do."""


class Rejected(Exception):
    """A package that is not taken: the verdict, and the reason as a sentence's end."""

    def __init__(self, verdict: str, reason: str, signer: str | None = None) -> None:
        super().__init__(f"{verdict}: {reason}")
        self.verdict, self.reason = verdict, reason
        self.signer = signer
        """Whose it is, where that is proved and another showed it."""


class UnknownSender(LookupError):
    """No partner has this name: raised by what looks for keys."""


@dataclass(frozen=True)
class KeyState:
    """A partner's public key: active, retired (rotated) or revoked."""

    state: str
    public: bytes
    until: datetime | None = None
    """When it was retired: what was signed before is still taken. Not known: nothing is."""


FindKey = Callable[[str, str], KeyState | None]
"""By sender and key id the key, or None. Raises :class:`UnknownSender`."""


def keyring(partners: Mapping[str, Iterable[KeyState]]) -> FindKey:
    """Looks for keys among these partners'."""

    def find(sender: str, key: str) -> KeyState | None:
        if sender not in partners:
            raise UnknownSender(sender)
        return next((one for one in partners[sender] if keys.key_id(one.public) == key), None)

    return find


@dataclass(frozen=True)
class Package:
    """One package. ``term`` and ``hop`` say which baton it is about; a leg notice has those of
    the latest grant that its sender knows, or zeros.
    """

    id: str
    kind: str
    cycle: str
    term: int
    hop: int
    sender: str
    recipient: str
    sent_at: datetime
    body: dict[str, Any]
    """As JSON, and valid; :func:`bodies.load` has its instants as such."""


class Envelope(Schema):
    """What is around every body."""

    format = fields.Integer(strict=True, required=True, validate=validate.Equal(FORMAT))
    id = bodies.name(64, required=True)
    kind = bodies.name(64, required=True)
    cycle = bodies.name(64, required=True)
    term = fields.Integer(strict=True, required=True, validate=validate.Range(0, bodies.MOST_TERM))
    hop = fields.Integer(strict=True, required=True, validate=validate.Range(0, bodies.MOST_HOP))
    sender = bodies.name(64, required=True, data_key="from")
    recipient = bodies.name(64, required=True, data_key="to")
    sent_at = bodies.Moment(required=True)
    body = fields.Dict(keys=fields.String(), required=True)
    key = fields.String(
        required=True, validate=validate.Regexp(rf"^[0-9a-f]{{{keys.KEY_ID_DIGITS}}}\Z")
    )
    signature = fields.String(
        required=True,
        validate=validate.Length(88, 88),
        metadata={"description": "Ed25519, base64, of the canonical form of all other fields"},
    )


_ENVELOPE = Envelope()


# --- signing ------------------------------------------------------------------------------


def sign(package: Package, key: keys.SigningKey) -> dict[str, Any]:
    """The package as a document of JSON, signed. Raises ``ValueError`` if it isn't valid."""
    document = {
        "format": FORMAT,
        "id": package.id,
        "kind": package.kind,
        "cycle": package.cycle,
        "term": package.term,
        "hop": package.hop,
        "from": package.sender,
        "to": package.recipient,
        "sent_at": bodies.written(package.sent_at),
        "body": package.body,
        "key": key.id,
    }
    signature = keys.encode(key.sign(canonical(document)))
    signed = {**document, "signature": signature}
    try:
        _checked_body(_enveloped(signed))
        _fit(canonical(signed))
    except Rejected as error:
        raise ValueError(f"this can't be sent, {error}") from error
    return signed


def signed_bytes(document: Mapping[str, Any]) -> bytes:
    """The bytes that a document's signature is of: all of it but the signature."""
    return canonical({name: value for name, value in document.items() if name != "signature"})


def digest_of(document: Mapping[str, Any]) -> str:
    """The SHA-256 of what is signed: two documents of one id are the same if theirs is."""
    return hashlib.sha256(signed_bytes(document)).hexdigest()


# --- opening ------------------------------------------------------------------------------


def parse(raw: bytes) -> dict[str, Any]:
    """The document of a message's bytes, not verified. Raises :class:`Rejected`."""
    _fit(raw)
    try:
        document = read(raw)
    except NotCanonical as error:
        raise Rejected("malformed", str(error)) from None
    if not isinstance(document, dict):
        raise Rejected("malformed", "not an object")
    return document


def open_document(
    given: bytes | Mapping[str, Any],
    *,
    me: str | None,
    now: datetime | None,
    find_key: FindKey,
) -> Package:
    """The package of a document, once all about it is verified. Raises :class:`Rejected`.

    A grant that stands in somebody's chain was sent to another and long ago: ``me`` and ``now``
    None don't look at that.
    """
    document = parse(given) if isinstance(given, bytes) else parse_value(given)
    package = _enveloped(document)
    if me is not None and package.recipient != me:
        raise Rejected("wrong_recipient", f"it is for {package.recipient}")
    _verify(package, document, find_key)
    if now is not None:
        _check_time(package, now)
    _checked_body(package)
    return package


def parse_value(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document that was read elsewhere, checked as its bytes would be."""
    try:
        return parse(canonical(document))
    except NotCanonical as error:
        raise Rejected("malformed", str(error)) from None


def _fit(raw: bytes) -> None:
    if len(raw) > MOST_BYTES:
        raise Rejected("too_large", f"{len(raw)} bytes, at most {MOST_BYTES}")


def _enveloped(document: Mapping[str, Any]) -> Package:
    version = document.get("format")
    if isinstance(version, int) and not isinstance(version, bool) and version != FORMAT:
        raise Rejected("unknown_version", f"format {version}, here it is {FORMAT}")
    try:
        loaded = _ENVELOPE.load(document)
    except ValidationError as error:
        raise Rejected("malformed", _shortly(error)) from None
    return Package(**{name: loaded[name] for name in Package.__dataclass_fields__})


def _verify(package: Package, document: Mapping[str, Any], find_key: FindKey) -> None:
    try:
        key = find_key(package.sender, document["key"])
    except UnknownSender:
        raise Rejected("unknown_sender", f"{package.sender} is no partner") from None
    if key is None:
        raise Rejected("unknown_key", f"{package.sender} has no key {document['key']}")
    if key.state == "revoked":
        raise Rejected("revoked_key", f"the key {document['key']} is revoked")
    signature = keys.decode(document["signature"], keys.SIGNATURE_BYTES)
    if signature is None or not keys.is_signed(key.public, signed_bytes(document), signature):
        raise Rejected("bad_signature", f"not what the key {document['key']} signed")
    if key.state == "retired" and (key.until is None or package.sent_at > key.until):
        raise Rejected("retired_key", f"the key {document['key']} was retired before")


def _check_time(package: Package, now: datetime) -> None:
    if package.sent_at > now + AHEAD:
        raise Rejected("time_off", "it comes from the future: one of the two clocks is wrong")
    if package.sent_at < now - OLDEST:
        raise Rejected("time_off", f"it is older than {OLDEST.days} days")


def _checked_body(package: Package) -> None:
    if package.kind not in KINDS:
        raise Rejected("unknown_kind", f"{package.kind} is not known here")
    try:
        bodies.load(package.kind, package.body)
    except ValidationError as error:
        raise Rejected("malformed", "body " + _shortly(error)) from None
    if package.kind != "leg.notice" and (package.term < 1 or package.hop < 1):
        raise Rejected("malformed", "term and hop begin at 1")


def _shortly(error: ValidationError) -> str:
    """Where a document is wrong, without what it said there."""
    names = error.messages if isinstance(error.messages, dict) else {}
    return ", ".join(sorted(str(name)[:40] for name in names)[:5])
