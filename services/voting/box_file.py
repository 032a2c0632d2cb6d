"""The scrutineers' file: a line per counted ballot, ``tracker,choice`` (RULES V8)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

COLUMNS = ["tracker", "choice"]
NAMED_MOST = 20
"""So many wrong lines are named one by one."""


class BoxError(ValueError):
    """A file that can't be counted, with what is wrong in it, a sentence each."""

    def __init__(self, wrong: list[str]) -> None:
        super().__init__("\n".join(wrong))
        self.wrong = wrong


def key_of(poll: str) -> str:
    """Where a poll's box is kept in the storage."""
    return f"polls/{poll}/box.csv"


def read(path: Path) -> Iterator[tuple[str, str]]:
    """The rows of a box file; columns end with a comma or, as spreadsheets here write them, a
    semicolon.

    Raises :class:`BoxError` at the end, with the number of every line that is wrong: a box with
    one malformed line has no count.
    """
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for number, row in _numbered(path):
        fault = _fault(row, seen)
        if fault:
            wrong.append(f"line {number}: {fault}")
        else:
            seen[row[0]] = number
            yield row[0], row[1]
    if wrong:
        raise BoxError([*wrong[:NAMED_MOST], *_more(wrong)])


def _numbered(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="\n", errors="surrogateescape") as lines:
        first = next(lines, "").rstrip("\r\n")
        separator = ";" if ";" in first else ","
        if first.split(separator) != COLUMNS:
            raise BoxError([f"line 1: the columns must be {','.join(COLUMNS)}, not {first[:80]!r}"])
        # One line, one ballot: no value of ours has a line end in it, so no quote spans lines.
        for number, line in enumerate(lines, 2):
            yield number, _columns(line.rstrip("\r\n"), separator)


def _columns(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return [line]


def _fault(row: list[str], seen: dict[str, int]) -> str:
    if len(row) != len(COLUMNS):
        return f"it must have a tracker and a choice, and has {len(row)} columns"
    for name, value in zip(COLUMNS, row, strict=True):
        if not value:
            return f"its {name} is empty"
        if not value.isprintable() or value != value.strip():
            return f"its {name} has characters in it that none may have"
    if row[0] in seen:
        return f"its tracker is that of line {seen[row[0]]}"
    return ""


def _more(wrong: Iterable[str]) -> list[str]:
    left = sum(1 for _ in islice(wrong, NAMED_MOST, None))
    return [f"and {left} more"] if left else []
