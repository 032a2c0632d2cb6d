"""What ``marathon doctor`` looks at where an instance has partners."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from deploy.cli.doctor import Finding
from services.chassis.config import Settings, SettingsError

SILENT = timedelta(hours=1)
"""A partner that lives says something every ten minutes."""


def findings(settings: Settings) -> Iterator[Finding]:
    """The instance's file, its key, and each partner; nothing where there is no file."""
    if settings.instance_file is None:
        return
    yield facts(settings)
    yield key(settings)
    yield from partners(settings)


def facts(settings: Settings) -> Finding:
    """Whether the instance's file can be used, by the operator's commands and by the gateway."""
    from deploy.cli.in_folder import folder_of
    from deploy.relay.folder import FolderError, load_facts
    from gateway import branding

    what = "instance"
    try:
        found = load_facts(folder_of(None))
        branding.load(settings)
    except (FolderError, SettingsError) as error:
        return Finding(what, str(error), "Correct it: the gateway does not start with it.")
    if found.name != settings.instance:
        todo = f"Set MARATHON_INSTANCE={found.name}: partners know it by this name."
        return Finding(what, f"is {found.name}, and runs as {settings.instance}", todo)
    return Finding(what, f"{found.name}: {found.title}")


def key(settings: Settings) -> Finding:
    """Whether packages can be signed, with the key that the cards tell of."""
    from deploy.cli.in_folder import folder_of
    from deploy.relay.folder import load_keys
    from services.registration.partners import keys

    what = "relay key"
    if settings.relay_key_file is None:
        return Finding(what, "none", "Name it in MARATHON_RELAY_KEY: nothing can be signed.")
    try:
        found = keys.load_private(settings.relay_key_file)
        told = load_keys(folder_of(None))
    except (keys.KeyUnusable, OSError, ValueError) as error:
        return Finding(what, str(error), "Restore it from your backup, or rotate it.")
    active = [one["id"] for one in told if one["state"] == "active"]
    if found.id not in active:
        todo = "Run marathon instance rotate-key --switch again, or restore keys.json."
        return Finding(what, f"signs with {found.id}, and cards tell of {active}", todo)
    return Finding(what, f"signs with {found.id}")


def partners(settings: Settings) -> Iterator[Finding]:
    """How the link to each partner is."""
    from deploy.cli.in_folder import folder_of
    from deploy.relay import exchanging
    from deploy.relay.folder import FolderError
    from deploy.relay.management import ManagementError

    try:
        found = exchanging.survey(folder_of(None))
    except (FolderError, ManagementError) as error:
        yield Finding("partners", str(error), "Look at docs/operating.md, Partners.")
        return
    except Exception as error:
        # The database is looked at on its own.
        yield Finding("partners", f"not known ({type(error).__name__})", "Mend the database first.")
        return
    if not found:
        yield Finding("partners", "none", "Exchange cards: marathon partner --help")
    for one in found:
        yield partner(one, settings.clock().now())


def partner(one: dict[str, Any], now: datetime) -> Finding:
    """One partner as :func:`deploy.relay.exchanging.survey` tells of it."""
    what = f"partner {one['name']}"
    name, link = one["name"], one["link"]["state"]
    heard = datetime.fromisoformat(one["heard"]) if one["heard"] else None
    doubled = [r for r in one["refusals"] if r["verdict"] == "double_grant"]
    if doubled:
        todo = f"Call {name} and the joint body: marathon relay status shows the proof."
        return Finding(what, "granted one hop twice", todo)
    if one["transport"] == "amqp" and link != "running":
        todo = f"Look whether the broker of {name} answers; ask for a new card if it was changed."
        return Finding(what, f"link {link}, {one['unsettled']} packages not answered", todo)
    if heard is None or now - heard > SILENT:
        since = f"since {heard:%Y-%m-%d %H:%M}" if heard else "never heard"
        return Finding(what, f"silent {since}", f"Call {name}: docs/operating.md, Partners.")
    return Finding(what, f"link {link}, heard {heard:%H:%M}, {one['unsettled']} not answered")
