"""What partners give each other: a card, public but for the credential that may be on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import yaml
from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from deploy.relay.definitions import HEARTBEAT_S, Credential
from deploy.relay.folder import (
    AMQP_SCHEMES,
    SLUG,
    TRANSPORTS,
    WEB_SCHEMES,
    FolderError,
    address,
    problems,
)

FORMAT = 1
LARGEST = 64 * 1024
PATH = "/relay/v1/packages"
BROKERS_CAS = "/etc/ssl/certs/ca-certificates.crt"
"""Whose certificates our broker believes: on its own machine, or in its image."""

FOR_ALL = """\
# A partner's card: who we are, and the keys that our packages are signed with.
# Nothing in here is secret; check its keys' ids with us by another way, by telephone for instance.
"""
FOR_ONE = """\
# A partner's card, made for {recipient} and for nobody else: it holds a password to our broker
# with which one can do nothing but hand us packages in {recipient}'s name. Send it by a way that
# others can't read, and delete it once it was added. Check its keys' ids by telephone.
"""


@dataclass(frozen=True)
class Card:
    """What one knows of a partner."""

    name: str
    title: str
    url: str
    contact: str
    cycle: str
    legs: tuple[int, ...]
    keys: tuple[dict[str, Any], ...]
    transport: str
    address: str
    epci: str | None = None
    credential: Credential | None = field(default=None, repr=False)
    recipient: str | None = None

    @property
    def key_ids(self) -> str:
        """The ids of the keys that count, to be told and compared by another way."""
        words = {"active": "{}", "retired": "{} (retired)"}
        shown = [(words.get(key["state"]), key["id"]) for key in self.keys]
        return ", ".join(word.format(key) for word, key in shown if word)

    @property
    def shovel_uri(self) -> str:
        """The partner's broker with our credential for it."""
        if self.credential is None:
            raise FolderError(f"The card of {self.name} holds no credential.")
        parts = urlsplit(self.address)
        user, password = (quote(each, safe="") for each in asdict(self.credential).values())
        host = parts.hostname if ":" not in str(parts.hostname) else f"[{parts.hostname}]"
        port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
        secure = [f"verify=verify_peer&cacertfile={BROKERS_CAS}&server_name_indication={host}"]
        query = "&".join([f"heartbeat={HEARTBEAT_S}", *(secure if parts.scheme == "amqps" else [])])
        path = parts.path if len(parts.path) > 1 else "/%2F"
        return urlunsplit((parts.scheme, f"{user}:{password}@{host}:{port}", path, query, ""))


def load(path: Path) -> Card:
    """The card of a file. Raises :class:`FolderError` with every problem."""
    try:
        text = path.read_bytes()
        if len(text) > LARGEST:
            raise FolderError(f"{path} is too large for a card.")
        found = yaml.safe_load(text.decode("utf-8"))
        card: Card = _Card().load(found if isinstance(found, dict) else {})
    except ValidationError as error:
        raise FolderError(f"{path} is no card that can be used:{problems(error)}") from None
    except OSError as error:
        raise FolderError(f"{path} can't be read: {error.strerror}") from None
    except (UnicodeError, yaml.YAMLError):
        # What the parser says may quote the password.
        raise FolderError(f"{path} is no card: it is not YAML.") from None
    return card


def text_of(card: Card) -> str:
    """A card as its file has it."""
    values: dict[str, Any] = {
        "card": FORMAT,
        "for": card.recipient,
        "name": card.name,
        "title": card.title,
        "epci": card.epci,
        "url": card.url,
        "contact": card.contact,
        "cycle": card.cycle,
        "legs": list(card.legs),
        "keys": [dict(key) for key in card.keys],
        "relay": {"transport": card.transport, "address": card.address},
    }
    if card.credential:
        values["relay"] |= asdict(card.credential)
    head = FOR_ONE.format(recipient=card.recipient) if card.credential else FOR_ALL
    return head + yaml.safe_dump(values, allow_unicode=True, sort_keys=False)


class _Key(Schema):
    id = fields.String(required=True, validate=validate.Regexp(r"^[0-9a-f]{16}\Z"))
    public = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(("active", "retired", "revoked")))
    until = fields.String(load_default=None, allow_none=True)

    @validates_schema
    def _ends_where_it_is_retired(self, data: dict[str, Any], **_more: Any) -> None:
        if data["state"] == "retired" and not _is_instant(data["until"]):
            raise ValidationError(
                "a retired key has an instant such as 2026-11-26T08:00:00Z", "until"
            )

    @validates_schema
    def _id_fits(self, data: dict[str, Any], **_more: Any) -> None:
        from services.registration.partners import keys

        try:
            public = keys.public_of(data["public"])
        except keys.KeyUnusable as error:
            raise ValidationError(str(error), "public") from None
        if keys.key_id(public) != data["id"]:
            raise ValidationError("is not the id of this key", "id")


def _is_instant(text: str | None) -> bool:
    try:
        return bool(datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ"))  # noqa: DTZ007
    except ValueError:
        return False


class _Relay(Schema):
    transport = fields.String(required=True, validate=validate.OneOf(TRANSPORTS))
    address = address(*AMQP_SCHEMES, *WEB_SCHEMES, required=True)
    user = fields.String()
    password = fields.String(validate=validate.Length(16, 200))

    @validates_schema
    def _is_whole(self, data: dict[str, Any], **_more: Any) -> None:
        amqp = data["transport"] == "amqp"
        if data["address"].partition(":")[0] not in (AMQP_SCHEMES if amqp else WEB_SCHEMES):
            raise ValidationError(f"is not one for {data['transport']}", "address")
        if amqp and not ("user" in data and "password" in data):
            raise ValidationError(
                "is missing: this card was made for nobody. Ask the partner for one that is made"
                " for you (marathon partner card --for YOU)",
                "password",
            )


class _Card(Schema):
    card = fields.Integer(required=True, strict=True, validate=validate.Equal(FORMAT))
    recipient = fields.String(data_key="for", load_default=None, allow_none=True)
    name = fields.String(required=True, validate=[validate.Length(1, 64), SLUG])
    title = fields.String(required=True, validate=validate.Length(1, 200))
    epci = fields.String(load_default=None, allow_none=True)
    url = address(*WEB_SCHEMES, required=True)
    contact = fields.Email(required=True)
    cycle = fields.String(required=True, validate=[validate.Length(1, 60), SLUG])
    legs = fields.List(fields.Integer(strict=True), required=True)
    keys = fields.List(fields.Nested(_Key), required=True, validate=validate.Length(1, 20))
    relay = fields.Nested(_Relay, required=True)

    @validates_schema
    def _has_a_key(self, data: dict[str, Any], **_more: Any) -> None:
        if not any(key["state"] == "active" for key in data["keys"]):
            raise ValidationError("none is active", "keys")

    @post_load
    def _make(self, data: dict[str, Any], **_more: Any) -> Card:
        relay = data.pop("relay")
        del data["card"]
        user = relay.get("user")
        return Card(
            **{**data, "legs": tuple(data["legs"]), "keys": tuple(data["keys"])},
            transport=relay["transport"],
            address=relay["address"],
            credential=Credential(user, relay["password"]) if user else None,
        )
