"""Failed events and several replicas: each attempt is made, and counted, once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from services.chassis import failures, tables
from services.chassis.config import Settings
from services.chassis.core import Core
from tests.chassis.dummies import CollectorService, make_core, metadata
from tests.chassis.test_core import envelope

REPLICAS = 4


@pytest.fixture
def cores(storage: str) -> Iterator[list[Core]]:
    """Replicas of one service on one database, where an event has failed."""
    settings = Settings(secret=b"x" * 32, database_url=storage, retry_delays_s=(0.0,) * 9)
    made = [make_core(CollectorService, settings) for _ in range(REPLICAS)]
    for number in range(3):
        made[0].hear(choke, envelope(number))
    yield made
    metadata.drop_all(made[0].database.engine)
    tables.metadata.drop_all(made[0].database.engine)
    for core in made:
        core.database.close()


def choke(work: Any, event: Any) -> None:
    """What can't be handled."""
    raise ValueError(event.id)


def failed(core: Core) -> list[Any]:
    """What is stored of the failed events."""
    with core.database.transaction() as session:
        return list(session.execute(select(tables.failed_events)).all())


def claim(core: Core) -> list[str]:
    """The events that a replica may try now."""
    with core.database.transaction() as session:
        return [raw["id"] for raw in failures.due(session)]


def test_several_replicas_make_one_attempt(cores: list[Core]) -> None:
    ready = threading.Barrier(REPLICAS)
    counts: list[int] = []
    looked = threading.Barrier(REPLICAS)

    def retry(core: Core) -> None:
        ready.wait(10)
        with core.database.transaction() as session:
            waiting = failures.due(session)
        counts.append(len(waiting))
        looked.wait(10)  # nobody is done before everybody has looked
        for raw in waiting:
            core.hear(choke, raw)

    threads = [threading.Thread(target=retry, args=(core,)) for core in cores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(counts) == 3
    assert [row.attempts for row in failed(cores[0])] == [2, 2, 2]


def test_claimed_event_is_left_alone_until_its_lease_is_over(cores: list[Core]) -> None:
    first, second = cores[:2]
    assert len(claim(first)) == 3
    assert claim(second) == []
    assert {row.attempts for row in failed(first)} == {1}
    # The first one died with it in hand: what it did not do is done by another.
    with first.database.transaction() as session:
        past = datetime.now(UTC)
        due = select(tables.failed_events.c.due_at).limit(1)
        lease = session.scalar(due)
        assert lease is not None
        assert 0 < (lease - past).total_seconds() <= failures.LEASE.total_seconds()
        session.execute(update(tables.failed_events).values(due_at=past))
    assert len(claim(second)) == 3


def test_what_another_has_in_hand_is_not_waited_for(cores: list[Core]) -> None:
    first, second = cores[:2]
    if first.database.is_sqlite:
        pytest.skip("its transactions are one at a time from their start")
    with first.database.transaction() as session:
        assert len(failures.due(session, limit=2)) == 2
        assert len(claim(second)) == 1
