"""Lists in pages: a keyset, not a position, so that no row is lost or doubled by new ones.

A page starts after the last row of the page before, by the columns that the list is ordered
by. They are unique together and don't change while a row is listed. What comes in between
shows where it belongs, and moves nothing else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from marshmallow import Schema, fields, post_load, validate
from sqlalchemy import Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.chassis.columns import Instant
from services.chassis.errors import Invalid

PAGE, PAGE_MOST = 100, 200
CURSOR_MOST = 512
NUMBER_MOST = 2**31 - 1  # a database's whole number

Row = TypeVar("Row")
Answer = dict[str, Any]
Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted: at most ``limit`` rows after those of ``after``."""

    limit: int = PAGE
    after: str | None = None

    def rows(
        self,
        session: Session,
        query: Select[Row],
        order: Sequence[InstrumentedAttribute[Any]],
        view: Callable[[Row], Any],
        *,
        shown: Callable[[Row], bool] = lambda _row: True,
        falling: bool = False,
    ) -> Answer:
        """The page of ``query``'s rows that are ``shown``, by ``order``, as ``view`` has them.

        Only as many rows are read as the page needs. Raises ``Invalid("cursor_invalid")``.
        """
        after = None if self.after is None else _values(self.after, order)
        found = (row for row in _read(session, query, order, after, falling, self.limit))
        return self._cut(filter(shown, found), lambda row: _key(row, order), view)

    def of(
        self,
        rows: Iterable[Row],
        key: Callable[[Row], Key],
        view: Callable[[Row], Any] = lambda row: row,
        *,
        falling: bool = False,
    ) -> Answer:
        """The page of a list that is at hand as a whole, for what is few by nature.

        ``key`` is unique. Raises ``Invalid("cursor_invalid")``.
        """
        ordered = sorted(rows, key=key, reverse=falling)
        if self.after is None:
            return self._cut(ordered, key, view)
        after = tuple(_decoded(self.after))
        try:
            rest = [row for row in ordered if (key(row) < after if falling else key(row) > after)]
        except TypeError as error:
            # Of another list: its values are of other kinds.
            raise _refused() from error
        return self._cut(rest, key, view)

    def _cut(
        self, rows: Iterable[Row], key: Callable[[Row], Key], view: Callable[[Row], Any]
    ) -> Answer:
        """One row more than wanted tells whether there is a next page."""
        found = list(islice(rows, self.limit + 1))
        items = found[: self.limit]
        more = len(found) > self.limit
        return {
            "items": [view(row) for row in items],
            "next": cursor(key(items[-1])) if more else None,
        }


class Paged(Schema):
    """What every list takes: how many rows, and after which; the rule gets a :class:`Page`."""

    limit = fields.Integer(
        strict=True,
        load_default=PAGE,
        validate=validate.Range(1, PAGE_MOST),
        metadata={"description": "rows of a page"},
    )
    after = fields.String(
        load_default=None,
        validate=validate.Length(1, CURSOR_MOST),
        metadata={"description": "the cursor of the page before, from its header Link"},
    )

    @post_load
    def _page(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        page = Page(data.pop("limit"), data.pop("after"))
        return {**data, "page": page}


def every(ask_for: Callable[[Answer], Any], limit: int) -> Iterator[Any]:
    """All rows of a list, asked for in pages of ``limit``, from who answers them."""
    part: Answer = {"limit": limit}
    while True:
        page = ask_for(part)
        yield from page["items"]
        if page["next"] is None:
            return
        part = {"limit": limit, "after": page["next"]}


def cursor(key: Key) -> str:
    """The opaque name of a row's place."""
    text = json.dumps(key, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(after: str) -> list[Any]:
    try:
        padded = after + "=" * (-len(after) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise _refused() from error
    if not isinstance(values, list):
        raise _refused()
    return values


def _values(after: str, order: Sequence[InstrumentedAttribute[Any]]) -> list[Any]:
    """The cursor's values as the columns have them."""
    values = _decoded(after)
    if len(values) != len(order):
        raise _refused()
    return [_typed(value, column) for value, column in zip(values, order, strict=True)]


def _typed(value: Any, column: InstrumentedAttribute[Any]) -> Any:
    is_text = isinstance(value, str) and "\x00" not in value and value.isprintable()
    if isinstance(column.type, Instant) and is_text:
        return _instant(value)
    kind = column.type.python_type
    if kind is int and type(value) is int and abs(value) <= NUMBER_MOST:
        return value
    if kind is str and is_text:
        return value
    raise _refused()


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _refused() from error


def _read(
    session: Session,
    query: Select[Row],
    order: Sequence[InstrumentedAttribute[Any]],
    after: Sequence[Any] | None,
    falling: bool,
    limit: int,
) -> Iterator[Row]:
    """The rows after ``after``, in portions: not all may be shown to the asker."""
    ordered = query.order_by(*(column.desc() if falling else column for column in order))
    while True:
        portion = ordered if after is None else ordered.where(_beyond(order, after, falling))
        rows = session.scalars(portion.limit(limit + 1)).all()
        yield from rows
        if len(rows) <= limit:
            return
        after = [getattr(rows[-1], column.key) for column in order]


def _beyond(
    order: Sequence[InstrumentedAttribute[Any]], after: Sequence[Any], falling: bool
) -> Any:
    place = tuple_(
        *(literal(value, column.type) for value, column in zip(after, order, strict=True))
    )
    columns = tuple_(*order)
    return columns < place if falling else columns > place


def _key(row: Any, order: Sequence[InstrumentedAttribute[Any]]) -> Key:
    values = (getattr(row, column.key) for column in order)
    return tuple(each.isoformat() if isinstance(each, datetime) else each for each in values)


def _refused() -> Invalid:
    return Invalid(
        "cursor_invalid",
        "Ce repère de page n’est pas valable.",
        "Reprenez la liste depuis le début.",
    )
