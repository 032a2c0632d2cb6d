"""Idempotency keys: the same answer for the same request, however and whenever it comes again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from services.chassis import offload, tables
from services.chassis.actor import Actor
from services.chassis.config import Settings
from services.chassis.core import Call, Core
from services.chassis.doors import Office
from tests.chassis.dummies import PotterService, make_core, metadata, pots

POT = {"id": "a", "size": 2}


class Potter:
    """The potter's doors, with a count of what was computed at length."""

    def __init__(self, storage: str) -> None:
        settings = Settings(secret=b"x" * 32, database_url=storage)
        self.core: Core = make_core(PotterService, settings)
        self.computed: list[Any] = []
        self.began, self.may_end = threading.Event(), threading.Event()
        self.may_end.set()

    def ask(self, door: str, request: dict[str, Any] | None = None, **call: Any) -> dict[str, Any]:
        """What travels back from a door."""
        service: Any = PotterService()
        service.chassis = Office(self.core, Call(**call), compute=self._compute)
        answer: dict[str, Any] = getattr(service, door)(POT if request is None else request)
        return answer

    def code(self, door: str, request: dict[str, Any] | None = None, **call: Any) -> str:
        """The code of the refusal that must come."""
        return str(self.ask(door, request, **call)["problem"]["code"])

    def rows(self, table: Any) -> list[Any]:
        """All rows of a table."""
        with self.core.database.transaction() as session:
            return list(session.execute(select(table)).all())

    def close(self) -> None:
        """Leaves empty databases."""
        metadata.drop_all(self.core.database.engine)
        tables.metadata.drop_all(self.core.database.engine)
        self.core.database.close()

    def _compute(self, _worker: str, payload: Any) -> Any:
        self.computed.append(payload)
        self.began.set()
        assert self.may_end.wait(10)
        return {"double": payload["size"] * 2}


@pytest.fixture
def potter(storage: str) -> Iterator[Potter]:
    made = Potter(storage)
    yield made
    made.close()


def test_long_computation_is_not_run_again_for_the_same_key(potter: Potter) -> None:
    first = potter.ask("measure_pot", key="k")
    assert first == {"ok": {"count": 4}}
    assert potter.ask("measure_pot", key="k") == first
    assert potter.computed == [{"size": 2}]
    # Another request under this key is refused before anything is computed.
    assert potter.code("measure_pot", {"id": "b", "size": 3}, key="k") == "idempotency_mismatch"
    assert potter.computed == [{"size": 2}]
    assert potter.ask("measure_pot", {"id": "b", "size": 3}, key="k2") == {"ok": {"count": 6}}


def test_long_computation_that_may_not_be_is_not_begun(potter: Potter) -> None:
    assert potter.code("measure_pot", if_match=("0" * 32,)) == "if_match_unsupported"
    assert potter.code("measure_pot", key="k", deadline=1.0) == "deadline_passed"
    assert potter.computed == []


def test_who_asks_again_while_it_is_computed_gets_what_is_computed(potter: Potter) -> None:
    potter.may_end.clear()
    heard: list[dict[str, Any]] = []

    def ask() -> None:
        heard.append(potter.ask("measure_pot", key="k"))

    both = [threading.Thread(target=ask) for _ in range(2)]
    for thread in both:
        thread.start()
    assert potter.began.wait(10)
    potter.may_end.set()
    for thread in both:
        thread.join(10)
    assert heard == [{"ok": {"count": 4}}] * 2
    assert potter.computed == [{"size": 2}]


def test_whose_time_is_over_before_their_turn_is_computed_for_no_more(potter: Potter) -> None:
    with offload.turn():
        soon = time.time() + 0.3
        assert potter.code("measure_pot", key="k", deadline=soon) == "deadline_passed"
    assert potter.computed == []
    assert potter.ask("measure_pot", key="k") == {"ok": {"count": 4}}


def test_refused_command_may_be_tried_again_under_its_key(potter: Potter) -> None:
    broken = {"id": "a", "size": 13}
    assert [potter.code("make_pot", broken, key="k") for _ in range(2)] == ["pot_broken"] * 2
    assert potter.ask("make_pot", POT, key="k")["ok"]["size"] == 2


def test_nobody_guesses_a_request_from_its_digest(potter: Potter, storage: str) -> None:
    potter.ask("make_pot", key="k")
    (row,) = potter.rows(tables.idempotency)
    assert len(row.digest) == 64
    # Another instance, with another secret, has another digest of the same request.
    potter.core.settings = Settings(secret=b"y" * 32, database_url=storage)
    assert potter.code("make_pot", key="k") == "idempotency_mismatch"


def test_strangers_keys_are_not_those_of_who_signed_in(potter: Potter) -> None:
    potter.ask("make_pot", {"id": "mine", "size": 1}, key="k", actor=Actor("person", "P"))
    token = Actor(None, "machine", frozenset({("organiser", None)}))
    potter.ask("make_pot", {"id": "token", "size": 1}, key="k", actor=token)
    # A stranger who knows the key of either gets neither their answer nor a word of it.
    made = potter.ask("make_pot", {"id": "stranger", "size": 1}, key="k")
    assert made["ok"]["id"] == "stranger"
    assert len({row.caller for row in potter.rows(tables.idempotency)}) == 3


def test_stranger_who_guesses_a_key_learns_nothing_of_the_request(potter: Potter) -> None:
    potter.ask("make_pot", {"id": "hers", "size": 7}, key="guessed")
    refused = potter.ask("make_pot", {"id": "his", "size": 7}, key="guessed")["problem"]
    assert (refused["code"], refused["details"]) == ("idempotency_mismatch", {})
    assert "hers" not in str(refused)


def test_answer_with_a_secret_is_given_once_and_not_to_who_comes_after(potter: Potter) -> None:
    assert potter.ask("secret_pot", key="k")["ok"]["id"] == "a"
    assert potter.code("secret_pot", key="k") == "answer_shown_once"
    assert [row.answer for row in potter.rows(tables.idempotency)] == [None]


def test_answer_stays_the_same_though_the_thing_has_changed(potter: Potter) -> None:
    first = potter.ask("make_pot", key="k")
    with potter.core.database.transaction() as session:
        session.execute(update(pots).values(size=99))
    assert potter.ask("make_pot", key="k") == first
