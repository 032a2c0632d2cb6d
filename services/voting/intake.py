"""Ballots that come in batches: one transaction, each ballot once (DESIGN §6).

A gateway has checked them with what :func:`lend` told it, and has given a receipt of each; so
nothing is refused here while the poll is not closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

import structlog
from marshmallow import RAISE
from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from services.chassis.catalogue import instance
from services.chassis.database import array_of, insert
from services.chassis.sealed import unseal
from services.chassis.work import Work
from services.voting import admission, candidates, eligibility, lanes, passes, polls, reactions
from services.voting.messages_ballots import Ballots
from services.voting.tables import BallotRow, BatchRow, Entry, Poll

log = structlog.get_logger()

BALLOTS, BATCHES, REGISTER = (
    cast("Table", each.__table__) for each in (BallotRow, BatchRow, Entry)
)
Batch = dict[str, Any]
Name = tuple[str, int]
"""A batch's lane and number."""

Row = tuple[Any, ...]
"""A ballot: :data:`NAMES`, then :data:`PLACE`."""


def lend(work: Work, poll: str) -> dict[str, Any]:
    """What a gateway must know to accept ballots by itself, for a minute.

    Raises what :func:`admission.open_poll` raises.
    """
    found = admission.open_poll(work, poll)
    secret = polls.secret_of(work, found)
    kept_out = sorted(passes.voter_key(secret, key) for key in eligibility.kept_out(work, found))
    return {
        "poll": found.id,
        "pass_key": passes.pass_key(secret).hex(),
        "batch_key": passes.batch_key(secret).hex(),
        "closes_at": found.closes_at,
        "candidates": sorted(project["id"] for project in candidates.standing(work, found)),
        "kept_out": kept_out,
    }


def open_lane(work: Work, poll: str, lane: str) -> dict[str, Any]:
    """Lets a gateway send ballots through a lane that it has made in the broker.

    Raises what :func:`admission.open_poll` raises, ``Refusal("lane_closed")`` of a lane that was
    closed before.
    """
    lanes.register(work, admission.open_poll(work, poll).id, lane)
    return {"poll": poll, "lane": lane}


def take(work: Work, batches: Sequence[Batch]) -> None:
    """Stores batches, of whatever polls and lanes, in whatever order; what is known is known."""
    for poll, theirs in groupby(sorted(batches, key=itemgetter("poll")), key=itemgetter("poll")):
        _take(work, _still_open(work, poll), {(b["lane"], b["number"]): b for b in theirs})


def _still_open(work: Work, poll: str) -> Poll | None:
    """The poll, which can't close before the transaction's end; ``None`` once it is closed."""
    found = polls.find(work, poll)
    if found.state in ("draft", "prepared"):
        # The first ballots may come before the timer that opens it.
        work.lock(f"marathon:{found.marathon}")
        reactions.reconcile(work, found.marathon)
    held = polls.held(work, poll)
    return held if held.state == "open" else None


def _take(work: Work, poll: Poll | None, batches: dict[Name, Batch]) -> None:
    if poll is None:
        # Of these nobody has a receipt: the poll closes once all others are here.
        log.warning("ballots_too_late", batches=len(batches))
        return
    ballots = _unsealed(passes.batch_key(polls.secret_of(work, poll)), batches)
    lanes.note(work.session, poll, {lane for lane, _number in ballots})
    fresh = _first_time(work.session, {name: len(each["voters"]) for name, each in ballots.items()})
    rows = [row for name in fresh for row in _rows(name, ballots[name])]
    if not rows:
        return
    if work.session.get_bind().dialect.name == "postgresql":
        _store_at_once(work.session, poll, rows)
    else:
        _store(work.session, poll, rows)


def _unsealed(key: bytes, batches: dict[Name, Batch]) -> dict[Name, Batch]:
    """What is in batches. Raises ``NotOpened``, ``marshmallow.ValidationError``."""
    schema = instance(Ballots, RAISE)
    return {
        (lane, number): schema.load(unseal(key, f"{lane}/{number}", batch["sealed"]))
        for (lane, number), batch in batches.items()
    }


def _first_time(session: Session, sizes: dict[Name, int]) -> list[Name]:
    """Those that have not come before; noted as having come."""
    # In one order: two replicas that have some batches in common wait, and don't lock each other.
    rows = [
        {"lane": lane, "number": number, "ballots": size}
        for (lane, number), size in sorted(sizes.items())
    ]
    new = insert(session, BATCHES).values(rows).on_conflict_do_nothing()
    found = session.execute(new.returning(BATCHES.c.lane, BATCHES.c.number)).all()
    return [(row.lane, row.number) for row in found]


def _rows(name: Name, ballots: Batch) -> Iterator[Row]:
    columns = ("trackers", "voters", "choices", "accepted", "domains", "networks")
    for index, row in enumerate(zip(*(ballots[each] for each in columns), strict=True)):
        yield (*row, *name, index)


NAMES = ("tracker", "voter_key", "choice", "accepted_at", "domain", "network")
PLACE = ("gateway", "batch", "index_in_batch")
ENTER = text(
    "INSERT INTO register (poll, voter_key, ballots)"
    " SELECT DISTINCT :poll, voter, 1 FROM unnest(CAST(:voter_key AS text[])) AS voter"
    # In one order: two replicas that enter the same voters wait, and don't lock each other.
    " ORDER BY voter ON CONFLICT DO NOTHING"
)
STORE = text(
    "INSERT INTO ballots (poll, tracker, voter_key, choice, accepted_at, domain, network,"
    " gateway, batch, index_in_batch)"
    " SELECT :poll, tracker, voter_key, choice, accepted_at, NULLIF(domain, ''),"
    " NULLIF(network, ''), gateway, batch, index_in_batch"
    " FROM unnest(CAST(:tracker AS text[]), CAST(:voter_key AS text[]), CAST(:choice AS text[]),"
    " CAST(:accepted_at AS timestamptz[]), CAST(:domain AS text[]), CAST(:network AS text[]),"
    " CAST(:gateway AS text[]), CAST(:batch AS integer[]), CAST(:index_in_batch AS integer[]))"
    " AS cast_in_time(tracker, voter_key, choice, accepted_at, domain, network, gateway, batch,"
    " index_in_batch) ON CONFLICT DO NOTHING"
)


def _store_at_once(session: Session, poll: Poll, rows: Sequence[Row]) -> None:
    """Two statements, however many rows: a tenth of the time that a statement a row takes."""
    columns = dict(zip((*NAMES, *PLACE), map(array_of, zip(*rows, strict=True)), strict=True))
    session.execute(ENTER, {"poll": poll.id, "voter_key": columns["voter_key"]})
    session.execute(STORE, {"poll": poll.id, **columns})


def _store(session: Session, poll: Poll, rows: Sequence[Row]) -> None:
    """The same where there is no ``unnest``: SQLite, where ballots come one by one anyway."""
    for row in rows:
        values = dict(zip((*NAMES, *PLACE), row, strict=True))
        values |= {
            "poll": poll.id,
            "accepted_at": datetime.fromisoformat(values["accepted_at"]),
            "domain": values["domain"] or None,
            "network": values["network"] or None,
        }
        voter = {"poll": poll.id, "voter_key": values["voter_key"], "ballots": 1}
        session.execute(insert(session, REGISTER).values(voter).on_conflict_do_nothing())
        session.execute(insert(session, BALLOTS).values(values).on_conflict_do_nothing())
