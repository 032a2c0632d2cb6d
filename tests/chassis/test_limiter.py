"""The limiter counts in a sliding window, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.chassis import limiter
from services.chassis.errors import Refusal
from services.chassis.people_tables import limits
from services.chassis.work import Work
from tests.chassis.parts import Parts


@pytest.fixture
def parts(storage: str) -> Iterator[Parts]:
    made = Parts(storage)
    yield made
    made.close()


def allowed(parts: Parts, subject: str = "192.0.2.7", limit: int = 3, bucket: str = "ip") -> bool:
    return bool(parts.within(lambda work: limiter.allow(work, bucket, subject, limit, 60)))


def test_only_so_many_in_any_window(parts: Parts) -> None:
    answers = []
    for _ in range(4):
        answers.append(allowed(parts))
        parts.clock.move_by(timedelta(seconds=15))
    assert answers == [True, True, True, False]
    # 60 s after the first, that one counts no more; the two after it do.
    assert [allowed(parts), allowed(parts)] == [True, False]


def test_what_is_not_allowed_is_not_counted(parts: Parts) -> None:
    for _ in range(3):
        allowed(parts)
    parts.clock.move_by(timedelta(seconds=59))
    assert [allowed(parts) for _ in range(5)] == [False] * 5
    parts.clock.move_by(timedelta(seconds=1))
    assert [allowed(parts) for _ in range(4)] == [True, True, True, False]


def test_subjects_and_buckets_do_not_share(parts: Parts) -> None:
    assert [allowed(parts, limit=1), allowed(parts, limit=1)] == [True, False]
    assert allowed(parts, subject="192.0.2.8", limit=1)
    assert allowed(parts, bucket="mail", limit=1)


def test_refused_command_leaves_no_trace(parts: Parts) -> None:
    def command(work: Work) -> None:
        assert limiter.allow(work, "ip", "192.0.2.7", 1, 60)
        raise Refusal("no", "Non.")

    assert parts.refused(command) == "no"
    assert parts.rows(limits) == []


def test_subject_is_nowhere_in_the_table_and_gone_after_the_window(parts: Parts) -> None:
    allowed(parts)
    assert "192.0.2.7" not in str(parts.rows(limits))
    with parts.core.database.transaction() as session:
        assert limiter.purge(session, parts.clock.now() + timedelta(seconds=59)) == 0
        assert limiter.purge(session, parts.clock.now() + timedelta(seconds=60)) == 1
    assert parts.rows(limits) == []


def test_at_the_last_place_one_of_many_gets_it(parts: Parts) -> None:
    answers: list[bool] = []
    threads = [
        threading.Thread(target=lambda: answers.append(allowed(parts, limit=1))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 5 + [True]
