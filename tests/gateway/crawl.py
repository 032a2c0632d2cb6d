"""Visits every surface of a gateway: all GET rules of its map, and every link found in answers."""

from __future__ import annotations

import html
import random
import re
import secrets
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import MetaData, select
from werkzeug.routing import Rule

from gateway.app import create_app
from gateway.desk.actions import ACTIONS
from services.chassis import tables
from services.chassis.errors import Refusal
from services.chassis.people_tables import mails
from tests.gateway.stage import TroupeCaller, parts_of
from tests.harness import Troupe

Answer = tuple[int, tuple[tuple[str, str], ...], bytes]
Surface = dict[str, Answer]

# What differs from request to request by its nature, and says nothing of anything else.
OF_THE_REQUEST = ("X-Request-Id", "Date", "Set-Cookie")
LINK = re.compile(r'(?:href|src|action)="(/[^"#]*)')
MOST_OF_EACH = 2


@dataclass(frozen=True)
class Visitor:
    """Somebody who looks: their name here is their credential."""

    name: str
    key: str | None = None
    roles: frozenset[tuple[str, str | None]] = field(default_factory=frozenset)


class Watched(TroupeCaller):
    """The four real services, for visitors who are known by their names."""

    def __init__(self, troupe: Troupe, visitors: Iterable[Visitor]) -> None:
        super().__init__(troupe, deliver=False)
        self.visitors = {each.name: each for each in visitors}

    def call(self, service: str, door: str, request: Any = None, **how: Any) -> Any:
        """As the real one; who a credential belongs to is known without asking."""
        if (service, door) != ("registration", "identify"):
            return super().call(service, door, request, **how)
        who = self.visitors.get("".join((request or {}).values()))
        if who is None:
            raise Refusal("session_unknown", "Cette session est inconnue.", status=401)
        roles = [{"role": role, "marathon": of} for role, of in sorted(who.roles, key=str)]
        return {"key": who.key, "name": who.name, "kind": "session", "roles": roles}


class Chance:
    """Replaces chance by what a seed makes of it, so that two runs draw the same."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def into(self, patch: pytest.MonkeyPatch) -> None:
        """Until the patch is undone."""
        patch.setattr(secrets, "token_urlsafe", lambda size=32: self._hex(size or 32))
        patch.setattr(secrets, "token_hex", lambda size=32: self._hex(size or 32))
        patch.setattr(secrets, "token_bytes", lambda size=32: self.rng.randbytes(size or 32))
        patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def _hex(self, size: int) -> str:
        return self.rng.randbytes(size).hex()


def gateway_of(troupe: Troupe, visitors: Iterable[Visitor]) -> Flask:
    """A gateway over these services, for these visitors, on the services' own clock."""
    app = create_app(troupe.settings, Watched(troupe, visitors))
    app.extensions["gateway"] = replace(parts_of(app), clock=troupe.clock)
    return app


def rules_of(app: Flask) -> list[Rule]:
    """Every rule that can be looked at.

    All but the metrics, which count what this process has done in all runs so far.
    """
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    return [rule for rule in rules if rule.endpoint != "metrics"]


