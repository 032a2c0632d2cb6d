"""Tables as CSV, beside JSON: for spreadsheets, whole, and harmless to open (RULES R7)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields

from gateway.languages import N_
from gateway.routes import Route
from services.chassis.errors import Invalid

MEDIA_TYPE = "text/csv"
ENDING = ".csv"
# By it a spreadsheet knows that the file is UTF-8.
MARK = "\ufeff"
# A spreadsheet takes a text that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Column:
    """A column: its name, and the way to its value in a row."""

    name: str
    path: tuple[str, ...]


def is_wanted(route: Route) -> bool:
    """Whether the present request asks for a table as CSV: by its path, or by ``Accept``."""
    if not route.tabular:
        return False
    offered = ["application/json", MEDIA_TYPE]
    return is_file(request.path) or request.accept_mimetypes.best_match(offered) == MEDIA_TYPE


def is_file(path: str) -> bool:
    """Whether a path of the API names a table as a file."""
    return path.endswith(ENDING)


def refuse_part() -> None:
    """Refuses the parameters of a page: a file holds the whole list. Raises ``Invalid``."""
    given = sorted({"limit", "after"} & request.args.keys())
    if given:
        raise Invalid(
            "request_invalid",
            N_("A CSV file holds the whole list, not a page of it."),
            errors={name: [N_("Not for a CSV file.")] for name in given},
        )


def answer(route: Route, rows: Iterable[Any]) -> Response:
    """The rows as a file that a browser stores."""
    response = Response(text_of(route, rows), mimetype=MEDIA_TYPE)
    name = route.path.rpartition("/")[2] + ENDING
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def text_of(route: Route, rows: Iterable[Any]) -> str:
    """The whole file: the mark, the columns' names from the schema, a line per row."""
    columns = tuple(columns_of(route.row))
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";", lineterminator="\r\n")
    writer.writerow([column.name for column in columns])
    writer.writerows([cell(_value(row, column.path)) for column in columns] for row in rows)
    return MARK + written.getvalue()


def columns_of(row: Schema | fields.Field[Any], path: tuple[str, ...] = ()) -> Iterator[Column]:
    """The columns of a row, objects within it by names with dots."""
    if isinstance(row, fields.Field):
        yield Column(str(row.metadata.get("title", "value")), ())
        return
    for name, field in row.fields.items():
        inside = (*path, field.data_key or name)
        if isinstance(field, fields.Nested) and not field.many:
            yield from columns_of(field.schema, inside)
        else:
            yield Column(".".join(inside), inside)


def cell(value: Any) -> str:
    """A value as a cell's text; a text that a spreadsheet would compute gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    text = value if isinstance(value, str) else _joined(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _joined(value: Any) -> str:
    """A list of texts as a person would write it, anything else as JSON."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _value(row: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        # What the asker may not know of a row is not in it.
        row = row.get(name) if isinstance(row, Mapping) else None
    return row
