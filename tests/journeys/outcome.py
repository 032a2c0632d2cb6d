"""What is left in the four services after a journey, in a form that two journeys can share.

Identifiers are random and differ from journey to journey. They are replaced by what they stand
for: an identifier's colour is drawn from all the rows that it occurs in, over and over, until
the colours tell apart what can be told apart. Two journeys ended the same if their rows are
the same under these colours.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from services.chassis import people_tables, tables
from tests.harness import Player, Troupe

Row = tuple[str, dict[str, Any]]

NAME = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{32})\b")
ROUNDS = 4

SECRET = frozenset({"secret", "join_code", "hash", "code_hash", "seed", "tracker", "order_key"})
"""Columns of random values that are nobody's identifier."""

DONE_AT = frozenset({"unlinked_at", "box_stored_at"})
"""Instants at which a listener did what a late event asked of it: that it did so is the outcome,
when is the wire's affair, and nobody waits for it."""


def outcome(troupe: Troupe) -> dict[str, list[str]]:
    """All that the services own, heard and wrote to people, by table, under colours."""
    rows = [row for player in troupe.players.values() for row in _rows(player)]
    colours: dict[str, str] = {}
    for _ in range(ROUNDS):
        colours = _colours(rows, colours)
    found: dict[str, list[str]] = defaultdict(list)
    for table, row in rows:
        found[table].append(_coloured(row, colours))
    return {table: sorted(lines) for table, lines in sorted(found.items())}


def _colours(rows: list[Row], before: dict[str, str]) -> dict[str, str]:
    seen: dict[str, list[str]] = defaultdict(list)
    for table, row in rows:
        text = json.dumps(row, sort_keys=True)
        for name in set(NAME.findall(text)):
            # Where it stands in its row is part of what it is.
            marked = {name: "*"}
            seen[name].append(f"{table} {_coloured(row, before | marked)}")
    return {
        name: hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:12]
        for name, lines in seen.items()
    }


def _coloured(row: dict[str, Any], colours: dict[str, str]) -> str:
    text = json.dumps(row, sort_keys=True)
    coloured = NAME.sub(lambda match: "#" + colours.get(match[0], "?"), text)
    # What was sorted by its identifiers is now sorted by their colours.
    return json.dumps(_sorted(json.loads(coloured)), sort_keys=True, ensure_ascii=False)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(one) for key, one in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(one) for one in value), key=lambda one: json.dumps(one))
    return value


def _rows(player: Player) -> Iterator[Row]:
    with player.session() as session:
        for table in player.service_class.chassis.metadata.sorted_tables:
            for row in session.execute(select(table)):
                yield f"{player.name}.{table.name}", _plain(dict(row._mapping))
        for row in session.execute(select(tables.copies)):
            yield f"{player.name}.copies", _copy(row)
        for row in session.execute(select(people_tables.mails)):
            yield f"{player.name}.mails", {"to": row.to, "subject": row.subject}


def _copy(row: Any) -> dict[str, Any]:
    # How often somebody said the same state again is their affair.
    state = {name: value for name, value in row.state.items() if name != "version"}
    return _plain({"kind": row.kind, "subject": row.subject, "state": state})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    values = {name: _comparable(name, value) for name, value in row.items()}
    plain: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return plain


def _comparable(name: str, value: Any) -> Any:
    if name in SECRET:
        return "-"
    return value is not None if name in DONE_AT else value
