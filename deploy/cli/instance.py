"""``marathon instance``: the folder of an instance, its facts and its keys."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from deploy.cli.in_folder import FOLDER_OPTION, folder_of, told

NEW = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(name="instance")
def command() -> None:
    """Make an instance's folder, show it, replace its key."""


@command.command(short_help="Make a new instance's folder.")
@click.argument("folder", type=NEW)
@click.option("--name", help="Its name among partners: small letters, digits, hyphens.")
@click.option("--epci", help="SIREN of the intercommunality; none for a joint body.")
@click.option("--title", help="Its full name. [default: the intercommunality's]")
@click.option("--contact", help="An address for partners and visitors.")
@click.option("--public-url", help="What people type: https://…")
@click.option("--cycle", help="The cycle that it takes part in, such as vallee-du-lot-2023.")
@click.option("--legs", help="The legs that it operates, such as 2 or 1,3; none for a joint body.")
@click.option("--cycle-file", type=FILE, help="Takes cycle and legs from a cycle file.")
@click.option("--relay", "transport", type=click.Choice(["amqp", "https"]), help="How partners"
              " hand us packages. [default: amqp if there is an address, else https]")  # fmt: skip
@click.option("--relay-address", help="Our broker as partners reach it: amqps://HOST:5671")
@click.option("--site-title", help="The site's name.")
@click.option("--accent", help="The site's main colour, dark: #rrggbb")
@click.option("--logo", type=FILE, help="A small SVG, PNG or WebP.")
@click.option(
    "--legal", "legal_file", type=FILE, help="A copy of deploy/demo/legal.yaml, filled in."
)
@click.option("--publisher-address", help="For the legal notice, unless --legal is given.")
@click.option("--publisher-director", help="Who answers for what is published.")
@click.option("--host-name", help="Who hosts the servers.")
@click.option("--host-address", help="Where the host is.")
@click.option("--amqp-url", default="", help="The broker. [default: Docker Compose's]")
@click.option("--database-url", default="", help="With {service}. [default: Docker Compose's]")
@click.option("--rabbitmq-api", default="", help="http://user:password@host:15672")
@click.option("--smtp-url", default="smtp://mail.example.org:25", show_default=True)
@click.option("--mail-from", default="ne-pas-repondre@example.org", show_default=True)
@click.option("--gateway-port", type=click.IntRange(1, 65535), default=8000, show_default=True)
def init(folder: Path, **given: Any) -> None:
    """Make FOLDER with all that a new instance needs.

    What is not given is asked for at a terminal. Its key and passwords are made here, written
    into files that only you can read, and shown nowhere; a .gitignore keeps them out of any
    repository.
    """
    from deploy.relay import making
    from deploy.relay.folder import Folder

    with told():
        wanted = _wanted(given)
        place = Folder(folder.absolute())
        facts = making.make(place, wanted)
    click.echo(f"{facts.name} is in {place.path}. Nothing of it belongs into a repository.")
    click.echo(f"  to read, correct and back up: {place.facts_file}, {place.legal_file}")
    click.echo(f"  secret, to back up apart: {place.env_file}, {place.key_file}")
    click.echo("Next: start it (docs/operating.md), then exchange cards with each partner:")
    card = folder / "for-PARTNER.yaml"
    click.echo(f"  marathon partner --folder {folder} card --for PARTNER --output {card}")


@command.command()
@FOLDER_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(folder: Path | None, as_json: bool) -> None:
    """Show who this instance is and its public keys; nothing secret."""
    import json
    from dataclasses import asdict

    from deploy.relay.folder import load_facts, load_keys

    with told():
        place = folder_of(folder)
        facts = load_facts(place)
        keys = load_keys(place)
    if as_json:
        click.echo(json.dumps({**asdict(facts), "keys": keys}, ensure_ascii=False, indent=2))
        return
    legs = ", ".join(str(leg) for leg in facts.legs) or "none"
    click.echo(f"{facts.name}: {facts.title}" + (f" (SIREN {facts.epci})" if facts.epci else ""))
    click.echo(f"  site     {facts.public_url}   contact {facts.contact}")
    click.echo(f"  cycle    {facts.cycle}, legs: {legs}")
    click.echo(f"  relay    {facts.transport} {facts.relay_address or ''}".rstrip())
    for key in keys:
        until = f" until {key['until']}" if key["until"] else ""
        click.echo(f"  key      {key['id']}  {key['state']}{until}  {key['public']}")


