"""Tries to link voters and choices with all that an instance has kept: tables, log and dump.

The test knows what nobody else may: who voted with which receipt. A link is found by what it
would let somebody do who has only what was kept.
"""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sqlalchemy import MetaData, select, text
from sqlalchemy.engine import make_url

from deploy.local.postgres import find_binaries
from services.chassis.database import Database

FAR = 0.6
"""A correlation of ranks that chance does not give: five deviations for seventy voters."""

Row = tuple[str, frozenset[str]]
"""A table's name and all values in one of its rows, those within JSON too."""


@dataclass
class Voter:
    """Somebody who voted, and all by which they or their ballots could be known."""

    key: str
    choice: str
    trackers: list[str] = field(default_factory=list)
    known_by: set[str] = field(default_factory=set)
    """Address, person_key, link, codes, pass: what may be nowhere any more."""


def rows_of(database: Database) -> list[Row]:
    """Every row of every table that is there, whoever made it."""
    found = MetaData()
    found.reflect(database.engine)
    with database.engine.connect() as connection:
        return [
            (table.name, frozenset(map(str, chain.from_iterable(map(_values, row)))))
            for table in found.sorted_tables
            for row in connection.execute(select(table))
        ]


def in_rows(rows: list[Row], voters: list[Voter]) -> Iterator[str]:
    """What tables tell: one row, or two rows of any two tables that share a value."""
    with_value: dict[str, set[int]] = defaultdict(set)
    for number, (_table, values) in enumerate(rows):
        for value in values:
            with_value[value].add(number)
    tracker_rows = _holding(rows, [tracker for voter in voters for tracker in voter.trackers])
    few = len(voters) // 2
    for voter in voters:
        names = {voter.key, *voter.known_by}
        for number in set().union(*_holding(rows, names).values()):
            table, values = rows[number]
            if any(voter.choice == value for value in values):
                yield f"{table}: a voter beside their choice"
            yield from (f"{table}: {name[:9]}…" for name in voter.known_by if name in str(values))
            for value in values:
                joined = with_value[value]
                hit = {t for t in tracker_rows if tracker_rows[t] & joined}
                if hit & {*voter.trackers} and len(hit) <= few:
                    others = {rows[each][0] for each in joined if each != number}
                    yield f"{table} and {sorted(others)}: a voter beside their receipt"


def in_text(kept: str, voters: list[Voter]) -> Iterator[str]:
    """What a log or a dump tells at all of a voter."""
    for voter in voters:
        for name in (voter.key, *voter.trackers, *voter.known_by):
            if name in kept:
                yield f"in the text: {name[:9]}…"


def in_bytes(kept: bytes, voters: list[Voter]) -> Iterator[str]:
    """What a database's files tell: a key or a receipt is in one row and its index, and what may
    be nowhere is nowhere."""
    for voter in voters:
        yield from (f"bytes: {name[:9]}…" for name in voter.known_by if name.encode() in kept)
        for name in (voter.key, *voter.trackers):
            if kept.count(name.encode()) > 2:
                yield f"bytes: {name[:9]}… is in more than a row and its index"


def in_order(database: Database, came: list[Voter]) -> Iterator[str]:
    """Whether the order in which rows lie tells when, or beside whom, somebody voted."""
    place = "rowid" if database.is_sqlite else "ctid"
    with database.engine.connect() as connection:
        box = connection.scalars(text(f"SELECT tracker FROM box ORDER BY {place}")).all()
        keys = connection.scalars(text(f"SELECT key FROM voters ORDER BY {place}")).all()
    at_box = {tracker: number for number, tracker in enumerate(box)}
    at_keys = {key: number for number, key in enumerate(keys)}
    counted = [
        (number, at_box[voter.trackers[-1]], at_keys[voter.key])
        for number, voter in enumerate(came)
        if voter.trackers[-1] in at_box
    ]
    if not counted:
        return
    ranks = [_ranks(column) for column in zip(*counted, strict=True)]
    for what, one, other in (
        ("the box lies as it was voted", ranks[0], ranks[1]),
        ("the register lies as it was voted", ranks[0], ranks[2]),
        ("box and register lie in one order", ranks[1], ranks[2]),
    ):
        if abs(_correlation(one, other)) > FAR:
            yield what


def dump_of(database: Database) -> str:
    """All that a backup would hold, as text."""
    url = make_url(database.url)
    if database.is_sqlite:
        connection = database.engine.raw_connection()
        try:
            return "\n".join(connection.driver_connection.iterdump())  # type: ignore[union-attr]
        finally:
            connection.close()
    binaries = find_binaries()
    assert binaries is not None
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run(
        [str(binaries / "pg_dump"), "--dbname", plain], capture_output=True, text=True, check=True
    )
    return done.stdout


def dumped_rows(dump: str, voters: list[Voter]) -> Iterator[str]:
    """A dump's lines that hold a voter beside what they did, and what may be nowhere."""
    names = {name: voter for voter in voters for name in (voter.key, *voter.known_by)}
    for line in dump.splitlines():
        for name in [name for name in names if name in line]:
            voter = names[name]
            if name in voter.known_by or any(
                what in line for what in (*voter.trackers, f"'{voter.choice}'")
            ):
                yield f"dump: {line[:60]}"


def _holding(rows: list[Row], wanted: Iterable[str]) -> dict[str, set[int]]:
    """The rows that hold each of these, also inside a longer text."""
    texts = [" ".join(values) for _table, values in rows]
    return {
        each: {number for number, whole in enumerate(texts) if each in whole} for each in wanted
    }


def _values(value: Any) -> Iterator[Any]:
    """A column's value; of JSON every value in it, and the names too."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            value = json.loads(value)
        except ValueError:
            yield value
            return
    if isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    elif value is not None:
        yield value


def _ranks(values: tuple[int, ...]) -> list[int]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0] * len(values)
    for rank, number in enumerate(order):
        ranks[number] = rank
    return ranks


def _correlation(one: list[int], other: list[int]) -> float:
    """Spearman's, without ties: 1 - 6 Σd² / n(n² - 1)."""
    n = len(one)
    return 1 - 6 * sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / (n * (n * n - 1))
