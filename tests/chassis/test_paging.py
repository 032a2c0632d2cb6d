"""Lists in pages: whatever is added meanwhile, no row is lost, doubled or out of order."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Integer, String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.chassis.catalogue import Door
from services.chassis.columns import Instant, Key
from services.chassis.config import Settings
from services.chassis.database import Database
from services.chassis.errors import Invalid
from services.chassis.paging import PAGE, PAGE_MOST, Page, Paged, cursor, every

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Base(DeclarativeBase):
    """The tables of this test."""


class Line(Base):
    """A row with an instant that others share, and a number."""

    __tablename__ = "paging_lines"
    id: Mapped[str] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    number: Mapped[int] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(String(20))


ORDER = (Line.at, Line.id)


@pytest.fixture
def database(storage: str) -> Iterator[Database]:
    made = Database(storage.format(service="potter"), Settings())
    Base.metadata.create_all(made.engine)
    yield made
    Base.metadata.drop_all(made.engine)
    made.close()


class Book:
    """Lines, and how they are listed."""

    def __init__(self, database: Database, seed: int = 0, falling: bool = False) -> None:
        self.database = database
        self.random = random.Random(seed)
        self.falling = falling

    def add(self, many: int) -> None:
        """Lines at instants that repeat, in the past and in the future of those there are."""
        with self.database.transaction() as session:
            for _ in range(many):
                at = NOON + timedelta(minutes=self.random.randrange(20), microseconds=7)
                shown = self.random.choice(["shown", "shown", "hidden"])
                line = f"{self.random.getrandbits(64):016x}"
                session.add(Line(id=line, at=at, number=self.random.randrange(9), note=shown))

    def page(self, limit: int = PAGE, after: str | None = None) -> dict[str, Any]:
        """A page of what is shown: the ids."""
        with self.database.transaction() as session:
            return Page(limit, after).rows(
                session,
                select(Line),
                ORDER,
                lambda line: line.id,
                shown=lambda line: line.note == "shown",
                falling=self.falling,
            )

    def all(self) -> list[str]:
        """All that is shown, in order."""
        with self.database.transaction() as session:
            lines = [line for line in session.scalars(select(Line)) if line.note == "shown"]
        lines.sort(key=lambda line: (line.at, line.id), reverse=self.falling)
        return [line.id for line in lines]


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_pages_put_together_are_the_list(database: Database, limit: int, falling: bool) -> None:
    book = Book(database, falling=falling)
    assert book.page(limit) == {"items": [], "next": None}
    book.add(40)
    pages = list(every(lambda part: book.page(**part), limit))
    assert pages == book.all()
    first = book.page(limit)
    assert len(first["items"]) == min(limit, len(pages))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("falling", [False, True])
def test_no_line_is_lost_or_doubled_while_lines_are_added(
    database: Database, seed: int, falling: bool
) -> None:
    book = Book(database, seed, falling)
    book.add(30)
    before = book.all()
    found: list[str] = []
    part: dict[str, Any] = {"limit": 4}
    while part.get("after", "") is not None:
        page = book.page(**part)
        found += page["items"]
        part["after"] = page["next"]
        book.add(2)
    assert len(found) == len(set(found))
    assert [line for line in found if line in set(before)] == before
    everything = book.all()
    assert found == [line for line in everything if line in set(found)]


def test_a_full_last_page_has_no_next(database: Database) -> None:
    book = Book(database)
    book.add(12)
    many = len(book.all())
    assert book.page(many)["next"] is None
    assert book.page(many - 1)["next"] is not None


def test_only_as_many_rows_are_read_as_the_page_needs(database: Database) -> None:
    book = Book(database)
    book.add(60)
    seen: list[str] = []

    def shown(line: Line) -> bool:
        seen.append(line.id)
        return True

    with database.transaction() as session:
        Page(5).rows(session, select(Line), ORDER, lambda line: line.id, shown=shown)
    assert len(seen) == 6


def encoded(value: Any) -> str:
    """A cursor that says anything."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


FORGED = [
    "nonsense!",
    "é",
    "====",
    encoded({}),
    encoded([]),
    encoded(["2026-01-01T00:00:00+00:00"]),
    encoded(["yesterday", "a"]),
    encoded(["2026-01-01T00:00:00+00:00", 5]),
    encoded(["2026-01-01T00:00:00+00:00", "a\x00b"]),
    encoded(["2026-01-01T00:00:00+00:00", "\ud800"]),
    encoded(["0001-01-01T00:00:00+23:59", "a"]),
    encoded([5, "a"]),
    encoded([None, None]),
    encoded([[[]], {}]),
    base64.urlsafe_b64encode(b"[" * 380).decode().rstrip("="),
]


@pytest.mark.parametrize("after", FORGED)
def test_a_forged_cursor_is_refused(database: Database, after: str) -> None:
    with pytest.raises(Invalid) as refused:
        Book(database).page(after=after)
    assert (refused.value.code, refused.value.status) == ("cursor_invalid", 422)


@pytest.mark.parametrize("number", [2**31, -(2**63), 10**30, True, 1.5])
def test_a_number_that_no_database_has_is_refused(database: Database, number: Any) -> None:
    with database.transaction() as session, pytest.raises(Invalid):
        Page(5, encoded([number])).rows(session, select(Line), (Line.number,), lambda line: line)


@pytest.mark.parametrize("falling", [False, True])
def test_a_short_list_at_hand_is_paged_alike(falling: bool) -> None:
    numbers = [5, 3, 9, 1, 7]

    def page(limit: int, after: str | None = None) -> dict[str, Any]:
        return Page(limit, after).of(
            numbers, lambda number: (number,), lambda number: number * 10, falling=falling
        )

    first = page(2)
    assert first["items"] == ([90, 70] if falling else [10, 30])
    numbers += [2, 8]
    rest = page(9, first["next"])
    assert rest == {"items": [50, 30, 20, 10] if falling else [50, 70, 80, 90], "next": None}
    for after in (encoded(["a"]), encoded([None]), "nonsense!"):
        with pytest.raises(Invalid):
            page(2, after)
    with pytest.raises(Invalid):
        Page(2, "nonsense!").of([], lambda number: (number,))


def test_limit_has_bounds() -> None:
    loaded = Paged().load({})
    assert loaded == {"page": Page(PAGE, None)}
    assert Paged().load({"limit": 1, "after": cursor(("a", 1))})["page"].limit == 1
    for wrong in (0, PAGE_MOST + 1, -1, "ten", 1.5, None):
        assert Paged().validate({"limit": wrong}).keys() == {"limit"}
    assert Paged().validate({"after": ""}).keys() == {"after"}
    assert Paged().validate({"after": "a" * 513}).keys() == {"after"}


def test_a_door_is_paged_where_it_gives_a_list_and_takes_a_page() -> None:
    assert Door(Paged, Paged, many=True).paged
    assert not Door(Paged, Paged).paged
    assert not Door(None, Paged, many=True).paged
