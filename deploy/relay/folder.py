"""An instance's folder: who it is, its keys, its passwords.

``public/`` holds what everybody may read (``instance.yaml``, ``legal.yaml``, the logo, the keys'
public halves), ``secret/`` the private keys and what is on the broker, ``.env`` the settings of
its processes. A ``.gitignore`` keeps all of it out of any repository.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

SLUG = validate.Regexp(r"^[a-z0-9]+(-[a-z0-9]+)*\Z", error="small letters, digits and hyphens only")
TRANSPORTS = ("amqp", "https")
AMQP_SCHEMES = ("amqps", "amqp")
WEB_SCHEMES = ("https", "http")


class FolderError(Exception):
    """A folder or file that can't be used; the sentence says what to do, and holds no secret."""


@dataclass(frozen=True)
class Facts:
    """Who an instance is and what it operates: all of it public."""

    name: str
    title: str
    contact: str
    public_url: str
    cycle: str
    legs: tuple[int, ...]
    epci: str | None = None
    transport: str = "amqp"
    """How partners hand packages to us."""

    relay_address: str | None = None
    """Our broker as partners reach it, without a credential: ``amqps://host:5671/vhost``."""

    site: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Folder:
    """Where an instance's files are."""

    path: Path

    @property
    def facts_file(self) -> Path:
        """Who it is."""
        return self.path / "public" / "instance.yaml"

    @property
    def legal_file(self) -> Path:
        """Who publishes the site."""
        return self.path / "public" / "legal.yaml"

    @property
    def keys_file(self) -> Path:
        """The public halves of its keys: the active one first, then those of before."""
        return self.path / "public" / "keys.json"

    @property
    def key_file(self) -> Path:
        """The private key with which it signs."""
        return self.path / "secret" / "relay-key.pem"

    @property
    def next_key_file(self) -> Path:
        """The private key that it will sign with once all partners know it."""
        return self.path / "secret" / "relay-key.next.pem"

    @property
    def broker_file(self) -> Path:
        """What is on its broker for the relay; credentials that partners gave us are in it."""
        return self.path / "secret" / "relay-broker.json"

    @property
    def env_file(self) -> Path:
        """The settings of its processes, passwords among them."""
        return self.path / ".env"

    def must_exist(self) -> Folder:
        """Itself. Raises :class:`FolderError` where no instance's folder is."""
        if not self.facts_file.exists():
            raise FolderError(
                f"{self.path} is no instance's folder: {self.facts_file} is not there. Make one"
                " with marathon instance init, or name it with --folder."
            )
        return self


# --- facts --------------------------------------------------------------------------------


def load_facts(folder: Folder) -> Facts:
    """The facts of a folder. Raises :class:`FolderError` with every problem."""
    path = folder.must_exist().facts_file
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise FolderError(f"{path} can't be read: {error}") from None
    try:
        return facts_of(found)
    except FolderError as error:
        raise FolderError(f"{path} can't be used:{error}") from None


def facts_of(values: Any) -> Facts:
    """Checked facts. Raises :class:`FolderError` with every problem, a line each."""
    try:
        facts: Facts = _Facts().load(values or {})
    except ValidationError as error:
        raise FolderError(problems(error)) from None
    return facts


def problems(error: ValidationError) -> str:
    """What is wrong, a line for each value."""
    return "".join(f"\n  {name}: {why}" for name, why in _flat(error.messages))


