"""The core behind the doors, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis import epoch, failures, idempotency, parked, tables
from services.chassis.actor import Actor
from services.chassis.config import Settings
from services.chassis.core import Call, Core
from services.chassis.errors import Refusal
from tests.chassis.dummies import (
    CollectorService,
    PotterService,
    make_core,
    make_pot,
    metadata,
    pots,
    shelf,
)


@pytest.fixture
def settings(storage: str) -> Settings:
    """Settings on an empty database of each kind."""
    return Settings(secret=b"x" * 32, database_url=storage, retry_delays_s=(0.0, 0.0))


@pytest.fixture
def potter(settings: Settings) -> Any:
    core = make_core(PotterService, settings)
    yield core
    _empty(core)


@pytest.fixture
def collector(settings: Settings) -> Any:
    core = make_core(CollectorService, settings)
    yield core
    _empty(core)


def _empty(core: Core) -> None:
    metadata.drop_all(core.database.engine)
    tables.metadata.drop_all(core.database.engine)
    core.database.close()


def make(core: Core, pot: str, size: int = 1, key: str | None = None, **call: Any) -> Any:
    return core.command("make_pot", make_pot, {"id": pot, "size": size}, Call(key=key, **call))


def rows(core: Core, table: Any) -> list[Any]:
    with core.database.transaction() as session:
        return list(session.execute(select(table)).all())


def envelope(number: int = 1, version: int = 1, size: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"event-{number}",
        "source": "urn:incroyable-territoire:test:potter",
        "type": "pot_made",
        "subject": "pot",
        "time": "2026-03-02T09:00:00+00:00",
        "datacontenttype": "application/json",
        "dataschema": "urn:incroyable-territoire:schema:potter:pot:1",
        "data": {"epoch": 1, "version": version, "id": "pot", "size": size, "new_field": "ignored"},
        **changes,
    }


def hear(core: Core, raw: Any) -> None:
    core.hear(_heard, raw)


def _heard(work: Any, event: Any) -> None:
    if event.state["size"] < 0:
        raise ValueError("a pot of negative size")
    work.session.execute(shelf.insert().values(id=event.id, times=event.state["size"]))


def test_command_and_its_event_are_stored_together(potter: Core) -> None:
    assert make(potter, "a") == {"id": "a", "size": 1, "glaze": "plain"}
    (row,) = rows(potter, tables.outbox)
    assert (row.type, row.subject, row.published_at) == ("pot_made", "a", None)
    assert row.envelope["data"] == {
        "epoch": 1,
        "version": 1,
        "id": "a",
        "size": 1,
        "glaze": "plain",
    }


def test_refused_command_stores_nothing(potter: Core) -> None:
    with pytest.raises(Refusal) as refused:
        make(potter, "a", size=13, key="k")
    assert refused.value.code == "pot_broken"
    assert [
        rows(potter, t) for t in (pots, tables.outbox, tables.versions, tables.idempotency)
    ] == [[], [], [], []]


def test_same_key_gets_the_same_answer_and_one_effect(potter: Core) -> None:
    first = make(potter, "a", key="k")
    assert make(potter, "a", key="k") == first
    assert len(rows(potter, pots)) == 1
    assert len(rows(potter, tables.outbox)) == 1


def test_same_key_for_another_request_is_refused(potter: Core) -> None:
    make(potter, "a", key="k")
    with pytest.raises(Refusal) as refused:
        make(potter, "b", key="k")
    assert (refused.value.code, refused.value.status) == ("idempotency_mismatch", 409)
    assert len(rows(potter, pots)) == 1


def test_same_key_of_another_caller_is_another_key(potter: Core) -> None:
    make(potter, "a", key="k", actor=Actor("one"))
    make(potter, "b", key="k", actor=Actor("two"))
    assert len(rows(potter, pots)) == 2


def test_answer_with_a_secret_is_not_kept(potter: Core) -> None:
    def once() -> Any:
        return potter.command("secret_pot", lambda w, r: r, {"id": "a", "size": 1}, Call(key="k"))

    once()
    with pytest.raises(Refusal) as refused:
        once()
    assert refused.value.code == "answer_shown_once"
    assert [row.answer for row in rows(potter, tables.idempotency)] == [None]


def test_two_at_once_with_one_key_have_one_effect(potter: Core) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(make(potter, "a", key="k")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"id": "a", "size": 1, "glaze": "plain"}] * 4
    assert len(rows(potter, tables.outbox)) == 1


def test_command_past_its_deadline_is_refused(potter: Core) -> None:
    with pytest.raises(Refusal) as refused:
        make(potter, "a", deadline=time.time() - 1)
    assert (refused.value.code, rows(potter, pots)) == ("deadline_passed", [])


def test_query_can_not_write(potter: Core) -> None:
    def sly(work: Any, request: Any) -> Any:
        work.session.execute(pots.insert().values(id="a", size=1))
        return {"count": 1}

    assert potter.query("count_pots", sly, {}, Call()) == {"count": 1}
    assert rows(potter, pots) == []


def test_versions_rise_one_by_one_for_each_subject(potter: Core) -> None:
    def say(work: Any) -> None:
        for subject in ("a", "a", "b", "a"):
            work.say("pot_made", subject, {"id": subject, "size": 1})

    potter.within(say)
    found = [(row.subject, row.envelope["data"]["version"]) for row in rows(potter, tables.outbox)]
    assert found == [("a", 1), ("a", 2), ("b", 1), ("a", 3)]


def test_epoch_of_a_restored_database_outranks_every_version(collector: Core) -> None:
    hear(collector, envelope(1, version=9))
    restored = envelope(2, version=1, size=5)
    restored["data"]["epoch"] = 2
    hear(collector, restored)
    assert [row.state["size"] for row in rows(collector, tables.copies)] == [5]


def test_event_heard_twice_has_one_effect(collector: Core) -> None:
    hear(collector, envelope())
    hear(collector, envelope())
    assert [tuple(row) for row in rows(collector, shelf)] == [("event-1", 1)]


def test_older_state_that_comes_late_has_no_effect(collector: Core) -> None:
    hear(collector, envelope(2, version=2, size=7))
    hear(collector, envelope(1, version=1, size=3))
    assert [tuple(row) for row in rows(collector, shelf)] == [("event-2", 7)]
    assert [row.state["size"] for row in rows(collector, tables.copies)] == [7]
    assert len(rows(collector, tables.inbox)) == 2


def test_copy_keeps_the_whole_state_and_reads_its_part(collector: Core) -> None:
    hear(collector, envelope())
    assert rows(collector, tables.copies)[0].state["new_field"] == "ignored"
    assert collector.within(lambda work: work.copy("pot", "pot")) == {"id": "pot", "size": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"data": {"epoch": 1, "id": "pot", "size": 1}}, "version"),
        ({"data": {"epoch": 1, "version": 1, "id": "pot"}}, "size"),
        ({"type": "pot_painted"}, "pot_painted"),
    ],
)
def test_wrong_envelope_is_kept_with_its_reason(collector: Core, change: Any, reason: str) -> None:
    hear(collector, envelope(**change))
    (row,) = rows(collector, tables.failed_events)
    assert (row.event_id, row.status, row.attempts) == ("event-1", "retrying", 1)
    assert reason in row.error
    assert rows(collector, tables.inbox) == []


def test_failed_event_is_tried_again_then_parked_then_replayed(collector: Core) -> None:
    hear(collector, envelope(size=-1))
    assert collector.retry_failed(_heard) == 1
    assert collector.retry_failed(_heard) == 1
    assert collector.retry_failed(_heard) == 0
    (row,) = parked.list_failed(collector.database)
    assert (row["status"], row["attempts"]) == ("parked", 3)
    assert "negative size" in parked.show(collector.database, "event-1")["traceback"]

    assert parked.replay(collector.database) == 1
    assert collector.retry_failed(lambda work, event: None) == 1
    assert parked.list_failed(collector.database, status=None) == []
    assert len(rows(collector, tables.inbox)) == 1


def test_dropped_event_is_gone_and_unknown_ones_are_named(collector: Core) -> None:
    hear(collector, envelope(size=-1))
    parked.drop(collector.database, "event-1")
    assert rows(collector, tables.failed_events) == []
    for act in (parked.drop, parked.show, parked.replay):
        with pytest.raises(Refusal) as refused:
            act(collector.database, "event-1")
        assert refused.value.code == "event_not_found"


def test_identity_of_what_has_no_id_is_stable() -> None:
    assert failures.identity_of({"a": 1}) == failures.identity_of({"a": 1})
    assert failures.identity_of({"id": "x"}) == "x"
    assert len(failures.identity_of({"id": "y" * 65})) == 64


def test_raised_epoch_is_in_what_is_said_from_then_on(potter: Core) -> None:
    assert epoch.raise_epoch(potter.database, "restored") == 2
    assert epoch.raise_epoch(potter.database, "restored again") == 3
    make(potter, "a")
    (row,) = rows(potter, tables.outbox)
    assert row.envelope["data"]["epoch"] == 3


def test_key_is_forgotten_after_a_week(potter: Core) -> None:
    make(potter, "a", key="k")
    since = rows(potter, tables.idempotency)[0].created_at
    idempotency.purge(potter.database, since + idempotency.KEPT - timedelta(seconds=1))
    assert len(rows(potter, tables.idempotency)) == 1
    idempotency.purge(potter.database, since + idempotency.KEPT)
    assert rows(potter, tables.idempotency) == []
