"""Makes a new instance's folder: facts, keys, passwords, settings."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.relay import folder as folders
from deploy.relay.folder import Facts, Folder, FolderError

IGNORE = "# Passwords and private keys: nothing in this folder is for a repository.\n*\n"
LEGAL_HEAD = """\
# Who publishes this site, for its legal pages. What is missing is shown as missing there, and
# marathon doctor lists it; deploy/demo/legal.yaml shows all that can be said.
"""


@dataclass(frozen=True)
class Wanted:
    """What the operator chose beyond the facts; empty addresses are those of Docker Compose."""

    facts: Facts
    legal: Mapping[str, Any]
    logo: Path | None = None
    amqp_url: str = ""
    database_url: str = ""
    rabbitmq_api: str = ""
    smtp_url: str = "smtp://mail.example.org:25"
    mail_from: str = "ne-pas-repondre@example.org"
    gateway_port: int = 8000


def make(folder: Folder, wanted: Wanted) -> Facts:
    """Makes the folder whole. Raises :class:`FolderError` where something is already."""
    from services.registration.partners import keys

    if folder.path.exists() and any(folder.path.iterdir()):
        raise FolderError(f"{folder.path} is not empty: an instance is never overwritten.")
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    # First, so that there is no moment in which anything here could be added.
    folders.write(folder.path / ".gitignore", IGNORE, 0o644)
    (folder.path / "public").mkdir(mode=0o755)
    (folder.path / "secret").mkdir(mode=0o700)
    _write_facts(folder, wanted)
    key = keys.generate()
    keys.save_private(key, folder.key_file)
    folders.save_keys(folder, [folders.key_entry(key.public, "active")])
    folders.write(folder.env_file, _env(folder, wanted), 0o600)
    return wanted.facts


def _write_facts(folder: Folder, wanted: Wanted) -> None:
    if wanted.logo:
        shutil.copyfile(wanted.logo, folder.path / "public" / f"logo{wanted.logo.suffix.lower()}")
    folders.write(folder.facts_file, folders.facts_text(wanted.facts), 0o644)
    legal = yaml.safe_dump(dict(wanted.legal), allow_unicode=True, sort_keys=False)
    folders.write(folder.legal_file, LEGAL_HEAD + legal, 0o644)


def _env(folder: Folder, wanted: Wanted) -> str:
    """The settings: for Docker Compose, and for processes without it."""
    broker, database = secrets.token_hex(24), secrets.token_hex(24)
    facts = wanted.facts
    values = {
        "MARATHON_INSTANCE": facts.name,
        "MARATHON_SECRET": secrets.token_hex(32),
        "POSTGRES_PASSWORD": database,
        "RABBITMQ_PASSWORD": broker,
        "MARATHON_PUBLIC_URL": facts.public_url,
        "GATEWAY_PORTS": "8000-8003",
        "MARATHON_TRUSTED_PROXIES": "1" if facts.public_url.startswith("https:") else "0",
        "MARATHON_SMTP_URL": wanted.smtp_url,
        "MARATHON_MAIL_FROM": wanted.mail_from,
        "MARATHON_LOG_LEVEL": "INFO",
        "MARATHON_INSTANCE_FOLDER": str(folder.path),
        "MARATHON_LEGAL_FILE": str(folder.legal_file),
        "MARATHON_INSTANCE_FILE": str(folder.facts_file),
        "MARATHON_RELAY_KEY": str(folder.key_file),
        "MARATHON_DATA_DIR": str(folder.path / "data"),
        "MARATHON_GATEWAY_PORT": str(wanted.gateway_port),
        "MARATHON_AMQP_URL": wanted.amqp_url or f"pyamqp://marathon:{broker}@broker:5672//",
        "MARATHON_DATABASE_URL": wanted.database_url
        or f"postgresql+psycopg2://marathon:{database}@database:5432/{{service}}",
        "MARATHON_RABBITMQ_API": wanted.rabbitmq_api or f"http://marathon:{broker}@broker:15672",
    }
    if wanted.amqp_url.startswith("embedded"):
        del values["MARATHON_RABBITMQ_API"]
    lines = [f"{name}={_quoted(value)}" for name, value in values.items()]
    return (
        f"# Settings of the instance {facts.name}: secret. docs/operating.md explains each.\n"
        + "\n".join(lines)
        + "\n"
    )


def _quoted(value: str) -> str:
    """As a shell and Docker Compose read it the same: in single quotes where that matters."""
    if "'" in value or "\n" in value:
        raise FolderError("A setting can't hold a single quote or a new line.")
    plain = all(char.isalnum() or char in "_-./:@,+{}" for char in value)
    return value if plain else f"'{value}'"
