"""A partner that means harm, with all that a partner has: its key, and its way to our brokers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from amqp.exceptions import AMQPError, MessageNacked
from kombu import Connection

from services.registration.partners import keys
from services.registration.partners.canonical import canonical
from services.registration.partners.package import Package, sign
from tests.relay.consortium import Partner

MIB = 1024 * 1024
DIGEST = "0" * 64


class Hostile:
    """What ``partner`` could do to ``victim`` by its own credential and key."""

    def __init__(self, partner: Partner, victim: Partner, cycle: str) -> None:
        self.me = partner.name
        self.victim = victim.name
        self.cycle = cycle
        self.partner = partner
        self.key = keys.load_private(partner.place.key_file)
        self.url = shovel_uri(partner, victim.name)

    def send(self, *bodies: bytes, key: str | None = None) -> int:
        """How many of these the broker took."""
        options = {"confirm_publish": True, "read_timeout": 10}
        taken = 0
        made = Connection(self.url, connect_timeout=10, transport_options=options)
        with suppress(AMQPError, OSError), made as connection:
            producer = connection.Producer()
            for body in bodies:
                with suppress(MessageNacked):  # what does not fit is refused, and it goes on
                    producer.publish(
                        body,
                        exchange="relay.in",
                        routing_key=key or f"from.{self.me}",
                        delivery_mode=2,
                        content_type="application/json",
                        content_encoding="binary",
                    )
                    taken += 1
        return taken

    def grant(self, now: datetime, hop: int, sender_leg: int, to_leg: int, **more: Any) -> Package:
        """A grant that says that ``to_leg`` has the baton, by a leg that is said to be closed."""
        at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        leg = {
            "marathon": f"{self.cycle}-{sender_leg}",
            "leg": sender_leg,
            "state": "closed",
            "closed_at": at,
            "palmares_digest": DIGEST,
        }
        body = {
            "relay": None,
            "from_marathon": f"{self.cycle}-{sender_leg}",
            "to_marathon": f"{self.cycle}-{to_leg}",
            "granted_at": at,
            "leg": leg,
            "baton": {
                "leg": sender_leg,
                "palmares_digest": DIGEST,
                "chain": [],
                "templates": {"settings": {}},
            },
            "previous": None,
            "reason": None,
        }
        values: dict[str, Any] = {
            "id": secrets.token_hex(16),
            "kind": "baton.grant",
            "cycle": self.cycle,
            "term": 1,
            "hop": hop,
            "sender": self.me,
            "recipient": self.victim,
            "sent_at": now,
            "body": body,
        }
        return Package(**{**values, **more})

    def signed(self, package: Package) -> bytes:
        """The package as it goes over the wire."""
        return canonical(sign(package, self.key))

    def changed(self, package: Package) -> bytes:
        """The same with one byte that is another than what was signed."""
        document = sign(package, self.key)
        return canonical({**document, "hop": document["hop"] + 1})

    def old(self) -> list[bytes]:
        """All that it ever sent to the victim, as it was."""
        query = "SELECT document FROM packages_out WHERE partner = %s ORDER BY created_at"
        return [canonical(document) for (document,) in self.partner.rows(query, self.victim)]

    def too_large(self, size: int) -> bytes:
        """A message of so many bytes."""
        return b"x" * size


def shovel_uri(partner: Partner, victim: str) -> str:
    """A partner's way to another's broker, with the credential that it was given."""
    document = json.loads(partner.place.broker_file.read_text())
    names = {one["name"]: one["value"]["dest-uri"] for one in document["parameters"]}
    return str(names[f"relay-{victim}"]).partition("?")[0].replace("amqp://", "pyamqp://")


def refused(victim: Partner, sender: str) -> dict[str, int]:
    """How often what of a partner was refused, by verdict."""
    rows = victim.rows("SELECT verdict, number FROM refusals WHERE partner = %s", sender)
    return dict(rows)


Act = Callable[[], None]