@command.command(name="rotate-key", short_help="Replace the key that packages are signed with.")
@FOLDER_OPTION
@click.option("--switch", is_flag=True, help="Sign with the new key: all partners have it.")
def rotate_key(folder: Path | None, switch: bool) -> None:
    """Replace the key that packages are signed with, in two steps.

    First a new key is made and put on the cards, and nothing is signed with it yet: give every
    partner a new card. Then, with --switch, it signs, and the old one is retired: partners still
    read by it what was signed before, so nothing on its way is lost.
    """
    with told():
        place = folder_of(folder).must_exist()
        told_what = _switch(place) if switch else _prepare(place)
    click.echo(told_what)


def _prepare(place: Any) -> str:
    from deploy.relay.folder import FolderError, key_entry, load_keys, save_keys
    from services.registration.partners import keys

    if place.next_key_file.exists():
        raise FolderError(
            "A new key is made already: when all partners have it, run it with --switch."
        )
    new = keys.generate()
    keys.save_private(new, place.next_key_file)
    active, *older = load_keys(place)
    save_keys(place, [active, key_entry(new.public, "active"), *older])
    return (
        f"Made the key {new.id}; nothing is signed with it yet. Give every partner a new card"
        " (marathon partner card), then run: marathon instance rotate-key --switch"
    )


def _switch(place: Any) -> str:
    from datetime import UTC, datetime, timedelta

    from deploy.relay import book
    from deploy.relay.folder import (
        FolderError,
        key_entry,
        lived_in,
        load_facts,
        load_keys,
        save_keys,
    )
    from services.registration.partners import keys

    if not place.next_key_file.exists():
        raise FolderError("There is no new key: run it without --switch first.")
    old, new = keys.load_private(place.key_file), keys.load_private(place.next_key_file)
    now = datetime.now(UTC)
    known = load_keys(place)
    # A process that runs may still sign one with it.
    retired = [key_entry(old.public, "retired", now + timedelta(hours=1))]
    retired += [one for one in known if one["id"] not in (old.id, new.id)]
    facts = load_facts(place)
    with lived_in(place), book.opened() as opened:
        # Our own grants are in the chain that we read as well.
        values = {"title": facts.title, "url": facts.public_url, "transport": facts.transport}
        opened.keep(facts.name, **values, relay_url=facts.relay_address, keys=retired)
    save_keys(place, [key_entry(new.public, "active"), *retired])
    place.next_key_file.replace(place.key_file)
    return f"Signs with {new.id} from now on; {old.id} is retired. No restart is needed."


# --- what was given, and what has to be asked ---------------------------------------------


def _wanted(given: dict[str, Any]) -> Any:
    from deploy.relay.making import Wanted

    _ask_missing(given)
    cycle, legs = _cycle_of(given)
    address = given["relay_address"] or None
    values = {
        "name": given["name"],
        "title": given["title"] or _title(given["epci"]),
        "epci": given["epci"] or None,
        "contact": given["contact"],
        "public_url": (given["public_url"] or "").rstrip("/"),
        "cycle": cycle,
        "legs": legs,
        "relay": {
            "transport": given["transport"] or ("amqp" if address else "https"),
            "address": address,
        },
        "site": _site(given),
    }
    facts = _checked({key: value for key, value in values.items() if value not in ("", None)})
    names = ("logo", "amqp_url", "database_url", "rabbitmq_api", "smtp_url", "mail_from")
    more = {name: given[name] for name in (*names, "gateway_port")}
    return replace(Wanted(facts, _legal(given, facts)), **more)


def _checked(values: dict[str, Any]) -> Any:
    from deploy.relay.folder import FolderError, facts_of

    try:
        return facts_of(values)
    except FolderError as error:
        named = str(error).replace("public_url:", "public-url:").replace("relay.", "relay-")
        raise FolderError(f"What was given is not enough, or wrong:{named}") from None


