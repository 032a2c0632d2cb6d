"""What should be on a broker for the relay: RabbitMQ's definitions, as values.

A document is a plain dictionary in the format of RabbitMQ's own definitions, so that
``rabbitmqctl import_definitions`` takes it too; ``user_limits`` is ours. Functions answer a new
document and change none. A partner's user may write to ``relay.in`` with its own routing key
and do nothing else (DESIGN §5).
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.chassis import courier

OUT, IN = courier.OUT, courier.IN
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
USER = re.compile(r"relay\.([a-z0-9-]+)\.(\d+)")
USER_LIMITS = {"max-connections": 4, "max-channels": 8}
RECONNECT_S = 2
HEARTBEAT_S = 5
PREFETCH = 10
"""While a partner's queue is full the shovel tries again at once: many at a time would only
heat both brokers."""

HASHING = "rabbit_password_hashing_sha256"

Document = dict[str, Any]


@dataclass(frozen=True)
class Credential:
    """With which a partner enters; the password is known once, then only its hash is kept."""

    user: str
    password: str


def empty(vhost: str) -> Document:
    """A document without partners: the two exchanges."""
    return {
        "vhost": vhost,
        "users": [],
        "user_limits": [],
        "permissions": [],
        "topic_permissions": [],
        "exchanges": [_exchange(vhost, one) for one in courier.exchanges()],
        "queues": [],
        "bindings": [],
        "parameters": [],
    }


def with_partner(document: Document, partner: str) -> Document:
    """With a partner's two queues; with them already, the same."""
    vhost = document["vhost"]
    made = without_partner(document, partner, keep_access=True)
    # Exactly those that the courier declares where they are missing.
    for queue in (courier.out_queue(partner), courier.in_queue(partner)):
        made["queues"].append(_queue(vhost, queue))
        made["bindings"] += _bindings(vhost, queue)
    return made


def with_shovel(document: Document, me: str, partner: str, uri: str) -> Document:
    """With the way to a partner's broker; ``uri`` holds the credential that it gave us."""
    made = without_shovel(document, partner)
    made["parameters"].append(_shovel(document["vhost"], me, partner, uri))
    return made


def without_shovel(document: Document, partner: str) -> Document:
    """Without the way to a partner's broker."""
    made = deepcopy(document)
    made["parameters"] = [p for p in made["parameters"] if p["name"] != shovel(partner)]
    return made


def with_new_user(document: Document, partner: str) -> tuple[Document, Credential]:
    """With one more credential for a partner; those that it has stay good until taken away."""
    numbers = [int(_parts(user)[1]) for user in users_of(document, partner)]
    # A number that was used is not used again: who still has the old card must not get in.
    number = max([document.get("last_user", {}).get(partner, 0), *numbers]) + 1
    credential = Credential(f"relay.{partner}.{number}", secrets.token_urlsafe(24))
    made = _with_user(document, partner, credential)
    made["last_user"] = {**document.get("last_user", {}), partner: number}
    return made, credential


def without_user(document: Document, user: str) -> Document:
    """Without one credential."""
    made = deepcopy(document)
    made["users"] = [one for one in made["users"] if one["name"] != user]
    for part in ("user_limits", "permissions", "topic_permissions"):
        made[part] = [one for one in made[part] if one["user"] != user]
    return made


def without_partner(document: Document, partner: str, keep_access: bool = False) -> Document:
    """Without a partner's queues; unless they are kept, without its users and shovel too."""
    made = deepcopy(document)
    gone = (inbound(partner), outbound(partner))
    made["queues"] = [one for one in made["queues"] if one["name"] not in gone]
    made["bindings"] = [one for one in made["bindings"] if one["destination"] not in gone]
    if keep_access:
        return made
    for user in users_of(made, partner):
        made = without_user(made, user)
    return without_shovel(made, partner)


def users_of(document: Document, partner: str) -> list[str]:
    """The names of a partner's credentials, oldest first."""
    mine = [one["name"] for one in document["users"] if _parts(one["name"])[0] == partner]
    return sorted(mine, key=lambda name: int(_parts(name)[1]))


def partners_of(document: Document) -> list[str]:
    """The partners that have queues here."""
    prefix = f"{OUT}."
    names = [one["name"] for one in document["queues"] if one["name"].startswith(prefix)]
    return sorted(name.removeprefix(prefix) for name in names)


def outbound(partner: str) -> str:
    """The queue of what waits for a partner."""
    return f"{OUT}.{partner}"


def inbound(partner: str) -> str:
    """The queue of what a partner sent."""
    return f"{IN}.{partner}"


def shovel(partner: str) -> str:
    """The name of the shovel to a partner."""
    return f"relay-{partner}"


def password_hash(password: str, salt: bytes | None = None) -> str:
    """As RabbitMQ keeps it: base64 of a salt of four bytes and SHA-256 of it with the password."""
    salt = secrets.token_bytes(4) if salt is None else salt
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()


def _with_user(document: Document, partner: str, credential: Credential) -> Document:
    vhost, user = document["vhost"], credential.user
    made = without_user(document, user)
    made["users"].append(
        {
            "name": user,
            "password_hash": password_hash(credential.password),
            "hashing_algorithm": HASHING,
            "tags": "",
        }
    )
    made["user_limits"] += [
        {"user": user, "limit": name, "value": most} for name, most in USER_LIMITS.items()
    ]
    made["permissions"].append(
        {
            "user": user,
            "vhost": vhost,
            "configure": "^$",
            "write": rf"^{re.escape(IN)}$",
            "read": "^$",
        }
    )
    made["topic_permissions"].append(
        {
            "user": user,
            "vhost": vhost,
            "exchange": IN,
            "write": rf"^from\.{partner}(\.|$)",
            "read": "^$",
        }
    )
    return made


def _exchange(vhost: str, exchange: Any) -> dict[str, Any]:
    return {
        "name": exchange.name,
        "vhost": vhost,
        "type": exchange.type,
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {},
    }


def _queue(vhost: str, queue: Any) -> dict[str, Any]:
    return {
        "name": queue.name,
        "vhost": vhost,
        "durable": True,
        "auto_delete": False,
        "arguments": dict(queue.queue_arguments),
    }


def _bindings(vhost: str, queue: Any) -> list[dict[str, Any]]:
    return [
        {
            "source": one.exchange.name,
            "vhost": vhost,
            "destination": queue.name,
            "destination_type": "queue",
            "routing_key": one.routing_key,
            "arguments": {},
        }
        for one in queue.bindings
    ]


def _shovel(vhost: str, me: str, partner: str, uri: str) -> dict[str, Any]:
    value = {
        "src-protocol": "amqp091",
        # This broker itself, without a password.
        "src-uri": f"amqp:///{quote(vhost, safe='')}",
        "src-queue": outbound(partner),
        "src-prefetch-count": PREFETCH,
        "dest-protocol": "amqp091",
        "dest-uri": uri,
        "dest-exchange": IN,
        "dest-exchange-key": f"from.{me}",
        # Ours is forgotten when theirs is on their disk.
        "ack-mode": "on-confirm",
        "reconnect-delay": RECONNECT_S,
    }
    return {"component": "shovel", "vhost": vhost, "name": shovel(partner), "value": value}


def _parts(user: str) -> tuple[str, str]:
    found = USER.fullmatch(user)
    return (found[1], found[2]) if found else ("", "0")
