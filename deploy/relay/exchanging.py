"""What happens between two partners' operators: cards given and taken, credentials, removal.

Order matters where something may be on its way. Who is let in gets its queues first; who sends
somewhere new does so before the old way is closed; what is written down here comes before what
is done on the broker, so that a command that was cut is finished by running it again.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploy.relay import book, card, definitions, management
from deploy.relay.card import PATH, Card
from deploy.relay.definitions import Document
from deploy.relay.folder import (
    Facts,
    Folder,
    FolderError,
    load_broker,
    load_facts,
    load_keys,
    save_broker,
)
from deploy.relay.management import Management, ManagementError

NO_LINK: Mapping[str, Any] = {"state": "by HTTPS", "out": None, "in": None}


# --- cards --------------------------------------------------------------------------------


def make_card(place: Folder, recipient: str | None, transport: str | None = None) -> Card:
    """A card of ours; for a partner over amqp with a new credential, which the broker then has.

    Raises :class:`FolderError`, ``ManagementError``.
    """
    facts = load_facts(place)
    if recipient is None:
        return _card(place, facts, "https")
    _check_name(facts, recipient)
    made = _card(place, facts, transport or facts.transport)
    if made.transport == "https":
        return replace(made, recipient=recipient)
    vhost = _vhost()
    api = _api()
    document = definitions.with_partner(load_broker(place, vhost), recipient)
    document, credential = definitions.with_new_user(document, recipient)
    _enact(place, api, document)
    return replace(made, recipient=recipient, credential=credential)


def _card(place: Folder, facts: Facts, transport: str) -> Card:
    if transport == "amqp" and facts.relay_address is None:
        raise FolderError(
            f"{place.facts_file} has no relay address (relay: address: amqps://HOST:5671):"
            " partners can reach our broker nowhere. By HTTPS: --transport https"
        )
    address = str(facts.relay_address) if transport == "amqp" else f"{facts.public_url}{PATH}"
    return Card(
        name=facts.name,
        title=facts.title,
        url=facts.public_url,
        contact=facts.contact,
        cycle=facts.cycle,
        legs=facts.legs,
        keys=tuple(load_keys(place)),
        transport=transport,
        address=address,
        epci=facts.epci,
    )


def _check_name(facts: Facts, partner: str) -> None:
    if not definitions.NAME.fullmatch(partner):
        raise FolderError(f"{partner!r} is no partner's name: small letters, digits, hyphens.")
    if partner == facts.name:
        raise FolderError(f"{partner} is this instance itself.")


def add(place: Folder, file: Path, confirmed: Collection[str] = ()) -> Card:
    """Takes a partner's card; ``confirmed`` are the ids of its keys as the partner told them.

    Raises :class:`FolderError`, ``ManagementError``.
    """
    facts, taken = load_facts(place), card.load(file)
    _check_card(facts, taken)
    with book.opened() as opened:
        known = opened.find(taken.name)
        if confirmed:
            _check_keys(taken, confirmed, known.keys if known else [])
        opened.keep(
            taken.name,
            title=taken.title,
            url=taken.url,
            transport=taken.transport,
            relay_url=taken.address,
            keys=_merged(known, taken),
        )
    _reach(place, facts, taken)
    return taken


def _check_card(facts: Facts, taken: Card) -> None:
    _check_name(facts, taken.name)
    if taken.recipient not in (None, facts.name):
        raise FolderError(f"This card was made for {taken.recipient}, and we are {facts.name}.")
    if taken.cycle != facts.cycle:
        raise FolderError(f"This card is for the cycle {taken.cycle}, and ours is {facts.cycle}.")
    both = sorted(set(taken.legs) & set(facts.legs))
    if both:
        raise FolderError(f"{taken.name} says that it operates leg {both[0]}, which is ours.")


def _check_keys(taken: Card, confirmed: Collection[str], known: list[dict[str, Any]]) -> None:
    """Raises unless every key that the card would let in was told by the partner itself.

    Whoever changed the card on its way may have left the true key on it, and added another. A
    retired key opens what is said to be older, so it counts too, unless we have it already.
    """
    given = {one["id"]: one["state"] for one in taken.keys if one["state"] != "revoked"}
    strange = sorted(set(confirmed) - set(given))
    if strange:
        raise FolderError(
            f"The card's keys are {', '.join(given)}, not {', '.join(strange)}: it may have been"
            f" exchanged on its way. Ask {taken.name} again, and take nothing before."
        )
    states = {one["id"]: one["state"] for one in known}
    unnamed = [
        key
        for key, state in given.items()
        if key not in confirmed
        and states.get(key) != "revoked"
        and not (state == "retired" and key in states)
    ]
    if unnamed:
        raise FolderError(
            f"The card also has {', '.join(unnamed)}: somebody may have added it on its way. Ask"
            f" {taken.name}, and give --key for each key that is theirs; nothing was taken."
        )


def _merged(known: Any, taken: Card) -> list[dict[str, Any]]:
    """A partner's keys: the card's, but what we revoked stays revoked, whoever says else."""
    revoked = {one["id"]: one for one in (known.keys if known else []) if one["state"] == "revoked"}
    newer = [dict(one) for one in taken.keys if one["id"] not in revoked]
    return [*newer, *revoked.values()]


def _reach(place: Folder, facts: Facts, taken: Card) -> None:
    """The way to a partner: a shovel where it has a broker, none where it takes HTTPS."""
    if taken.transport == "https" and not _has_broker():
        return
    api, document = _api(), load_broker(place, _vhost())
    if taken.transport == "amqp":
        document = definitions.with_partner(document, taken.name)
        document = definitions.with_shovel(document, facts.name, taken.name, taken.shovel_uri)
    else:
        document = definitions.without_shovel(document, taken.name)
    _enact(place, api, document)
    if taken.transport == "amqp":
        management.restart_shovel(api, document["vhost"], taken.name)


# --- rotation and removal -----------------------------------------------------------------


def revoke_credentials(place: Folder, partner: str, everything: bool = False) -> list[str]:
    """Takes a partner's credentials away, all but the newest; answers which."""
    api, document = _api(), load_broker(place, _vhost())
    users = definitions.users_of(document, partner)
    for user in users if everything else users[:-1]:
        document = definitions.without_user(document, user)
    gone = _enact(place, api, document)
    return [name for name in users if name in gone]