QUESTIONS = (
    ("name", "Name among partners (small letters, digits, hyphens)", True),
    ("epci", "SIREN of the intercommunality (empty for a joint body)", False),
    ("contact", "Address for partners and visitors (mail)", True),
    ("public_url", "Address of the site (https://…)", True),
    ("cycle", "Cycle, such as vallee-du-lot-2023", True),
    ("legs", "Legs that it operates, such as 2 or 1,3", False),
    ("relay_address", "Broker as partners reach it (amqps://HOST:5671; empty: by HTTPS)", False),
    ("site_title", "The site's name", False),
    ("accent", "The site's main colour, dark (#rrggbb)", False),
    ("publisher_address", "Legal notice: the publisher's postal address", False),
    ("publisher_director", "Legal notice: who answers for what is published", False),
    ("host_name", "Legal notice: who hosts the servers", False),
    ("host_address", "Legal notice: the host's postal address", False),
)
FROM_FILES = {"cycle": "cycle_file", "legs": "cycle_file"} | dict.fromkeys(
    ("publisher_address", "publisher_director", "host_name", "host_address"), "legal_file"
)


def _ask_missing(given: dict[str, Any]) -> None:
    """Asks at a terminal; elsewhere what is not given stays empty, and is named if needed."""
    if not sys.stdin.isatty():
        return
    for name, question, needed in QUESTIONS:
        if given[name] is None and not given.get(FROM_FILES.get(name, "")):
            given[name] = click.prompt(question, default=None if needed else "")


def _title(epci: str | None) -> str | None:
    from deploy.relay.folder import epci_name

    return epci_name(epci) if epci else None


def _cycle_of(given: dict[str, Any]) -> tuple[str | None, list[int]]:
    if not given["cycle_file"]:
        return given["cycle"], _numbers(given["legs"] or "")
    from deploy.relay.folder import FolderError
    from services.registration import cycle_file

    loaded = cycle_file.load(given["cycle_file"].read_text(encoding="utf-8"))
    if given["name"] not in [partner["name"] for partner in loaded["partners"]]:
        raise FolderError(f"{given['cycle_file']} names no partner {given['name']}.")
    legs = [leg["leg"] for leg in loaded["legs"] if leg["operated_by"] == given["name"]]
    return loaded["cycle"], legs


def _numbers(text: str) -> list[int]:
    from deploy.relay.folder import FolderError

    try:
        return sorted({int(part) for part in text.split(",") if part.strip()})
    except ValueError:
        raise FolderError(f"--legs must be numbers such as 1,3, not {text!r}.") from None


def _site(given: dict[str, Any]) -> dict[str, str]:
    from deploy.relay.folder import FolderError
    from gateway import branding

    site = {"title": given["site_title"], "accent": given["accent"]}
    try:
        if given["accent"]:
            branding.check_accent(given["accent"])
        if given["logo"]:
            branding.check_logo(given["logo"])
            site["logo"] = f"logo{given['logo'].suffix.lower()}"
    except ValueError as error:
        raise FolderError(f"{error}.") from None
    return {name: value for name, value in site.items() if value}


def _legal(given: dict[str, Any], facts: Any) -> dict[str, Any]:
    """The legal file's content: the given one's, or a start of it."""
    from gateway import legal
    from services.chassis.config import Settings

    if given["legal_file"]:
        import yaml

        # It is checked as the gateway will.
        legal.load(Settings(legal_file=given["legal_file"]))
        found: dict[str, Any] = yaml.safe_load(given["legal_file"].read_text(encoding="utf-8"))
        return found
    publisher = {
        "name": facts.title,
        "address": given["publisher_address"],
        "director": given["publisher_director"],
        "email": facts.contact,
    }
    host = {"name": given["host_name"], "address": given["host_address"]}
    parts = {
        "publisher": {name: value for name, value in publisher.items() if value},
        "host": {name: value for name, value in host.items() if value},
        "data_protection": {"email": facts.contact},
    }
    return {name: part for name, part in parts.items() if part}
