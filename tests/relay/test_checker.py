"""The checker of the long tests: what it did not see must not pass for well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import psycopg2
import pytest

from tests.relay.checker import ENOUGH_LOOKS, Checker
from tests.relay.consortium import Partner


class Database:
    """A partner whose database is empty, and away while ``is_away`` says so."""

    def __init__(self, name: str, is_away: Callable[[], bool] = lambda: False) -> None:
        self.name = name
        self.is_away = is_away

    def rows(self, _query: str, *_values: object) -> list[Any]:
        if self.is_away():
            raise psycopg2.OperationalError("away")
        return []


def looked(*databases: Database, times: int = ENOUGH_LOOKS + 1) -> Checker:
    checker = Checker(cast("list[Partner]", list(databases)))
    for _ in range(times):
        checker.look()
    return checker


def test_who_sees_all_databases_says_that_all_is_well() -> None:
    looked(Database("a"), Database("b")).must_be_well()


def test_too_few_looks_are_none() -> None:
    with pytest.raises(AssertionError):
        looked(Database("a"), times=ENOUGH_LOOKS - 1).must_be_well()


@pytest.mark.parametrize("away", [(), ("b",)])
def test_a_database_that_is_never_seen_is_not_well(away: tuple[str, ...]) -> None:
    checker = looked(Database("a"), Database("b", lambda: True))
    assert checker.looks == 0
    with pytest.raises(AssertionError):
        checker.must_be_well(away)


def test_only_who_is_named_may_be_away_for_a_while() -> None:
    failing = iter([True] * 3)
    checker = looked(Database("a"), Database("b", lambda: next(failing, False)))
    with pytest.raises(AssertionError):
        checker.must_be_well()
    checker.must_be_well(["b"])
