"""The two tables that organisers fill in: the grid of criteria, and where the jury departs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from gateway.forms.error import Error
from gateway.forms.fields import read as read_field
from gateway.languages import gettext as _
from gateway.problems import problem_of
from services.chassis.errors import Refusal

ROWS = 8
EMPTY = {"id": "", "label": "", "weight": "", "scale_max": "10", "required": "true"}
Row = dict[str, str]
Typed = Mapping[str, str]


def rows_of(grid: Mapping[str, Any] | None) -> list[Row]:
    """The rows to show: those of the grid, then empty ones."""
    stored = [] if grid is None else grid["criteria"]
    rows = [
        {
            "id": line["id"],
            "label": line["label"],
            "weight": str(line["weight"]),
            "scale_max": str(line["scale_max"]),
            "required": "true" if line["required"] else "",
        }
        for line in stored
    ]
    return [*rows, *(dict(EMPTY) for _ in range(max(1, ROWS - len(rows))))]


def typed_rows(typed: Typed) -> list[Row]:
    """The rows as they were typed."""
    places = sorted({int(found[1]) for name in typed if (found := PLACE.fullmatch(name))})
    return [{name: typed.get(f"criteria.{place}.{name}", "") for name in EMPTY} for place in places]


def read(typed: Typed) -> dict[str, Any]:
    """The grid as the jury takes it; a row without a label is none.

    What is no number stays text: the jury says what is wrong with it.
    """
    rows = [row for row in typed_rows(typed) if row["label"].strip()]
    return {"criteria": [_criterion(row) for row in rows]}


def placements(ranking: Mapping[str, Any], typed: Typed) -> dict[str, Any]:
    """The deliberation: every rank that was typed and differs from what the cards say."""
    departures = [
        {"project": line["project"], "rank": read_field("integer", text)}
        for line in ranking["ranking"]
        for text in [typed.get(f"rank.{line['project']}", "").strip()]
        if text and text != str(line["rank"])
    ]
    return {"placements": departures, "reason": typed.get("reason", "").strip()}


def _criterion(row: Row) -> dict[str, Any]:
    return {
        # A criterion keeps its id when its label is polished.
        "id": row["id"] or slug(row["label"]),
        "label": row["label"].strip(),
        "weight": read_field("decimal", row["weight"] or "1"),
        "scale_max": read_field("integer", row["scale_max"] or "10"),
        "required": row["required"] == "true",
    }


def slug(label: str) -> str:
    """An id made of a label: « Ancrage local » gives "ancrage_local"."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40].rstrip("_")
    return found if found[:1].isalpha() else f"c_{found}"[:40]


def errors_of(refusal: Refusal) -> list[Error]:
    """What of the grid was refused, by the number of its criterion."""
    return [
        Error(_("Criterion %(number)s", number=int(found[1]) + 1), each["message"], found[0])
        if (found := WHERE.match(each["field"]))
        else Error("", each["message"], "")
        for each in problem_of(refusal, "")["errors"]
    ]


WHERE = re.compile(r"criteria\.([0-9]+)\.[a-z_]+")
PLACE = re.compile(r"criteria\.([0-9]{1,3})\.label")
