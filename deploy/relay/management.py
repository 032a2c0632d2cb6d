"""Makes a broker be as a document says, through its management API.

Doing it again changes nothing. What is of the relay and not in the document is taken away:
shovels and users first, then queues, and those only when they are empty or it is forced.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from deploy.relay import definitions
from deploy.relay.definitions import Document

TIMEOUT_S = 20.0


class ManagementError(Exception):
    """The broker's API can't be used or refuses; one sentence says what and what to do."""


@dataclass(frozen=True)
class Change:
    """What applying did beyond what was there: for a person to read."""

    what: str
    name: str


class Management:
    """The management API at ``http(s)://user:password@host:port``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ManagementError("MARATHON_RABBITMQ_API must be http://user:password@host:15672.")
        port = f":{parts.port}" if parts.port else ""
        self._base = f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}/api"
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._key = b64encode(pair.encode()).decode()
        # A proxy of the machine's surroundings is none of the broker's business.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, *path: str) -> Any:
        """What is at an address; ``None`` where there is nothing."""
        return self._ask("GET", path, None)

    def put(self, value: Any, *path: str) -> None:
        """Makes what is at an address be like this."""
        self._ask("PUT", path, value)

    def post(self, value: Any, *path: str) -> Any:
        """Adds to what is at an address."""
        return self._ask("POST", path, value)

    def delete(self, *path: str) -> None:
        """Takes away what is at an address; nothing there is well too."""
        self._ask("DELETE", path, None)

    def _ask(self, method: str, path: tuple[str, ...], value: Any) -> Any:
        where = "/".join(quote(part, safe="") for part in path)
        request = urllib.request.Request(  # noqa: S310 -- its scheme was looked at
            f"{self._base}/{where}",
            data=None if value is None else json.dumps(value).encode(),
            method=method,
            headers={"Authorization": f"Basic {self._key}", "Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 404 and method in ("GET", "DELETE"):
                return None
            raise ManagementError(_refused(error, f"{method} {where}")) from error
        except OSError as error:
            raise ManagementError(
                f"The broker's API at {self._base} does not answer ({error}): look at"
                " MARATHON_RABBITMQ_API, and that rabbitmq_management is enabled."
            ) from error
        return json.loads(text) if text else None


def _refused(error: urllib.error.HTTPError, what: str) -> str:
    if error.code == 401:
        return "The broker's API refuses our user: look at MARATHON_RABBITMQ_API."
    try:
        reason = json.loads(error.read()).get("reason", "")
    except ValueError:
        reason = ""
    return f"The broker's API refuses {what} ({error.code} {reason}).".replace(" )", ")")


Count = Callable[[str], int]
"""How many messages wait in a queue."""


def apply(api: Management, document: Document, count: Count, force: bool = False) -> list[Change]:
    """Makes the broker be like the document; answers what was taken away.

    Raises :class:`ManagementError`, also for a queue that is not empty and not in the document
    any more: then the rest is done.
    """
    vhost = document["vhost"]
    _declare(api, vhost, document)
    _admit(api, vhost, document)
    changes = [*_prune_shovels(api, vhost, document), *_prune_users(api, vhost, document)]
    _shovel(api, vhost, document)
    return [*changes, *_prune_queues(api, document, count, force)]


def _declare(api: Management, vhost: str, document: Document) -> None:
    for one in document["exchanges"]:
        api.put(_without(one, "name", "vhost"), "exchanges", vhost, one["name"])
    for one in document["queues"]:
        api.put(_without(one, "name", "vhost"), "queues", vhost, one["name"])
    for one in document["bindings"]:
        value = {"routing_key": one["routing_key"], "arguments": one["arguments"]}
        api.post(value, "bindings", vhost, "e", one["source"], "q", one["destination"])


def _admit(api: Management, vhost: str, document: Document) -> None:
    # Limits before permissions: there is no moment in which a user may enter without them.
    for one in document["users"]:
        api.put(_without(one, "name"), "users", one["name"])
    for one in document["user_limits"]:
        api.put({"value": one["value"]}, "user-limits", one["user"], one["limit"])
    for one in document["topic_permissions"]:
        api.put(_without(one, "user", "vhost"), "topic-permissions", vhost, one["user"])
    for one in document["permissions"]:
        api.put(_without(one, "user", "vhost"), "permissions", vhost, one["user"])


def _shovel(api: Management, vhost: str, document: Document) -> None:
    for one in document["parameters"]:
        api.put(_without(one), "parameters", one["component"], vhost, one["name"])


def _prune_shovels(api: Management, vhost: str, document: Document) -> Iterator[Change]:
    wanted = {one["name"] for one in document["parameters"]}
    for one in api.get("parameters", "shovel", vhost) or []:
        if one["name"].startswith("relay-") and one["name"] not in wanted:
            api.delete("parameters", "shovel", vhost, one["name"])
            yield Change("shovel", one["name"])


def _prune_users(api: Management, vhost: str, document: Document) -> Iterator[Change]:
    wanted = {one["name"] for one in document["users"]}
    # Of another virtual host's relay they would have their permissions there.
    for one in api.get("vhosts", vhost, "permissions") or []:
        if definitions.USER.fullmatch(one["user"]) and one["user"] not in wanted:
            api.delete("users", one["user"])
            _cut(api, one["user"])
            yield Change("user", one["user"])


def _cut(api: Management, user: str) -> None:
    """Ends the connections of a user that is no more: the broker leaves them open."""
    for one in api.get("connections", "username", user) or []:
        api.delete("connections", one["name"])


def _prune_queues(
    api: Management, document: Document, count: Count, force: bool
) -> Iterator[Change]:
    vhost = document["vhost"]
    wanted = {one["name"] for one in document["queues"]}
    full = []
    for one in api.get("queues", vhost) or []:
        name = one["name"]
        if not name.startswith((f"{definitions.OUT}.", f"{definitions.IN}.")) or name in wanted:
            continue
        if not force and count(name) + int(one.get("messages_unacknowledged", 0)):
            full.append(name)
            continue
        api.delete("queues", vhost, name)
        yield Change("queue", name)
    if full:
        raise ManagementError(
            f"Not empty, and kept: {', '.join(full)}. Packages wait there; with --force they are"
            " lost."
        )


def counter(amqp_url: str) -> Count:
    """Counts what waits in a queue by asking the broker itself: its API's figures are old."""

    def count(queue: str) -> int:
        from amqp.exceptions import NotFound
        from kombu import Connection

        with Connection(amqp_url, connect_timeout=5) as connection:
            try:
                return int(connection.channel().queue_declare(queue, passive=True).message_count)
            except NotFound:
                return 0

    return count


def restart_shovel(api: Management, vhost: str, partner: str) -> None:
    """Makes a shovel connect anew; what it holds goes back to its queue first.

    One whose message a partner's broker refused (403, 404) holds it and says that it runs, and
    does not see that the reason is gone.
    """
    api.delete("shovels", "vhost", vhost, definitions.shovel(partner), "restart")


def shovels(api: Management, vhost: str) -> dict[str, dict[str, Any]]:
    """The relay's shovels by partner, as the broker sees them: ``state``, and since when."""
    found = api.get("shovels", vhost) or []
    return {
        one["name"].removeprefix("relay-"): {
            "state": one.get("state", "unknown"),
            "since": one.get("timestamp"),
            "reason": one.get("reason"),
        }
        for one in found
        if one.get("name", "").startswith("relay-")
    }


def waiting(api: Management, vhost: str) -> dict[str, dict[str, int]]:
    """How many messages the relay's queues have, by partner and ``out``, ``in``."""
    found: dict[str, dict[str, int]] = {}
    for one in api.get("queues", vhost) or []:
        for way, prefix in (("out", definitions.OUT), ("in", definitions.IN)):
            if one["name"].startswith(f"{prefix}."):
                partner = one["name"].removeprefix(f"{prefix}.")
                found.setdefault(partner, {})[way] = one.get("messages", 0)
    return found


def _without(one: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name not in names}
