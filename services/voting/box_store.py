"""Storing the box as a file once it is counted, for the scrutineers (RULES V8).

Apart from the count: a file takes its time and its storage may be away, neither of which may
hold a transaction. A poll whose file is not known to be stored is due, whatever happened; to
store it twice, or by two replicas at once, writes the same bytes under the same name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import structlog
from sqlalchemy import Table, or_, select, update

from services.chassis.core import Core
from services.chassis.database import Database
from services.chassis.storage import Storage, storage_of
from services.voting.box_file import key_of
from services.voting.count import CSV_HEADER
from services.voting.tables import BoxRow, Poll

log = structlog.get_logger()

AT_ONCE = 5000
FRESH = timedelta(minutes=1)
BOX = cast("Table", BoxRow.__table__)


class BoxChanged(Exception):
    """The box that was read is not the one that was counted: the poll was voided meanwhile."""


def store_fresh(core: Core) -> None:
    """Stores the boxes of polls that were just counted: nobody shall wait for the chores."""
    with core.database.transaction() as session:
        since = core.clock.now() - FRESH
        due = session.scalars(select(Poll.id).where(_unstored(), Poll.counted_at > since)).all()
    for poll in due:
        _store(core.database, storage_of(core.settings), poll)


def tidy(core: Core) -> list[str]:
    """Stores all boxes that are not stored, takes those of void polls away; answers the polls.

    Harmless to repeat, and after a crash at any point. Raises ``OSError`` while the storage is
    away: then it is simply due still.
    """
    with core.database.transaction() as session:
        stored = list(session.scalars(select(Poll.id).where(_unstored())))
        void = list(session.scalars(select(Poll.id).where(_void_with_file())))
    storage = storage_of(core.settings)
    for poll in stored:
        _store(core.database, storage, poll)
    for poll in void:
        _take_away(core.database, storage, poll)
    return [*stored, *void]


def restore(core: Core) -> list[str]:
    """Stores again the boxes that the storage has lost; answers their polls."""
    storage = storage_of(core.settings)
    lost = missing(core.database, storage)
    for poll in lost:
        _store(core.database, storage, poll)
    return lost


def missing(database: Database, storage: Storage) -> list[str]:
    """The counted polls whose box the storage does not have."""
    with database.transaction() as session:
        counted = list(session.scalars(select(Poll.id).where(Poll.state == "counted")))
    return [poll for poll in counted if storage.size(key_of(poll)) is None]


def _unstored() -> Any:
    return (Poll.state == "counted") & Poll.box_stored_at.is_(None)


def _void_with_file() -> Any:
    # Counted once: the file may be there although nobody came to note it.
    return (Poll.state == "void") & or_(
        Poll.box_stored_at.is_not(None), Poll.counted_at.is_not(None)
    )


def _store(database: Database, storage: Storage, poll: str) -> None:
    with database.transaction() as session:
        row = session.get_one(Poll, poll)
        counted_at, record = row.counted_at, row.record
    if record is None:
        return
    try:
        size = storage.put(key_of(poll), _checked(_lines(database, poll), record["box_digest"]))
    except BoxChanged:
        return  # void by now, or the next look will tell
    with database.transaction() as session:
        still = update(Poll).where(Poll.id == poll, Poll.state == "counted")
        done = still.values(box_stored_at=counted_at).returning(Poll.id)
        noted = session.execute(done).first()
    if noted is None:
        storage.delete(key_of(poll))
        return
    log.info("box_stored", poll=poll, bytes=size)


def _take_away(database: Database, storage: Storage, poll: str) -> None:
    storage.delete(key_of(poll))
    with database.transaction() as session:
        gone = update(Poll).where(Poll.id == poll, Poll.state == "void")
        session.execute(gone.values(box_stored_at=None, counted_at=None))


def _lines(database: Database, poll: str) -> Iterator[bytes]:
    """The file, some thousand ballots at a time, each part in a transaction of its own: a box
    does not change, and nothing is written while one is open."""
    yield f"{CSV_HEADER}\n".encode()
    after = ""
    while True:
        query = select(BOX.c.tracker, BOX.c.choice).where(BOX.c.poll == poll)
        query = query.where(BOX.c.tracker > after).order_by(BOX.c.tracker).limit(AT_ONCE)
        with database.transaction() as session:
            rows = session.execute(query).all()
        if not rows:
            return
        yield "".join(f"{tracker},{choice}\n" for tracker, choice in rows).encode()
        after = rows[-1][0]


def _checked(parts: Iterator[bytes], digest: str) -> Iterator[bytes]:
    """The parts, and at their end the certainty that they are what was counted.

    Raises :class:`BoxChanged`.
    """
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
        yield part
    if found.hexdigest() != digest:
        raise BoxChanged
