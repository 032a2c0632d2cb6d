"""Reads all instances' databases again and again, and remembers what must never be.

What it holds (DESIGN §5): never two effective grants for one (cycle, term, hop), anywhere, ever;
only the holder of the highest one mobilises. It never forgets what it saw: an instance that is
restored forgets, and may not contradict what it once said.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from tests.relay.consortium import Partner

PLAYING = ("mobilised", "running", "ended", "deliberated")
PAUSE_S = 0.1
ENOUGH_LOOKS = 10
LEGS = "SELECT id, state FROM marathons WHERE operated_by = %s"
GRANTS = """
    SELECT cycle, term, hop, marathon, digest FROM grants WHERE received_at IS NOT NULL
"""

Hop = tuple[str, int, int]


@dataclass
class Checker:
    """A thread that looks; ``wrong`` is empty as long as all is well."""

    partners: list[Partner]
    looks: int = 0
    """How often all databases were seen at once: a look at some of them is none."""

    seen: Counter[str] = field(default_factory=Counter)
    """How often each partner's database answered."""

    blind: Counter[str] = field(default_factory=Counter)
    """How often it could not be reached."""

    wrong: list[str] = field(default_factory=list)
    effective: dict[Hop, tuple[str, str | None]] = field(default_factory=dict)
    """Who was seen to hold each hop, and by which grant."""

    played: dict[str, set[str]] = field(default_factory=dict)
    """The states in which each marathon was seen, at its own operator's."""

    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Checker:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join(60)
            assert not self._thread.is_alive(), "the checker hangs"

    def must_be_well(self, away: Collection[str] = ()) -> None:
        """Looks a last time; fails with all that was wrong, or where it did not look.

        ``away`` are the partners whose database could not be reached for a while, as it must be.
        """
        before = self.looks
        self.look()
        assert self.wrong == []
        assert self.looks == before + 1, f"blind at the end: {self.blind}"
        assert self.looks > ENOUGH_LOOKS
        assert set(self.blind) <= set(away)
        assert all(self.seen[one.name] > self.blind[one.name] for one in self.partners)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self.look()
                self._stopping.wait(PAUSE_S)
        except BaseException as error:
            self._say(f"the checker broke: {error!r}")
            raise

    def look(self) -> None:
        """Looks once at all databases."""
        missed = self.blind.total()
        playing = self._playing(self.partners)
        grants = {one.name: self._grants(one) for one in self.partners}
        self._agree(row for rows in grants.values() for row in rows or [])
        # Who closed between the two looks is not to be judged by the second.
        still = self._playing(self.partners)
        for partner, legs in playing.items():
            for leg in legs & still.get(partner, set()):
                self._holds(partner, leg, grants)
        self.looks += self.blind.total() == missed

    def _agree(self, rows: Iterable[Any]) -> None:
        for cycle, term, hop, marathon, digest in rows:
            known = self.effective.setdefault((cycle, term, hop), (marathon, digest))
            if known != (marathon, digest):
                self._say(f"two effective grants of {cycle} {term}.{hop}: {known}, {marathon}")

    def _holds(self, partner: str, leg: str, grants: dict[str, list[Any] | None]) -> None:
        own = grants[partner]
        if own is None:
            return
        cycle = leg.rpartition("-")[0]
        mine = [(row[1], row[2]) for row in own if row[3] == leg]
        highest = max(
            ((term, hop) for found, term, hop in self.effective if found == cycle), default=None
        )
        if not mine:
            self._say(f"{leg} is played at {partner} without an effective grant")
        elif highest and max(mine) < highest:
            self._say(f"{leg} is played at {partner} by {max(mine)}, and {highest} is effective")

    def _playing(self, partners: list[Partner]) -> dict[str, set[str]]:
        found = {}
        for one in partners:
            rows = self._rows(one, LEGS, one.name)
            if rows is not None:
                for leg, state in rows:
                    self.played.setdefault(leg, set()).add(state)
                found[one.name] = {leg for leg, state in rows if state in PLAYING}
        return found

    def _grants(self, partner: Partner) -> list[Any] | None:
        return self._rows(partner, GRANTS)

    def _rows(self, partner: Partner, query: str, *values: object) -> list[Any] | None:
        """Rows of a database; None while it can't be reached (being restored, say)."""
        try:
            rows = partner.rows(query, *values)
        except psycopg2.Error:
            self.blind[partner.name] += 1
            return None
        self.seen[partner.name] += 1
        return rows

    def _say(self, what: str) -> None:
        if what not in self.wrong:
            self.wrong.append(what)
