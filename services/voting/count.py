"""The count: a pure function of ballots, withdrawals and invalidations (RULES V7).

Nothing but the standard library, so that scrutineers can read it and run it by itself.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice, pairwise
from operator import itemgetter
from typing import Any

CSV_HEADER = "tracker,choice"
LINES_AT_ONCE = 500
"""So few that they stay in a processor's cache: of 10,000 each takes more than twice the time."""

Cast = tuple[str, str, str, bool]
"""A ballot in its place: voter, tracker, choice, whether it is invalidated."""


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

    ``accepted`` = ``counted_ballots`` + ``replaced`` + ``invalidated`` + ``spoilt``. All that
    were invalidated are ``invalidated``, whether or not a later one came; of the others,
    ``replaced`` are those that are not their voter's last. ``raw`` has every voter's last
    ballot, ``counted`` those of them that count; ``box`` the counted (tracker, choice), sorted,
    or nothing where they are in a table.
    """

    accepted: int
    counted_ballots: int
    replaced: int
    invalidated: int
    spoilt: int
    raw: dict[str, int]
    counted: dict[str, int]
    box: Sequence[tuple[str, str]]
    tie: bool
    winners: tuple[str, ...]
    seed: str | None
    box_digest: str
    receipts_digest: str


@dataclass(frozen=True)
class Settled:
    """Which ballots of a poll count, before they are put into the box.

    ``left_out`` are the trackers of all others; ``raw`` has every voter's last ballot, but of
    those of whom it may show nothing.
    """

    accepted: int
    counted: int
    invalidated: int
    spoilt: int
    raw: Counter[str]
    standing: list[str]
    left_out: list[str]


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
    ordered = sorted(accepted.values(), key=lambda each: (each.voter, *each.when, each.tracker))
    settled = settle(
        ((each.voter, each.tracker, each.choice, each.tracker in invalidated) for each in ordered),
        set(candidates) - set(spoilt),
    )
    left_out = set(settled.left_out)
    box = sorted((t, each.choice) for t, each in accepted.items() if t not in left_out)
    return outcome_of(settled, recount(box), rule, tuple(box))


def settle(
    rows: Iterable[Cast], standing: Collection[str], unseen: Collection[str] = ()
) -> Settled:
    """Which ballots count, of those that come voter by voter, each voter's in the order in which
    they were accepted (by :attr:`Ballot.when`, then tracker) and none twice.

    ``unseen`` are voters whose ballots do not count, and who are so few that the difference
    between raw and counted totals would show their choice: they are in neither.

    Keeps no more in memory than the trackers that do not count, and one voter's ballots.
    """
    kept = sorted(standing)
    raw: Counter[str] = Counter(dict.fromkeys(kept, 0))
    left_out: list[str] = []
    accepted = counted = invalidated = spoilt = 0
    for voter, theirs in groupby(rows, key=itemgetter(0)):
        *earlier, (_voter, tracker, choice, is_invalid) = theirs
        for _voter, replaced, _choice, was_invalid in earlier:
            left_out.append(replaced)
            invalidated += was_invalid
        accepted += len(earlier) + 1
        invalidated += is_invalid
        if voter not in unseen:
            raw[choice] += 1
        if not is_invalid and choice in standing:
            counted += 1
        else:
            # And no earlier one comes back.
            left_out.append(tracker)
            spoilt += not is_invalid
    return Settled(accepted, counted, invalidated, spoilt, raw, kept, left_out)


def outcome_of(
    settled: Settled, box: Recount, rule: str, rows: Sequence[tuple[str, str]] = ()
) -> Outcome:
    """The outcome, from what was settled and the recount of the box that came of it.

    Raises ``ValueError`` where the box is not what was settled.
    """
    if box.ballots != settled.counted:
        raise ValueError(f"{settled.counted} ballots count, {box.ballots} are in the box")
    counted = {project: box.counted.get(project, 0) for project in settled.standing}
    tied, seed = leaders(counted), None
    winners = tied
    if len(tied) > 1 and rule == "lots":
        seed = box.box_digest
        winners = (draw(tied, seed),)
    left = settled.accepted - settled.counted - settled.invalidated - settled.spoilt
    return Outcome(
        accepted=settled.accepted,
        counted_ballots=settled.counted,
        replaced=left,
        invalidated=settled.invalidated,
        spoilt=settled.spoilt,
        # A spoilt project that nobody voted for is left out: it makes no difference whether
        # it was withdrawn before or after the poll opened.
        raw=dict(sorted(settled.raw.items())),
        counted=counted,
        box=rows,
        tie=len(tied) > 1,
        winners=winners,
        seed=seed,
        box_digest=box.box_digest,
        receipts_digest=box.receipts_digest,
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
    return recount_sorted(sorted(rows))


def recount_sorted(rows: Iterable[tuple[str, str]]) -> Recount:
    """As :func:`recount`, of rows that come by tracker; keeps none of them.

    Raises ``ValueError`` also where they come in another order.
    """
    box, receipts = hashlib.sha256(f"{CSV_HEADER}\n".encode()), hashlib.sha256()
    counted: Counter[str] = Counter()
    before, waiting = "", iter(rows)
    # Many at a time: a call for each line would take as long as all the rest of the count.
    while part := list(islice(waiting, LINES_AT_ONCE)):
        trackers = [tracker for tracker, _ in part]
        if any(one >= other for one, other in pairwise([before, *trackers])):
            raise ValueError("a tracker is in the box twice, or the box is not in its order")
        before = trackers[-1]
        counted.update(choice for _, choice in part)
        box.update("".join(f"{tracker},{choice}\n" for tracker, choice in part).encode())
        receipts.update("".join(f"{tracker}\n" for tracker in trackers).encode())
    return Recount(
        ballots=counted.total(),
        counted=dict(sorted(counted.items())),
        box_digest=box.hexdigest(),
        receipts_digest=receipts.hexdigest(),
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