def revoke_key(partner: str, key: str) -> None:
    """Marks a partner's key as one that proves nothing. Raises :class:`FolderError`."""
    with book.opened() as opened:
        row = opened.find(partner)
        if row is None:
            raise FolderError(f"{partner} is no partner: marathon partner show lists them.")
        if key not in [one["id"] for one in row.keys]:
            known = ", ".join(one["id"] for one in row.keys)
            raise FolderError(f"{partner} has no key {key}; it has {known}.")
        row.keys = [
            {**one, "state": "revoked", "until": None} if one["id"] == key else one
            for one in row.keys
        ]


def remove(place: Folder, partner: str, force: bool = False) -> list[str]:
    """Takes a partner away; answers what went from the broker.

    Raises ``ManagementError`` where a queue is not empty: then all else is done.
    """
    with book.opened() as opened:
        known = opened.remove(partner)
    gone = []
    if _has_broker():
        document = load_broker(place, _vhost())
        known = known or partner in definitions.partners_of(document)
        gone = _enact(place, _api(), definitions.without_partner(document, partner), force)
    if not known and not gone:
        raise FolderError(f"{partner} is no partner: marathon partner show lists them.")
    return gone


def apply(place: Folder, force: bool = False) -> list[str]:
    """Makes the broker be as the folder says; answers what went."""
    document = load_broker(place, _vhost())
    return _enact(place, _api(), document, force)


def _enact(place: Folder, api: Management, document: Document, force: bool = False) -> list[str]:
    save_broker(place, document)
    count = management.counter(os.environ["MARATHON_AMQP_URL"])
    return [change.name for change in management.apply(api, document, count, force)]


# --- a look -------------------------------------------------------------------------------


def survey(place: Folder, name: str | None = None) -> list[dict[str, Any]]:
    """What is known of each partner, or of one. Raises :class:`FolderError` for another name."""
    facts = load_facts(place)
    links = _links(place)
    with book.opened() as opened:
        rows = [row for row in opened.all() if row.name != facts.name]
        heard, refusals = opened.heard(), opened.refusals()
        found = [_seen(opened, row, heard, refusals, links) for row in rows]
    wanted = [one for one in found if name in (None, one["name"])]
    if name is not None and not wanted:
        raise FolderError(f"{name} is no partner: marathon partner show lists them.")
    return wanted


def _seen(
    opened: book.Book, row: Any, heard: Any, refusals: list[Any], links: dict[str, Any]
) -> dict[str, Any]:
    at = heard.get(row.name)
    link = links["by_partner"].get(row.name, {})
    return {
        "name": row.name,
        "title": row.title,
        "url": row.url,
        "transport": row.transport,
        "relay_url": row.relay_url,
        "keys": [{part: one[part] for part in ("id", "state")} for one in row.keys],
        "link": {**links["without"], **link} if row.transport == "amqp" else dict(NO_LINK),
        "credentials": definitions.users_of(links["document"], row.name),
        "unsettled": opened.waiting(row.name),
        "heard": at.isoformat() if at else None,
        "refusals": [
            {"verdict": one.verdict, "number": one.number, "reason": one.reason}
            for one in refusals
            if one.partner == row.name
        ],
    }


def _links(place: Folder) -> dict[str, Any]:
    """The state of the shovels and what waits; without the broker's API it is not known."""
    document = load_broker(place, _vhost()) if _has_broker() else definitions.empty("/")
    without = {"state": "is not set up", "out": None, "in": None}
    if not _has_broker():
        return {"document": document, "by_partner": {}, "without": without}
    vhost = document["vhost"]
    try:
        api = _api()
        states, waiting = management.shovels(api, vhost), management.waiting(api, vhost)
    except ManagementError as error:
        without["state"] = f"is not known ({error})"
        return {"document": document, "by_partner": {}, "without": without}
    partners = {
        name: {"state": states.get(name, {}).get("state", "is not set up")} | waiting.get(name, {})
        for name in {*states, *waiting}
    }
    return {"document": document, "by_partner": partners, "without": without}


def _has_broker() -> bool:
    return bool(os.environ.get("MARATHON_RABBITMQ_API"))


# --- the broker that our settings name ----------------------------------------------------


def _api() -> Management:
    url = os.environ.get("MARATHON_RABBITMQ_API")
    if not url:
        raise FolderError(
            "MARATHON_RABBITMQ_API names no broker: this instance has none, or its .env lacks it."
            " Without a broker partners reach us by HTTPS: --transport https"
        )
    return Management(url)


def _vhost() -> str:
    from kombu.utils.url import parse_url

    url = os.environ.get("MARATHON_AMQP_URL", "")
    return str(parse_url(url)["virtual_host"] or "/") if url else "/"