def look(
    app: Flask, troupe: Troupe, visitor: Visitor | None, more: dict[str, str] | None = None
) -> tuple[Surface, set[str]]:
    """All that one visitor gets to see, and the rules that showed them something (200).

    ``more`` are headers of theirs.

    Raises ``KeyError`` for a part of a path that is not known here: a new kind of address has
    to be given its ids, so that it can't be forgotten.
    """
    app.extensions["memory"].forget()
    client = app.test_client()
    headers = {} if visitor is None else {"Authorization": f"Bearer {visitor.name}"}
    headers |= more or {}
    ids = ids_of(troupe)
    addresses = {rule.endpoint: list(_filled(rule, ids)) for rule in rules_of(app)}
    waiting = [path for paths in addresses.values() for path in paths]
    seen: Surface = {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        answer = client.get(path, headers=headers)
        seen[path] = _plain(answer)
        if answer.mimetype == "text/html":
            waiting += [html.unescape(link) for link in LINK.findall(answer.text)]
    shown = {
        endpoint
        for endpoint, paths in addresses.items()
        if any(seen[path][0] == 200 for path in paths)
    }
    return seen, shown


def _plain(answer: Any) -> Answer:
    kept = [pair for pair in answer.headers if pair[0] not in OF_THE_REQUEST]
    return answer.status_code, tuple(sorted(kept)), _without_keys(answer.data)


def _without_keys(body: bytes) -> bytes:
    # The number of a form is drawn when it is shown.
    return re.sub(rb'name="(form_key|attempt)" value="[\w-]+"', b"", body)


def _filled(rule: Rule, ids: dict[str, list[str]]) -> Iterator[str]:
    """The rule's addresses, one for each choice of ids."""
    names = sorted(rule.arguments)
    for values in product(*(ids[name][:MOST_OF_EACH] for name in names)):
        path = rule.rule
        for name, value in zip(names, values, strict=True):
            path = path.replace(f"<{name}>", value)
        yield from _with_query(rule, path, ids)


def _with_query(rule: Rule, path: str, ids: dict[str, list[str]]) -> Iterator[str]:
    if rule.endpoint == "desk.act":
        for action in ACTIONS.values():
            parts = (*action.route.path_fields, *action.given, "marathon")
            query = "&".join(f"{name}={ids[name][0]}" for name in dict.fromkeys(parts))
            yield f"/faire/{action.name}?{query}"
        return
    if rule.endpoint == "site.confirm_vote":
        yield f"{path}?poll={ids['poll'][0]}&token={ids['token'][0]}"
        return
    if "missing" in rule.rule:
        path += "?to=ended"
    yield path


def ids_of(troupe: Troupe) -> dict[str, list[str]]:
    """What the parts of paths can be, from what is stored; nothing that a choice could change."""
    rows = {
        name: _ids(troupe, service, table)
        for name, (service, table) in {
            "project": ("registration", "projects"),
            "relay": ("registration", "relays"),
            "role_id": ("registration", "roles"),
            "request": ("registration", "join_requests"),
            "id": ("registration", "tokens"),
            "offer": ("venues", "offers"),
            "allocation": ("venues", "allocations"),
            "poll": ("voting", "polls"),
            "batch": ("voting", "code_batches"),
            "case": ("voting", "quarantine_cases"),
            "decision": ("voting", "decisions"),
            "prize": ("jury", "prizes"),
            "marathon": ("registration", "marathons"),
            "cycle": ("registration", "cycles"),
        }.items()
    }
    return {
        **{name: found or ["none"] for name, found in rows.items()},
        "token": _tokens(troupe) or ["none"],
        "receipt": ["0" * 32],
        "key": ["nobody"],
        "mail": ["none"],
        "digest": ["0" * 12],
        "name": ["style.css", "countdown.js", "bootstrap.min.css"],
        "action": ["reglages"],
    }


def _ids(troupe: Troupe, service: str, table: str) -> list[str]:
    player = troupe.players[service]
    metadata: MetaData = player.service_class.chassis.metadata
    found = metadata.tables[table]
    column = next(iter(found.primary_key.columns))
    with player.session() as session:
        return [str(value) for value in session.scalars(select(column).order_by(column))]


def _tokens(troupe: Troupe) -> list[str]:
    """Those of the links to vote that were mailed."""
    with troupe.players["voting"].session() as session:
        texts = session.scalars(select(mails.c.text).order_by(mails.c.created_at, mails.c.id))
        return [found for text in texts for found in re.findall(r"&token=([\w-]+)", text)]


def events_of(troupe: Troupe) -> list[Any]:
    """Everything that was said, by whom, in order."""
    found = []
    for player in troupe.players.values():
        with player.session() as session:
            query = select(tables.outbox.c.envelope).order_by(tables.outbox.c.number)
            found += list(session.scalars(query))
    return found
