"""Holds all receipts that were handed out in a final against what was stored and counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.chaos.voters import NOT_CONFIRMED, Line


def faults(
    lines: list[Line],
    ballots: list[Any],
    box: dict[str, str],
    record: Any,
    keys: dict[int, str],
    on_paper: frozenset[int] = frozenset(),
) -> list[str]:
    """What is wrong with a count, beside all receipts that were handed out; empty if nothing.

    Nothing lost: each receipt is stored, with the key and the choice of whoever it was handed
    to, and was handed to nobody else. Nothing double or invented: what is stored without a
    receipt was cast by somebody who got none, and a paper code's ballot is there once. Each
    voter's last ballot is in the box, and no other. ``keys`` are the voters' keys, ``on_paper``
    are those who have a paper code.
    """
    stored = {row.tracker: row for row in ballots}
    # Who repeats a ballot under its key is handed the same receipt: one voter, one choice.
    given = {(line.receipt, line.voter, line.project) for line in lines if line.receipt}
    receipts = {receipt for receipt, _voter, _project in given}
    found = [f"receipt {each} is lost" for each in receipts if each not in stored]
    found += _handed_out_twice(given)
    for receipt, voter, project in given:
        if receipt in stored:
            found += _changed(stored[receipt], keys[voter], project)
    if len(stored) != len(ballots):
        found.append("a tracker is stored twice")
    found += _invented(lines, [row for row in ballots if row.tracker not in receipts], keys)
    found += _used_twice(ballots, {keys[voter] for voter in on_paper})
    return found + _wrongly_counted(lines, ballots, box) + _wrong_sums(ballots, box, record)


def _handed_out_twice(given: set[tuple[str, int, str]]) -> list[str]:
    times = Counter(receipt for receipt, _voter, _project in given)
    return [f"receipt {each} was handed out {n} times" for each, n in times.items() if n > 1]


def _changed(row: Any, key: str, project: str) -> list[str]:
    found = []
    if row.choice != project:
        found.append(f"receipt {row.tracker} is for {project}, stored for {row.choice}")
    if row.voter_key != key:
        found.append(f"receipt {row.tracker} is stored for another voter")
    return found


def _invented(lines: list[Line], without: list[Any], keys: dict[int, str]) -> list[str]:
    """Ballots ``without`` a receipt that are not of somebody who cast such a one and was told
    that it is not confirmed, or got no answer."""
    unanswered = Counter(
        (keys[line.voter], line.project) for line in lines if line.status in NOT_CONFIRMED
    )
    stored = Counter((row.voter_key, row.choice) for row in without)
    return [
        f"{extra} ballots for {choice} that nobody cast"
        for (_voter, choice), extra in (stored - unanswered).items()
    ]


def _used_twice(ballots: list[Any], on_paper: set[str]) -> list[str]:
    times = Counter(row.voter_key for row in ballots if row.voter_key in on_paper)
    return [f"a paper code has {n} ballots" for n in times.values() if n > 1]


def _wrongly_counted(lines: list[Line], ballots: list[Any], box: dict[str, str]) -> list[str]:
    last: dict[str, Any] = {}
    for row in sorted(ballots, key=lambda r: (r.accepted_at, r.gateway, r.batch, r.index_in_batch)):
        last[row.voter_key] = row
    wanted = {row.tracker: row.choice for row in last.values()}
    found = [] if wanted == box else [f"{len(wanted.items() ^ box.items())} differences in the box"]
    # As the voters see it: after their last receipt only an unanswered ballot can count.
    tracker_of = {row.tracker: row.voter_key for row in ballots}
    by_voter: dict[int, list[str]] = defaultdict(list)
    for line in lines:
        if line.receipt:
            by_voter[line.voter].append(line.receipt)
    for voter, receipts in by_voter.items():
        if receipts and receipts[-1] in tracker_of:
            counted = last[tracker_of[receipts[-1]]].tracker
            if counted != receipts[-1] and counted in receipts:
                found.append(f"voter {voter}: an earlier ballot counts")
    return found


def _wrong_sums(ballots: list[Any], box: dict[str, str], record: Any) -> list[str]:
    sums = {
        "accepted": len(ballots),
        "counted_ballots": len(box),
        "voters": len({row.voter_key for row in ballots}),
        "replaced": len(ballots) - len(box),
    }
    return [f"{n}: {record[n]} in the record, {v} found" for n, v in sums.items() if record[n] != v]