def _flat(messages: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(messages, dict):
        for key, value in messages.items():
            yield from _flat(value, path if key == "_schema" else f"{path}.{key}".lstrip("."))
    else:
        yield path or "file", " ".join(str(message) for message in messages)


def check_address(url: str, schemes: tuple[str, ...], credential: bool = False) -> str:
    """An address. Raises ``ValidationError`` for another scheme, or with a password in it."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValidationError(f"{url!r} is no address") from None
    if parts.scheme not in schemes or not host:
        raise ValidationError(f"must begin with {schemes[0]}:// and name a host")
    if not credential and (parts.username or parts.password):
        raise ValidationError("must not hold a user or password: it is for everybody to read")
    return url


def address(*schemes: str, **more: Any) -> Any:
    """A field for an address without a credential."""
    return fields.String(
        validate=[validate.Length(1, 300), lambda url: bool(check_address(url, schemes))], **more
    )


def epci_name(siren: str) -> str | None:
    """The name of an intercommunality of the territory."""
    from services.chassis import territory

    found = territory.load().epci(siren)
    return found.name if found else None


class _Relay(Schema):
    transport = fields.String(required=True, validate=validate.OneOf(TRANSPORTS))
    address = address(*AMQP_SCHEMES, load_default=None, allow_none=True)

    @validates_schema
    def _has_what_it_needs(self, data: dict[str, Any], **_more: Any) -> None:
        if data["transport"] == "amqp" and not data.get("address"):
            raise ValidationError("with amqp partners need amqps://HOST:5671", "address")


class _Facts(Schema):
    name = fields.String(required=True, validate=[validate.Length(1, 64), SLUG])
    title = fields.String(required=True, validate=validate.Length(1, 200))
    contact = fields.Email(required=True)
    public_url = address(*WEB_SCHEMES, required=True)
    cycle = fields.String(required=True, validate=[validate.Length(1, 60), SLUG])
    legs = fields.List(fields.Integer(strict=True, validate=validate.Range(1, 99)), required=True)
    epci = fields.String(load_default=None, allow_none=True)
    relay = fields.Nested(_Relay, required=True)
    site = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)

    @validates_schema
    def _epci_is_ours(self, data: dict[str, Any], **_more: Any) -> None:
        if data.get("epci") and epci_name(data["epci"]) is None:
            raise ValidationError(f"{data['epci']} is no SIREN of this territory", "epci")

    @post_load
    def _make(self, data: dict[str, Any], **_more: Any) -> Facts:
        relay = data.pop("relay")
        return Facts(
            **{**data, "legs": tuple(data["legs"])},
            transport=relay["transport"],
            relay_address=relay["address"],
        )


def facts_text(facts: Facts) -> str:
    """The facts as their file has them."""
    values = {
        "name": facts.name,
        "title": facts.title,
        "epci": facts.epci,
        "contact": facts.contact,
        "public_url": facts.public_url,
        "cycle": facts.cycle,
        "legs": list(facts.legs),
        "relay": {"transport": facts.transport, "address": facts.relay_address},
        "site": facts.site,
    }
    head = (
        "# Who this instance is. Nothing in here is secret: it is shown, and given to partners.\n"
    )
    return head + yaml.safe_dump(values, allow_unicode=True, sort_keys=False)


# --- keys ---------------------------------------------------------------------------------


def load_keys(folder: Folder) -> list[dict[str, Any]]:
    """``[{id, public, state, until}]`` as partners get it: active, then retired ones."""
    found: list[dict[str, Any]] = json.loads(folder.keys_file.read_text())
    return found


def save_keys(folder: Folder, keys: list[dict[str, Any]]) -> None:
    """Writes the public halves; whole or not at all."""
    write(folder.keys_file, json.dumps(keys, indent=1) + "\n", 0o644)


def key_entry(public: bytes, state: str, until: datetime | None = None) -> dict[str, Any]:
    """A key as partners get it."""
    from services.registration.partners import keys

    return {
        "id": keys.key_id(public),
        "public": keys.encode(public),
        "state": state,
        "until": until.strftime("%Y-%m-%dT%H:%M:%SZ") if until else None,
    }


# --- the broker's document ----------------------------------------------------------------


def load_broker(folder: Folder, vhost: str) -> dict[str, Any]:
    """What is to be on the broker; an empty document at first."""
    from deploy.relay import definitions

    if not folder.broker_file.exists():
        return definitions.empty(vhost)
    found: dict[str, Any] = json.loads(folder.broker_file.read_text())
    if found["vhost"] != vhost:
        raise FolderError(
            f"{folder.broker_file} is for the virtual host {found['vhost']!r}, and"
            f" MARATHON_AMQP_URL names {vhost!r}."
        )
    return found


def save_broker(folder: Folder, document: Mapping[str, Any]) -> None:
    """Writes what is to be on the broker, for its owner's eyes only."""
    write(folder.broker_file, json.dumps(document, indent=1) + "\n", 0o600)


# --- files --------------------------------------------------------------------------------


def write(path: Path, text: str, mode: int) -> None:
    """Writes a file whole or not at all, never readable by more than ``mode`` says."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_env(path: Path) -> dict[str, str]:
    """The values of a ``.env`` file; what a shell or Docker Compose would read.

    Raises :class:`FolderError` for one that this user may not read.
    """
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FolderError(
            f"{path} can't be read ({error.strerror}): the folder is of another user than the one"
            " who runs this."
        ) from None
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.lstrip().startswith("#"):
            words = shlex.split(value, comments=True)
            found[name.strip()] = words[0] if words else ""
    return found


@contextmanager
def lived_in(folder: Folder) -> Iterator[None]:
    """With the settings of its ``.env`` in this process's environment, where they are not yet."""
    before = dict(os.environ)
    given = {name: value for name, value in read_env(folder.env_file).items() if value}
    os.environ.update({**given, **before} if _is_this(folder, before) else given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _is_this(folder: Folder, environ: Mapping[str, str]) -> bool:
    """Whether the environment is of this very instance: then it has the last word."""
    named = environ.get("MARATHON_INSTANCE_FILE")
    return bool(named) and Path(str(named)).absolute() == folder.facts_file.absolute()
