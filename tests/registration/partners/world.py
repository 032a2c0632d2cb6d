"""The invariants of the relay, over the databases of all its instances (DESIGN §5).

It remembers what it ever saw: a restored database forgets, the world does not.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLAYED = ("mobilised", "running", "ended", "deliberated")
OVER = ("closed", "cancelled")

Place = tuple[int, int]
"""Term and hop."""


@dataclass(frozen=True)
class Leg:
    """A leg at its own operator."""

    marathon: str
    state: str
    baton: Place | None


@dataclass
class Ledger:
    """Everything that was ever seen, and what of it may not be."""

    effective: dict[Place, str] = field(default_factory=dict)
    """By term and hop the digest of the grant that was effective somewhere."""

    over: set[str] = field(default_factory=set)
    states: dict[str, str] = field(default_factory=dict)
    mobilisations: int = 0

    def look(self, databases: Iterable[tuple[str, Path]]) -> None:
        """Looks at all databases; raises ``AssertionError`` for what may not be."""
        legs: dict[str, Leg] = {}
        for name, path in databases:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                self._look_at_grants(name, connection)
                for leg in _own_legs(name, connection):
                    self._look_at_leg(name, leg, connection)
                    legs[leg.marathon] = leg
        self._look_at_all(legs)

    def _look_at_grants(self, name: str, connection: sqlite3.Connection) -> None:
        query = "SELECT term, hop, digest, marathon FROM grants WHERE received_at IS NOT NULL"
        for term, hop, digest, marathon in connection.execute(query):
            said = f"{marathon} {digest}"
            there = self.effective.setdefault((term, hop), said)
            assert there == said, f"two grants of term {term}, hop {hop}: {there}; {said} at {name}"

    def _look_at_leg(self, name: str, leg: Leg, connection: sqlite3.Connection) -> None:
        before = self.states.get(leg.marathon)
        self.states[leg.marathon] = leg.state
        if leg.state in OVER:
            self.over.add(leg.marathon)
        if leg.state != "mobilised" or before == "mobilised":
            return
        if before is not None and before not in ("draft", "announced"):
            return  # a restored copy of one that was mobilised before
        self.mobilisations += 1
        highest = connection.execute(
            "SELECT term, hop, marathon, received_at FROM grants ORDER BY term DESC, hop DESC"
        ).fetchone()
        assert highest is not None
        assert highest[2] == leg.marathon, f"{leg.marathon} at {name} mobilised without the baton"
        assert highest[3] is not None, f"{leg.marathon} at {name} mobilised before it was effective"
        later = [
            place for place in self.effective if place[0] == highest[0] and place > highest[:2]
        ]
        assert not later, (
            f"{leg.marathon} at {name} mobilised, but the baton was passed on: {later}"
        )

    def _look_at_all(self, legs: dict[str, Leg]) -> None:
        playing = [
            leg
            for leg in legs.values()
            if leg.state in PLAYED and leg.marathon not in self.over and leg.baton is not None
        ]
        terms = [leg.baton[0] for leg in playing if leg.baton is not None]
        assert len(terms) == len(set(terms)), f"two marathons at once in one term: {playing}"


def _own_legs(name: str, connection: sqlite3.Connection) -> list[Leg]:
    query = "SELECT id, state, baton FROM marathons WHERE operated_by = ?"
    return [
        Leg(marathon, state, _place(baton))
        for marathon, state, baton in connection.execute(query, (name,))
    ]


def _place(text: Any) -> Place | None:
    baton = json.loads(text) if text else None
    return (baton["term"], baton["hop"]) if baton else None
