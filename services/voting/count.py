"""The count: a pure function of ballots, withdrawals and invalidations (RULES V7).

Nothing but the standard library, so that scrutineers can read it and run it by itself.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CSV_HEADER = "tracker,choice"


@dataclass(frozen=True)
class Ballot:
    """An accepted ballot."""

    tracker: str
    voter: str
    choice: str
    accepted_at: datetime
    gateway: str
    batch: int
    index: int

    @property
    def when(self) -> tuple[datetime, str, int, int]:
        """What orders one voter's ballots (RULES V4)."""
        return (self.accepted_at, self.gateway, self.batch, self.index)


@dataclass(frozen=True)
class Outcome:
    """What the count found.

    ``accepted`` = ``counted_ballots`` + ``replaced`` + ``invalidated`` + ``spoilt``; ``raw``
    has every voter's last ballot, ``counted`` those of them that count; ``box`` the counted
    (tracker, choice), sorted.
    """

    accepted: int
    counted_ballots: int
    replaced: int
    invalidated: int
    spoilt: int
    raw: dict[str, int]
    counted: dict[str, int]
    box: tuple[tuple[str, str], ...]
    tie: bool
    winners: tuple[str, ...]
    seed: str | None
    box_digest: str
    receipts_digest: str


@dataclass(frozen=True)
class Recount:
    """What a box holds, counted again by somebody who has nothing but the box."""

    ballots: int
    counted: dict[str, int]
    box_digest: str
    receipts_digest: str


def count(
    ballots: Iterable[Ballot],
    candidates: Collection[str],
    spoilt: Collection[str] = (),
    invalidated: Collection[str] = (),
    rule: str = "shared",
) -> Outcome:
    """The outcome of a poll.

    ``spoilt`` are projects whose ballots are spoilt (RULES V11), ``invalidated`` trackers. A
    voter's last ballot alone can count, so nothing invalidated or spoilt brings an earlier
    one back; a ballot given twice is one. Raises ``ValueError`` for two ballots with one
    tracker.
    """
    accepted = _distinct(ballots)
    last = _last_of_each(accepted.values())
    valid = [ballot for ballot in last if ballot.tracker not in invalidated]
    standing = set(candidates) - set(spoilt)
    box = sorted((b.tracker, b.choice) for b in valid if b.choice in standing)
    raw = Counter(ballot.choice for ballot in last)
    found = recount(box)
    counted = {project: found.counted.get(project, 0) for project in sorted(standing)}
    tied, seed = leaders(counted), None
    winners = tied
    if len(tied) > 1 and rule == "lots":
        seed = found.box_digest
        winners = (draw(tied, seed),)
    return Outcome(
        accepted=len(accepted),
        counted_ballots=len(box),
        replaced=len(accepted) - len(last),
        invalidated=len(last) - len(valid),
        spoilt=len(valid) - len(box),
        # A spoilt project that nobody voted for is left out: it makes no difference whether
        # it was withdrawn before or after the poll opened.
        raw={p: raw[p] for p in sorted(standing | set(raw))},
        counted=counted,
        box=tuple(box),
        tie=len(tied) > 1,
        winners=winners,
        seed=seed,
        box_digest=found.box_digest,
        receipts_digest=found.receipts_digest,
    )


def leaders(counted: Mapping[str, int]) -> tuple[str, ...]:
    """The projects with the most votes, sorted; nobody where nobody voted."""
    most = max(counted.values(), default=0)
    return tuple(sorted(p for p, votes in counted.items() if votes == most)) if most else ()


def draw(tied: Collection[str], seed: str) -> str:
    """The lot among ``tied``: anybody who has the box can draw it again (RULES V10).

    The seed is the box's digest, which depends on every tracker: nobody could choose it.
    """
    return random.Random(seed).choice(sorted(tied))  # to be repeated, not secret


def recount(rows: Iterable[tuple[str, str]]) -> Recount:
    """Counts a box, in whatever order its rows come (RULES V8).

    Raises ``ValueError`` when a tracker is there twice.
    """
    box = sorted(rows)
    if len({tracker for tracker, _ in box}) != len(box):
        raise ValueError("a tracker is in the box twice")
    return Recount(
        ballots=len(box),
        counted=dict(sorted(Counter(choice for _, choice in box).items())),
        box_digest=_sha256(CSV_HEADER, *(f"{tracker},{choice}" for tracker, choice in box)),
        receipts_digest=_sha256(*(tracker for tracker, _ in box)),
    )


def differences(found: Recount, record: Mapping[str, Any]) -> list[str]:
    """What a recount finds different from the poll's record, a sentence each; empty when they
    agree."""
    counted = {project: votes for project, votes in record["counted"].items() if votes}
    winners = leaders(found.counted)
    if len(winners) > 1 and record.get("rule") == "lots":
        winners = (draw(winners, found.box_digest),)
    seen: dict[str, tuple[object, object]] = {
        "counted_ballots": (record.get("counted_ballots"), found.ballots),
        "counted": (counted, found.counted),
        "winners": (list(record.get("winners", [])), list(winners)),
        "box_digest": (record.get("box_digest"), found.box_digest),
        "receipts_digest": (record.get("receipts_digest"), found.receipts_digest),
    }
    return [
        f"{name}: {told} in the record, {value} in the box"
        for name, (told, value) in seen.items()
        if told != value
    ]


def record_digest(record: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of a record's canonical JSON: sorted keys, no spaces, UTF-8."""
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _distinct(ballots: Iterable[Ballot]) -> dict[str, Ballot]:
    found: dict[str, Ballot] = {}
    for ballot in ballots:
        if found.setdefault(ballot.tracker, ballot) != ballot:
            raise ValueError("two ballots with one tracker")
    return found


def _last_of_each(ballots: Iterable[Ballot]) -> list[Ballot]:
    last: dict[str, Ballot] = {}
    for ballot in ballots:
        before = last.get(ballot.voter)
        # The tracker decides what nothing else does, so that no order of arrival can.
        if before is None or (before.when, before.tracker) < (ballot.when, ballot.tracker):
            last[ballot.voter] = ballot
    return list(last.values())


def _sha256(*lines: str) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()
