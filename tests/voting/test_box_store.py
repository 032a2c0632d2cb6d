"""The box as a file: made after the count whatever dies, the very bytes of its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.chassis.errors import Refusal
from services.chassis.storage import Folder, storage_of
from services.voting import box_store
from services.voting.box_file import key_of, read
from services.voting.count import differences, recount
from services.voting.tables import BoxRow, Poll
from tests.voting.stage import CLOSES, MARATHON, NOBODY, ORGANISER, Stage, on_sqlite


def folder_of(stage: Stage) -> Folder:
    storage = storage_of(stage.troupe.settings)
    assert isinstance(storage, Folder)
    return storage


def path_of(stage: Stage) -> Path:
    return folder_of(stage).path / key_of(stage.poll().id)


def voted(stage: Stage, ballots: int = 7) -> str:
    poll = stage.opened()
    for number, code in enumerate(stage.codes(ballots)):
        stage.vote(code, "wool" if number % 2 else "garden")
    return poll


def counted_only(stage: Stage) -> None:
    """The poll is counted, and what would store its box has not run."""
    stage.troupe.clock.move_to(CLOSES)
    stage.marathon("ended", ended_at=CLOSES.isoformat())
    for _ in range(3):
        stage.voting.door().fall_due()
    assert stage.poll().state == "counted"


def test_the_file_is_the_box_and_its_digest_the_records(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box_store, "AT_ONCE", 3)  # several parts, the last one not full
    poll = voted(stage)
    stage.ended()

    told = stage.call("get_box", ORGANISER, poll=poll)

    file = path_of(stage).read_bytes()
    record = stage.call("get_record", NOBODY, poll=poll)["record"]
    assert told == {
        "key": f"polls/{poll}/box.csv",
        "name": f"urne-{MARATHON}.csv",
        "digest": record["box_digest"],
    }
    assert hashlib.sha256(file).hexdigest() == record["box_digest"]
    rows = list(read(path_of(stage)))
    assert len(rows) == 7
    assert differences(recount(rows), record) == []


def test_a_crash_between_the_count_and_the_file_costs_nothing(stage: Stage) -> None:
    poll = voted(stage)
    counted_only(stage)
    with pytest.raises(Refusal) as refused:
        stage.call("get_box", ORGANISER, poll=poll)
    assert (refused.value.code, refused.value.status) == ("box_not_stored", 409)
    # The next process that starts finds it due, however late.
    stage.troupe.clock.move_to(CLOSES + timedelta(days=2))
    assert box_store.tidy(stage.voting.core) == [poll]
    first = path_of(stage).read_bytes()
    assert box_store.tidy(stage.voting.core) == []
    assert (
        stage.call("get_box", ORGANISER, poll=poll)["digest"] == hashlib.sha256(first).hexdigest()
    )


@on_sqlite
def test_a_crash_between_the_file_and_its_note_writes_it_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = voted(stage)
    counted_only(stage)
    storage = folder_of(stage)

    def stored_then_dead(self: Folder, key: str, chunks: Iterable[bytes]) -> int:
        original(self, key, chunks)
        raise KeyboardInterrupt

    original = Folder.put
    monkeypatch.setattr(Folder, "put", stored_then_dead)
    with pytest.raises(KeyboardInterrupt):
        box_store.tidy(stage.voting.core)
    monkeypatch.undo()
    before = b"".join(storage.read(key_of(poll)))
    assert stage.poll().box_stored_at is None
    assert box_store.tidy(stage.voting.core) == [poll]
    assert b"".join(storage.read(key_of(poll))) == before
    assert stage.poll().box_stored_at == CLOSES


@on_sqlite
def test_just_counted_does_not_wait_for_the_chores_and_old_does_not_come_each_second(
    stage: Stage,
) -> None:
    poll = voted(stage)
    counted_only(stage)
    stage.troupe.clock.move_by(box_store.FRESH)
    box_store.store_fresh(stage.voting.core)
    assert stage.poll().box_stored_at is None  # a storage that is away is not asked for ever
    stage.troupe.clock.move_to(CLOSES + timedelta(seconds=1))
    stage.voting.door().store_boxes()
    assert stage.call("get_box", ORGANISER, poll=poll)["key"] == key_of(poll)


@on_sqlite
def test_a_storage_that_is_away_holds_nothing_else(stage: Stage) -> None:
    poll = voted(stage)
    counted_only(stage)
    folder = folder_of(stage).path
    folder.rmdir()
    folder.write_text("not a folder")
    with pytest.raises(OSError, match=str(folder)):
        box_store.tidy(stage.voting.core)
    assert stage.call("get_record", NOBODY, poll=poll)["record"]["counted_ballots"] == 7
    folder.unlink()
    assert box_store.tidy(stage.voting.core) == [poll]


def test_a_box_that_is_not_what_was_counted_is_not_stored(stage: Stage) -> None:
    poll = voted(stage)
    counted_only(stage)
    with stage.voting.session() as session:
        row = session.query(BoxRow).first()
        assert row is not None
        row.choice = "bakery"
    box_store.tidy(stage.voting.core)
    assert stage.poll().box_stored_at is None
    assert folder_of(stage).size(key_of(poll)) is None


def test_a_void_polls_file_is_taken_away_even_if_nobody_noted_it(stage: Stage) -> None:
    poll = voted(stage)
    stage.ended()
    assert folder_of(stage).size(key_of(poll))
    with stage.voting.session() as session:
        session.get_one(Poll, poll).box_stored_at = None
    stage.marathon("cancelled")
    assert stage.poll().state == "void"

    assert box_store.tidy(stage.voting.core) == [poll]

    assert folder_of(stage).size(key_of(poll)) is None
    assert box_store.tidy(stage.voting.core) == []


@on_sqlite
def test_a_poll_voided_while_its_box_is_written_leaves_no_file(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = voted(stage)
    counted_only(stage)

    def voided_meanwhile(database: Any, poll_id: str) -> Iterator[bytes]:
        yield from lines(database, poll_id)
        stage.marathon("cancelled")

    lines = box_store._lines
    monkeypatch.setattr(box_store, "_lines", voided_meanwhile)
    box_store.tidy(stage.voting.core)
    assert folder_of(stage).size(key_of(poll)) is None


@on_sqlite
def test_what_the_storage_lost_is_stored_again(stage: Stage) -> None:
    poll = voted(stage)
    stage.ended()
    before = path_of(stage).read_bytes()
    folder_of(stage).delete(key_of(poll))
    assert box_store.tidy(stage.voting.core) == []
    assert box_store.missing(stage.voting.database, folder_of(stage)) == [poll]
    assert box_store.restore(stage.voting.core) == [poll]
    assert path_of(stage).read_bytes() == before
    assert box_store.restore(stage.voting.core) == []
